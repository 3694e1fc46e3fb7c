"""Numbered samples in Kafka messages, some of them poisoned, and the verdict over what servers made of them."""
import gzip
import json
import threading
import time
from collections import namedtuple

import encode

FORMATS = ("influx", "json", "prometheus-text", "prometheus-remote-write")
DATABASE = "fire"

Sample = namedtuple("Sample", "name labels value time_ms")  # time_ms None: it has the message's
Poison = namedtuple("Poison", "kind value headers")


# ---- bodies

def influx(samples):
    lines = []
    for one in samples:
        measurement, _, field = one.name.rpartition("_")
        tags = "".join(f",{name}={value}" for name, value in sorted(one.labels.items()))
        time_ns = "" if one.time_ms is None else f" {one.time_ms * 1000000}"
        lines.append(f"{measurement}{tags} {field}={one.value}{time_ns}")
    return "\n".join(lines).encode()


def as_json(samples):
    objects = []
    for one in samples:
        fields = {"name": one.name, "labels": one.labels, "value": one.value}
        if one.time_ms is not None:
            fields["timestamp"] = one.time_ms
        objects.append(fields)
    if len(objects) % 2:
        return json.dumps(objects, indent=1).encode()
    return "\n".join(map(json.dumps, objects)).encode()


def text(samples):
    lines = []
    for one in samples:
        labels = ",".join(f'{name}="{value}"' for name, value in sorted(one.labels.items()))
        lines.append(f"{one.name}{{{labels}}} {one.value}" + ("" if one.time_ms is None else f" {one.time_ms}"))
    return "\n".join(lines).encode()


def remote_write(samples):
    """Has a time always."""
    return encode.write_request([({"__name__": one.name, **one.labels}, [(one.time_ms, float(one.value))])
                                 for one in samples if one.time_ms is not None])


BODY = {"influx": influx, "json": as_json, "prometheus-text": text, "prometheus-remote-write": remote_write}


# ---- poison

def poisons(kind, labels, good, unique):
    """Messages that are wrong, each by itself, also those of one list side by side. `good` is a body without fault, which
    some of them hold beside what is wrong."""
    tag = "".join(f",{name}={value}" for name, value in sorted(labels.items())).encode()
    header = [[Poison("unknown format", good, {"format": "carrier-pigeon"})],
              [Poison("unknown encoding", good, {"content-encoding": "lzw"})],
              [Poison("not in that encoding", b"these bytes are no gzip", {"content-encoding": "gzip"})]]
    if kind == "influx":
        return header + [
            [Poison("no fields", b"numbered" + tag, {})],
            [Poison("no number", b"numbered" + tag + b" value=1.2.3 7", {})],
            [Poison("no end of a string", b"numbered" + tag + b' text="open', {})],
            [Poison("half", b"numbered" + tag + b' text="open', {}), Poison("other half", b'",value=1 5', {})],
            [Poison("no UTF-8", b"numbered,topic=\xff\xfe value=1 7", {})],
            [Poison("types that clash", b"%s value=1i 7\n%s value=\"x\" 8" % (unique, unique), {})],
            [Poison("unknown precision", good, {"precision": "fortnights"})],
            [Poison("partly good", good + b"\nnumbered" + tag, {})]]
    if kind == "json":
        return header + [
            [Poison("no JSON", b"numbered: 1", {})],
            [Poison("no end", b'{"name": "numbered_value", "value": 1', {})],
            [Poison("half", b'{"name": "numbered_value", "value": 1,', {}), Poison("other half", b'"timestamp": 5}', {})],
            [Poison("no number", b'{"name": "numbered_value", "value": "x"}', {})],
            [Poison("no name", b'{"value": 1}', {})],
            [Poison("partly good", good.rstrip(b"]") + b', {"name": "numbered_value"}]', {})]]
    if kind == "prometheus-text":
        return header + [
            [Poison("no number", b"numbered_value x", {})],
            [Poison("no end of labels", b'numbered_value{topic="x" 5 7', {})],
            [Poison("half", b'numbered_value{topic="x",', {}), Poison("other half", b'partition="y"} 5 7', {})],
            [Poison("no name", b"= 5", {})],
            [Poison("partly good", good + b"\nnumbered_value x", {})]]
    nameless = encode.write_request([(labels, [(7, 1.0)])])
    whole = encode.write_request([({"__name__": "numbered_value", "more": "\x0f" * 60}, [(7, 1.0)])])
    raw = {"content-encoding": "identity"}
    return header + [
        [Poison("no protobuf", b"cpu value=1", {})],
        [Poison("cut short", whole[:40], raw)],
        [Poison("half", whole[:40], raw), Poison("other half", whole[40:], raw)],
        [Poison("snappy cut short", encode.snappy(whole)[:-9], {"content-encoding": "snappy"})],
        [Poison("no name", nameless, raw)],
        [Poison("partly good", good + nameless, raw)]]


