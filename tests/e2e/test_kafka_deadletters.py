"""Dead letters that the server keeps: listed, shown, retried when their cause is mended, dropped; over a mock cluster."""
import base64
import json
import os
import unittest

import harness
import kafka

QUICK = {"session.timeout.ms": "6000", "topic.metadata.refresh.interval.ms": "500"}
GOOD = b"cpu usage=%d %d000000000"


@unittest.skipIf(kafka.no_mock(), kafka.no_mock())
class DeadLetters(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = kafka.MockCluster(1)
        cls.addClassCleanup(cls.cluster.remove)

    def consumer(self, topic, name="telemetry", **fields):
        return {"name": name, "brokers": [self.cluster.bootstrap], "topics": [topic], "group": f"{topic}-{name}",
                "database": "telegraf", "settings": QUICK, **fields}

    def consuming(self, *consumers, flags=(), **sections):
        """A server that makes no databases by itself. The consumers' is made while their group still forms."""
        server = self.server("--self-scrape.interval=0s", "--no-ingest.create-databases", *flags, start=False)
        path = os.path.join(server.directory, "silverback.yml")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"kafka": {"consumers": consumers, **sections}}, file)  # which YAML can read
        server.flags.append(f"--config.file={path}")
        server.start()
        self.create(server, "telegraf")
        return server

    def create(self, server, database):
        answer = server.post_form("/query", {"q": f'CREATE DATABASE "{database}"'})
        self.assertEqual(200, answer.status, answer.body)

    def send(self, topic, *messages):
        with self.cluster.producer() as producer:
            for value, more in messages:
                producer.send(topic, value, partition=0, **more)
            producer.flush()

    def data(self, answer, status=200):
        self.assertEqual(status, answer.status, answer.body)
        return answer.json()["data"]

    def letters(self, server, **parameters):
        return self.data(server.get("/api/v1/deadletters", parameters))

    def kept(self, server, count, seconds=30):
        def size():
            return self.data(server.get("/api/v1/status/kafka"))["deadLetters"]["letters"]
        harness.wait_for(lambda: size() == count, seconds, lambda: f"{size()} letters\n{server.text()[-3000:]}")

    def refused(self, answer, status, words):
        self.assertEqual(status, answer.status, answer.body)
        self.assertIn(words, answer.json()["error"])

    def test_from_a_bad_message_to_a_stored_one(self):
        self.cluster.topic("life", 1)
        later = {"headers": {"database": "later"}}
        self.send("life", (GOOD % (1, 1_700_000_000), {}), (b"cpu usage=", {"key": b"k", "timestamp_ms": 1_700_000_000_500}),
                  (GOOD % (2, 1_700_000_001), later), (b"\xff\x00 no line", {}), (GOOD % (3, 1_700_000_002), later),
                  (GOOD % (4, 1_700_000_003), {}))
        server = self.consuming(self.consumer("life"))
        self.kept(server, 4)
        self.assertEqual([["1"], ["4"]], self.values(server))

        # In pages.
        first = self.letters(server, limit=3)
        self.assertEqual([f"telemetry/life/0/{n}" for n in (1, 2, 3)], [one["id"] for one in first["letters"]])
        rest = self.letters(server, limit=3, after=first["next"])
        self.assertEqual(["telemetry/life/0/4"], [one["id"] for one in rest["letters"]])
        self.assertNotIn("next", rest)
        self.assertEqual([], self.letters(server, consumer="another")["letters"])

        # One of them, which a restart does not touch.
        server.kill()
        server.start()
        one = self.letters(server, id="telemetry/life/0/1")
        self.assertEqual(("telemetry", "life", 0, 1, "k", "cpu usage=", "text", "2023-11-14T22:13:20.5Z"),
                         tuple(one[name] for name in ("consumer", "topic", "partition", "offset", "key", "value",
                                                      "valueEncoding", "time")))
        self.assertEqual("malformed", one["code"])
        self.assertIn("cpu usage=", one["text"])
        binary = self.letters(server, id="telemetry/life/0/3")
        self.assertEqual((b"\xff\x00 no line", "base64", 10),
                         (base64.b64decode(binary["value"]), binary["valueEncoding"], binary["valueBytes"]))
        missing = self.letters(server, id="telemetry/life/0/2")
        self.assertIn("later", missing["text"])
        self.assertEqual([{"name": "database", "value": "later", "valueEncoding": "text"}], missing["headers"])

        # Again, before and after the database is there.
        retry = "/api/v1/deadletters/retry"
        self.assertEqual({"stored": 0, "failed": 1},
                         self.data(server.post_form(retry, {"id": "telemetry/life/0/2"})))
        self.create(server, "later")
        self.assertEqual({"stored": 1, "failed": 1},
                         self.data(server.post_form(retry, {"id": ["telemetry/life/0/1", "telemetry/life/0/2"]})))
        self.assertEqual({"stored": 1, "failed": 2}, self.data(server.post_form(retry, {"all": "true"})))
        self.assertEqual([["1"], ["2"], ["3"], ["4"]], self.values(server))
        again = self.letters(server, id="telemetry/life/0/1")
        self.assertGreater(again["failedAt"], one["failedAt"])
        self.assertEqual({**one, "failedAt": again["failedAt"]}, again)

        # Away with the others.
        self.refused(server.request("DELETE", "/api/v1/deadletters"), 400, "exactly one of")
        self.refused(server.post_form(retry, {"id": "telemetry/life/0/2"}), 404, "telemetry/life/0/2")
        self.assertEqual({"dropped": 1},
                         self.data(server.request("DELETE", "/api/v1/deadletters?id=telemetry/life/0/3")))
        self.assertEqual({"dropped": 1}, self.data(server.request("DELETE", "/api/v1/deadletters?consumer=telemetry")))
        self.assertEqual([], self.letters(server)["letters"])
        server.stop()
        server.start()
        self.kept(server, 0)

    def values(self, server):
        """Of cpu_usage, each sample's, in the order of time."""
        found = [sample for series in server.query("cpu_usage[100y]", time="1800000000") for sample in series["values"]]
        return [[value] for _, value in sorted(found, key=lambda one: float(one[0]))]

    def test_a_full_store_of_letters_holds_its_consumer_until_there_is_space(self):
        self.cluster.topic("full", 1)
        bad = [(b"bad" + b"x" * 1000, {}) for _ in range(6)]
        self.send("full", *bad, (GOOD % (7, 1_700_000_000), {}))
        server = self.consuming(self.consumer("full", batch_messages=1), dead_letters={"max_size": 5000})

        def troubles():
            consumers = self.data(server.get("/api/v1/status/kafka"))["consumers"]
            return [trouble["code"] for consumer in consumers for trouble in consumer["troubles"]]
        harness.wait_for(lambda: "dead_letters" in troubles(), 40, lambda: f"{troubles()}\n{server.text()[-3000:]}")
        check, = server.get("/health").json()["checks"]
        self.assertEqual(("kafka", "fail", 200), (check["name"], check["status"], server.get("/health").status))
        self.assertIn("telemetry", check["message"])
        held = self.data(server.get("/api/v1/status/kafka"))["deadLetters"]
        self.assertLessEqual(held["bytes"], 5000)
        self.assertLess(held["letters"], 6)

        self.assertEqual({"dropped": held["letters"]},
                         self.data(server.request("DELETE", "/api/v1/deadletters?all=true")))
        self.kept(server, 6 - held["letters"], 40)
        harness.wait_for(lambda: self.values(server) == [["7"]], 30, lambda: server.text()[-3000:])
        harness.wait_for(lambda: server.get("/health").json()["checks"][0]["status"] == "pass", 30)

    def test_who_switched_the_admin_api_off_looks_only(self):
        self.cluster.topic("looks", 1)
        self.send("looks", (b"bad", {}))
        server = self.consuming(self.consumer("looks"), flags=["--no-web.enable-admin-api"])
        self.kept(server, 1)
        self.refused(server.request("DELETE", "/api/v1/deadletters?all=true"), 403, "web.enable-admin-api")
        self.refused(server.post_form("/api/v1/deadletters/retry", {"all": "true"}), 403, "web.enable-admin-api")
        self.assertEqual(1, len(self.letters(server)["letters"]))


if __name__ == "__main__":
    unittest.main()
