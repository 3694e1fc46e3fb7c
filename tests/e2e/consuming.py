"""A server with Kafka consumers, as tests of them need it."""
import base64
import json
import os
import re
from collections import namedtuple

import harness

# Groups notice the dead and topics' changes within seconds.
QUICK = {"session.timeout.ms": "2000", "heartbeat.interval.ms": "300", "reconnect.backoff.max.ms": "500",
         "topic.metadata.refresh.interval.ms": "1000"}


def configure(server, consumers, **sections):
    """Writes the file that the server reads at its start and at a reload. `consumers` have the fields of the configuration."""
    path = os.path.join(server.directory, "silverback.yml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"kafka": {"consumers": consumers, **sections}}, file)  # which YAML can read
    flag = f"--config.file={path}"
    if flag not in server.flags:
        server.flags.append(flag)


def metric(server, name, **labels):
    """The sum of what /metrics has of that name and these labels; None when it has nothing."""
    found = None
    for line in server.get("/metrics").body.decode().splitlines():
        match = re.fullmatch(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)", line)
        if match and match[1] == name:
            has = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            if all(has.get(label) == value for label, value in labels.items()):
                found = (found or 0.0) + float(match[3])
    return found


def status(server, consumer=None):
    """GET /api/v1/status/kafka, or of it what is said of one consumer."""
    def ask():
        answer = server.get("/api/v1/status/kafka")
        if answer.status != 200:
            raise AssertionError(f"status: {answer.status} {answer.body[:500]}")
        found = answer.json()["data"]
        return found if consumer is None else next((one for one in found["consumers"] if one["name"] == consumer), None)
    return harness.wait_for(ask, 10, lambda: f"no consumer {consumer}")  # they start after the server is ready


Letter = namedtuple("Letter", "id consumer topic partition offset code text failed_at key value headers")


def letters(server, consumer=None):
    """All dead letters that the server keeps, whole."""
    out, after = [], ""
    while after is not None:
        parameters = {"limit": 1000, "after": after, **({"consumer": consumer} if consumer else {})}
        harness.wait_for(lambda: server.get("/api/v1/deadletters", parameters).status == 200, 10)
        answer = server.get("/api/v1/deadletters", parameters)
        page = answer.json()["data"]
        out += [_letter(server, one["id"]) for one in page["letters"]]
        after = page.get("next")
    return out


def _letter(server, name):
    one = server.get("/api/v1/deadletters", {"id": name}).json()["data"]

    def text_or_bytes(holder, field):
        text = holder[field].encode()
        return base64.b64decode(text) if holder[field + "Encoding"] == "base64" else text
    headers = [(header["name"], text_or_bytes(header, "value")) for header in one["headers"]]
    return Letter(one["id"], one["consumer"], one["topic"], one["partition"], one["offset"], one["code"], one["text"],
                  one["failedAt"], text_or_bytes(one, "key"), text_or_bytes(one, "value"), headers)


class Case(harness.TestCase):
    cluster = None
    number = 0

    def name(self, prefix="t"):
        """Of a topic or a group that no other test has."""
        Case.number += 1
        return f"{prefix}{Case.number}"

    def topic(self, partitions=1, prefix="t", **config):
        name = self.name(prefix)
        self.cluster.topic(name, partitions, **config)
        return name

    def consumer(self, topics, name="first", **fields):
        """The fields of one, in a group of its own."""
        settings = {**QUICK, **fields.pop("settings", {})}
        return {"name": name, "brokers": self.cluster.bootstrap.split(","), "database": "k", "settings": settings,
                "topics": [topics] if isinstance(topics, str) else topics, "group": self.name("group"),
                "batch_wait": "10ms", **fields}

    def consuming(self, *consumers, flags=(), start=True, environment=None, **sections):
        server = self.server("--self-scrape.interval=0s", *flags, start=False, environment=environment)
        configure(server, list(consumers), **sections)
        return server.start() if start else server

    def reload(self, server, *consumers, **sections):
        configure(server, list(consumers), **sections)
        answer = server.request("POST", "/-/reload")
        self.assertEqual(200, answer.status, answer.body)

    def send(self, topic, *values, **more):
        """Messages to a topic; each a value, or a (value, headers)."""
        with self.cluster.producer() as producer:
            for value in values:
                value, headers = value if isinstance(value, tuple) else (value, None)
                producer.send(topic, value, headers=headers, **more)
            producer.flush()

    def values(self, server, selector):
        """All values of all series of it, in the order of their times."""
        found = [sample for series in server.query(f"{selector}[100y]", time="4000000000") for sample in series["values"]]
        return [float(value) for _, value in sorted(found, key=lambda one: float(one[0]))]

    def stored(self, server, selector, values, seconds=20):
        """Waits until exactly these values are there."""
        try:
            harness.wait_for(lambda: self.values(server, selector) == values, seconds)
        except AssertionError:
            self.assertEqual(values, self.values(server, selector), server.text()[-3000:])

    def assigned(self, server, consumer="first", partitions=1, seconds=20):
        """Waits until the consumer has so many partitions, with their positions known."""
        def ready():
            found = status(server, consumer)["partitions"]
            return len(found) == partitions and all(one["position"] is not None and one["position"] >= 0 for one in found)
        harness.wait_for(ready, seconds, lambda: f"{status(server, consumer)}\n{server.text()[-3000:]}")

    def kept_letters(self, server):
        """How many the server keeps."""
        return status(server)["deadLetters"]["letters"]

    def logged(self, server, pattern, seconds=20):
        return harness.wait_for(lambda: [line for line in server.log if re.search(pattern, line)], seconds,
                                lambda: f"no {pattern} in\n{server.text()[-5000:]}")


def lines(numbers, measurement="m", base_ns=1_700_000_000_000_000_000):
    """One message of line protocol a number, a second after the one before."""
    return [b"%s value=%d %d" % (measurement.encode(), n, base_ns + n * 1_000_000_000) for n in numbers]