# ---- a topic

class Stream:
    """Makes the messages of a topic, and knows what stores and dead letters have to hold in the end.

    Message n of partition p has the key "p/n" and the time base + n ms. It carries one to three samples numbered_value,
    each with the next number of its partition as value and base + number ms as time, and a sample bare_value without a
    time, whose value is n.
    """

    def __init__(self, topic, kind, chance, partitions=3, poisoned=0.05, other_formats=0.05):
        self.topic, self.kind, self.chance = topic, kind, chance
        self.poisoned, self.other_formats = poisoned, other_formats
        self.base_ms = int(time.time() * 1000) - 7200 * 1000
        self.numbers, self.counts, self.waiting = [], [], []  # by partition
        self.bare = []  # by partition: {time_ms: value}
        self.bad = {}  # {(partition, n): Poison}
        self.grow(partitions)

    def grow(self, partitions):
        for _ in range(partitions - len(self.numbers)):
            self.numbers.append(0)
            self.counts.append(0)
            self.waiting.append([])
            self.bare.append({})

    @property
    def partitions(self):
        return len(self.numbers)

    def messages(self):
        return sum(self.counts)

    def samples(self):
        return sum(self.numbers) + sum(map(len, self.bare))

    def labels(self, partition):
        return {"topic": self.topic, "partition": str(partition)}

    def _numbered(self, partition, count):
        out = []
        for _ in range(count):
            number = self.numbers[partition]
            out.append(Sample("numbered_value", self.labels(partition), number, self.base_ms + number))
            self.numbers[partition] += 1
        return out

    def make(self, partition):
        """(key, value, headers, time_ms) of the next message of the partition."""
        n = self.counts[partition]
        self.counts[partition] += 1
        key, time_ms = b"%d/%d" % (partition, n), self.base_ms + n
        if not self.waiting[partition] and self.chance.random() < self.poisoned:
            # What is good in a poisoned message is stored; it is one number, or none.
            unique = b"clash_%s_%d_%d" % (self.topic.replace(".", "_").encode(), partition, n)
            choices = poisons(self.kind, self.labels(partition), b"", unique)
            chosen = self.chance.randrange(len(choices))
            if choices[chosen][0].kind == "partly good":
                good = BODY[self.kind](self._numbered(partition, 1))
                choices = poisons(self.kind, self.labels(partition), good, unique)
            self.waiting[partition] = list(choices[chosen])
        if self.waiting[partition]:
            poison = self.waiting[partition].pop(0)
            self.bad[partition, n] = poison
            return key, poison.value, {"n": str(n), **poison.headers}, time_ms
        value, headers = self._good(partition, n, time_ms)
        return key, value, headers, time_ms

    def _good(self, partition, n, time_ms):
        kind, headers = self.kind, {}
        if self.chance.random() < self.other_formats:
            kind = self.chance.choice(FORMATS)
            headers = {"format": kind, "database": DATABASE}
        samples = self._numbered(partition, 1 + n % 3)
        if kind != "prometheus-remote-write":
            samples.append(Sample("bare_value", self.labels(partition), n, None))
            self.bare[partition][time_ms] = n
        body = BODY[kind](samples)
        how = self.chance.random()
        if kind == "prometheus-remote-write":
            if how < 0.6:
                body = encode.snappy(body)
            if how < 0.3:
                headers["content-encoding"] = "snappy"
        elif how < 0.1:
            body = gzip.compress(body, 1)
            headers["content-encoding"] = "gzip"
        elif how < 0.4:
            body += b"\n"
        return body, headers


class Feeder(threading.Thread):
    """Writes streams into a cluster, `rate` messages a second all together, until told to stop."""

    def __init__(self, cluster, streams, rate, **settings):
        super().__init__(daemon=True)
        self.cluster, self.streams, self.rate = cluster, list(streams), rate
        self.settings = {"linger.ms": 5, "message.timeout.ms": 300000, "socket.timeout.ms": 5000, **settings}
        self.stopping, self.changed = threading.Event(), threading.Event()
        self.larger = []  # (stream, partitions) that the next producer knows of
        self.failure = None

    def run(self):
        try:
            while not self.stopping.is_set():
                self.changed.clear()
                while self.larger:
                    stream, partitions = self.larger.pop()
                    stream.grow(partitions)
                with self.cluster.producer(**self.settings) as producer:
                    self._feed(producer)
                    producer.flush(300)
        except Exception as error:  # pylint: disable=broad-except; end() tells it to the test
            self.failure = error

    def _feed(self, producer):
        sent, began = 0, time.monotonic()
        while not self.stopping.is_set() and not self.changed.is_set():
            for stream in self.streams:
                for partition in range(stream.partitions):
                    key, value, headers, time_ms = stream.make(partition)
                    producer.send(stream.topic, value, key, partition, headers, time_ms)
                    sent += 1
            ahead = sent / self.rate - (time.monotonic() - began)
            if ahead > 0:
                time.sleep(ahead)

    def grow(self, stream, partitions):
        """A topic has more partitions now; a new producer, which knows them, takes over."""
        self.larger.append((stream, partitions))
        self.changed.set()

    def end(self):
        """All that was made is in the cluster when it returns."""
        self.stopping.set()
        self.join(400)
        if self.failure or self.is_alive():
            raise AssertionError(f"the producer: {self.failure or 'does not end'}")


# ---- what a store holds

class Holding:
    """What a store, or several, hold of a stream: by partition {time_ms: value} of the numbered samples and of the bare."""

    def __init__(self, stream):
        self.numbered = [{} for _ in range(stream.partitions)]
        self.bare = [{} for _ in range(stream.partitions)]
        self.problems = []
        self.common = 0  # samples that a second store held too

    def add(self, server, stream):
        for name, out in (("numbered_value", self.numbered), ("bare_value", self.bare)):
            before = [set(one) for one in out]
            for series in server.query(f'{name}{{topic="{stream.topic}"}}[100y]', time=stream.base_ms / 1000 + 86400 * 30):
                partition = int(series["metric"]["partition"])
                for at, value in series["values"]:
                    time_ms, value = round(at * 1000), float(value)
                    if out[partition].setdefault(time_ms, value) != value:
                        self.problems.append(f"{stream.topic}[{partition}] {name} at base + {time_ms - stream.base_ms} ms:"
                                             f" both {value} and {out[partition][time_ms]}")
                    self.common += time_ms in before[partition]
        return self


def ranges(numbers):
    """'3-5, 9' of what is often long."""
    out, numbers = [], sorted(numbers)
    for n in numbers:
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    shown = ", ".join(f"{a}-{b}" if a != b else str(a) for a, b in out[:8])
    return f"{len(numbers)}: {shown}" + (", ..." if len(out) > 8 else "")


def judge(stream, holding):
    """What is wrong with it; nothing, when the stored set is the produced set."""
    problems = list(holding.problems)
    for p in range(stream.partitions):
        wanted = {stream.base_ms + n: n for n in range(stream.numbers[p])}
        for name, want, found in (("numbered", wanted, holding.numbered[p]), ("bare", stream.bare[p], holding.bare[p])):
            if want == found:
                continue
            what = f"{stream.topic}[{p}] {name}: "
            lost = want.keys() - found.keys()
            more = found.keys() - want.keys()
            if lost:
                problems.append(what + f"missing {ranges(want[t] for t in lost)} of {len(want)}")
            if more:
                problems.append(what + f"times that nobody sent, base + {ranges(t - stream.base_ms for t in more)} ms")
            wrong = [t for t in want.keys() & found.keys() if want[t] != found[t]]
            if wrong:
                problems.append(what + f"other values at base + {ranges(t - stream.base_ms for t in wrong)} ms")
    return problems


# ---- dead letters

SOURCE = ("source-topic", "source-partition", "source-offset")
OWN = ("error-code", "error-message", *SOURCE, "source-timestamp", "failed-at", "consumer")


class Letters:
    """The dead letters of streams: each bad message and no other, as it was; again only where `again` allows it.

    `logs`: {topic: {(partition, offset): key}} as the cluster holds it: where a broker dies, the producer's messages may
    be there twice, and are two dead letters then.
    """

    def __init__(self, streams, logs, again=lambda first_ms, second_ms: False):
        self.streams, self.logs, self.again = {stream.topic: stream for stream in streams}, logs, again
        self.seen = {}  # (topic, partition, offset): [failed at]
        self.problems, self.repeats = [], 0
        self.sources = {}  # {"topic" or "store": how many}

    def from_topic(self, messages):
        for one in messages:
            headers = dict(one.headers)
            lacking = [name for name in OWN if not headers.get(name)]
            if lacking:
                self.problems.append(f"{one}: no header {', '.join(lacking)}")
                continue
            original = [(name, value) for name, value in one.headers if name not in OWN]
            own = {name: headers[name].decode() for name in OWN}
            self._add("topic", *(own[name] for name in SOURCE), own["error-code"], own["failed-at"], one.key, one.value,
                      original)
        return self

    def from_store(self, letters):
        """As consuming.letters() gives them."""
        for one in letters:
            self._add("store", one.topic, one.partition, one.offset, one.code, one.failed_at, one.key, one.value, one.headers)
        return self

    def found(self):
        return {**self.sources, "again": self.repeats}

    def _add(self, where, topic, partition, offset, code, failed_at, key, value, headers):
        name = f"{topic}[{partition}]@{offset}"
        stream = self.streams.get(topic)
        place = tuple(map(int, key.split(b"/"))) if key and b"/" in key else None
        poison = stream and stream.bad.get(place)
        if poison is None:
            self.problems.append(f"{name}: is a dead letter ({code}), and was good: key {key}, {value!r:.200}")
            return
        self.sources[where] = self.sources.get(where, 0) + 1
        if self.logs[topic].get((int(partition), int(offset))) != key:
            self.problems.append(f"{name}: is told of the message {place}")
        wanted = [("n", str(place[1]).encode()), *((n, v.encode()) for n, v in poison.headers.items())]
        if value != poison.value or headers != wanted:
            self.problems.append(f"{name}: was {poison.value!r} {wanted}, is {value!r} {headers}")
        self.seen.setdefault((topic, int(partition), int(offset)), []).append(failed_at)

    def judge(self):
        problems = list(self.problems)
        for stream in self.streams.values():
            poisoned = {b"%d/%d" % place: poison for place, poison in stream.bad.items()}
            lost = [(place, poisoned[key]) for place, key in self.logs[stream.topic].items()
                    if key in poisoned and (stream.topic, *place) not in self.seen]
            for place, poison in lost[:10]:
                problems.append(f"{stream.topic} {place}: no dead letter of {poison}")
            if len(lost) > 10:
                problems.append(f"{stream.topic}: and {len(lost) - 10} more")
        for place, times in self.seen.items():
            self.repeats += len(times) - 1
            times = sorted(map(moment_ms, times))
            for first, second in zip(times, times[1:]):
                if not self.again(first, second):
                    problems.append(f"{place}: told twice, at {first} and {second}, and nobody was killed between")
        return problems


def moment_ms(text):
    """Unix milliseconds of a number of them, or of RFC 3339 in UTC."""
    text = str(text)
    if text.isdigit():
        return int(text)
    import calendar
    base, _, rest = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(base, "%Y-%m-%dT%H:%M:%S")) * 1000 + round(float("0." + (rest or "0")) * 1000)
