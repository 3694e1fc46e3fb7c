#!/usr/bin/env python3
"""Samples per CPU-second of the server from Kafka and over HTTP, the same bytes; a backlog; the delay under a steady load.

    kafka_throughput.py [--samples N] [--formats influx,json,...] [--sizes 100,1] [--rounds N]
    kafka_throughput.py --backlog N        memory and rate while N samples are caught up with
    kafka_throughput.py --steady RATE      delay of messages at RATE samples a second, for a minute
"""
import argparse
import ctypes
import http.client
import os
import re
import statistics
import sys
import tempfile
import time

from programs import BINARY, TICKS

import encode
import harness
import kafka

FIELDS = ["usage_user", "usage_system", "usage_idle", "usage_nice", "usage_iowait", "usage_irq", "usage_softirq",
          "usage_steal", "usage_guest", "usage_guest_nice"]
HOSTS, STEP_S, BEGIN_S = 1000, 10, 1_700_000_000
PARTITIONS = 4
MOST_REQUESTS = 20_000
HTTP = {"influx": ("/write?db=telegraf", {}),
        "prometheus-text": ("/api/v1/import/prometheus", {}),
        "prometheus-remote-write": ("/api/v1/write", {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy"})}


def points(samples):
    """(host, time in s, number) of so many samples, ten to a point."""
    for number in range(samples // len(FIELDS)):
        yield number % HOSTS, BEGIN_S + number // HOSTS * STEP_S, number


# What the fields of a point are, by its number: the same again after so many points.
CYCLE = 1009
VALUES = [[(number * 7 + field * 13) % 1000 / 10 for field in range(len(FIELDS))] for number in range(CYCLE)]


def tags(host):
    return {"hostname": f"host_{host}", "region": "eu-west-1", "datacenter": f"eu-west-1{'abc'[host % 3]}",
            "rack": str(host % 100), "os": "Ubuntu16.10", "service": str(host % 20)}


def frame(form, host):
    """A point of the host, with a place for each of its values and for each time of a sample."""
    if form == "influx":
        marks = ",".join(f"{k}={v}" for k, v in tags(host).items())
        return f"cpu,{marks} {','.join(f'{name}=%s' for name in FIELDS)} %s000000000\n"
    if form == "prometheus-text":
        marks = ",".join(f'{k}="{v}"' for k, v in tags(host).items())
        return "".join(f"cpu_{name}{{{marks}}} %s %s000\n" for name in FIELDS)
    marks = ",".join(f'"{k}":"{v}"' for k, v in tags(host).items())
    return "".join(f'{{"name":"cpu_{name}","labels":{{{marks}}},"value":%s,"timestamp":%s000}}\n' for name in FIELDS)


def text_points(form):
    """A function that makes a point of text."""
    frames = [frame(form, host) for host in range(HOSTS)]
    each = 1 if form == "influx" else len(FIELDS)  # times in a point
    values = [tuple(map(str, row)) for row in VALUES]
    if each == 1:
        return lambda host, time_s, number: (frames[host] % (*values[number % CYCLE], time_s)).encode()
    return lambda host, time_s, number: (
        frames[host] % tuple(x for one in values[number % CYCLE] for x in (one, time_s))).encode()


def remote_write_points():
    """A function that makes ten time series of a sample each."""
    def labels(host, name):
        # What is in front of the sample: its length is the same for all times of this century.
        whole = encode.field(1, encode.time_series({"__name__": f"cpu_{name}", **tags(host)}, [(BEGIN_S * 1000, 0.5)]))
        return whole[:-len(encode.sample(BEGIN_S * 1000, 0.5))]

    heads = [[labels(host, name) for name in FIELDS] for host in range(HOSTS)]
    values = [[encode.sample(0, one)[:9] for one in row] for row in VALUES]

    def make(host, time_s, number):
        time = encode.sample(time_s * 1000, 0.5)[9:]
        return b"".join(piece for head, one in zip(heads[host], values[number % CYCLE]) for piece in (head, one, time))

    return make


def bodies(form, samples, size):
    """Bytes of `size` points each."""
    make, body = remote_write_points() if form == "prometheus-remote-write" else text_points(form), []
    for point in points(samples):
        body.append(make(*point))
        if len(body) == size:
            yield finish(form, body)
            body = []
    if body:
        yield finish(form, body)


def finish(form, body):
    whole = b"".join(body)
    return compress(whole) if form == "prometheus-remote-write" else whole


SNAPPY = ctypes.CDLL("libsnappy.so.1")


def compress(data):
    """Snappy as senders have it: the tests' own does not make anything smaller."""
    size = ctypes.c_size_t(SNAPPY.snappy_max_compressed_length(ctypes.c_size_t(len(data))))
    out = ctypes.create_string_buffer(size.value)
    assert SNAPPY.snappy_compress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(size)) == 0
    return out.raw[:size.value]


def partition_of(number, size):
    """Points of one host stay in one partition, as with a key."""
    return number % (HOSTS // size) % PARTITIONS


def cpu_s(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid, name="VmHWM"):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(name + r":\s+(\d+)", file.read()).group(1)) / 1024


def figure(server, name):
    found = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", server.get("/metrics").body.decode(), re.M)
    return sum(map(float, found))


def over_http(form, whole):
    server = harness.Server()
    server.start()
    path, headers = HTTP[form]
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    before, began = cpu_s(server.process.pid), time.monotonic()
    for body in whole:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status in (200, 204), answer.status
    spent, wall = cpu_s(server.process.pid) - before, time.monotonic() - began
    server.remove()
    return spent, wall


def configured(cluster, form, topic, **more):
    directory = tempfile.mkdtemp(prefix="silverback-kafka-bench-")
    path = os.path.join(directory, "silverback.yml")
    group = f"{topic}-{time.monotonic_ns()}"
    extra = "".join(f"\n      {k}: {v}" for k, v in more.items())
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""kafka:
  consumers:
    - name: bench
      brokers: ['{cluster.bootstrap}']
      topics: [{topic}]
      group: {group}
      format: {form}
      database: telegraf{extra}
""")
    server = harness.Server(f"--config.file={path}")
    server.group = group
    return server


def from_kafka(cluster, form, topic, samples, watch=None, **more):
    """The broker is asked how far the group is, which costs the server nothing."""
    server = configured(cluster, form, topic, **more)
    ends = cluster.ends(topic, PARTITIONS)
    before, began, first = cpu_s(server.start().process.pid), time.monotonic(), None
    with cluster.admin() as admin:
        while True:
            told = admin.committed(server.group, topic, PARTITIONS)
            if first is None and any(told.values()):
                first = time.monotonic()
            if watch:
                watch(server)
            if told == ends:
                break
            assert time.monotonic() - began < 600, f"{told} of {ends}"
            time.sleep(0.1)
    spent, wall = cpu_s(server.process.pid) - before, time.monotonic() - (first or began)
    peak, stored = memory(server.process.pid), figure(server, "silverback_kafka_stored_samples_total")
    assert stored == samples, f"{stored} of {samples}"
    server.remove()
    return spent, wall, peak


def fill(cluster, topic, form, samples, size, compression="none"):
    cluster.topic(topic, PARTITIONS)
    count = 0
    with cluster.producer(compression_type=compression, linger_ms=50) as producer:
        for body in bodies(form, samples, size):
            producer.send(topic, body, partition=partition_of(count, size))
            count += 1
        producer.flush(300)
    return count


def spread(rates):
    return f"{statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f})"


def beside(rates, others):
    return f"{spread(others)} | {statistics.median(rates) / statistics.median(others):.2f}" if others else "there is none |"


def compare(cluster, options):
    print(f"{options.samples} samples, {PARTITIONS} partitions; samples per CPU-second of the server, medians (and range)\n")
    print("| format | points a message | Kafka | HTTP, 1000 points a request | ratio | HTTP, a request for each message | ratio |\n"
          "|---|---|---|---|---|---|---|")
    for form in options.formats.split(","):
        large = list(bodies(form, options.samples, 1000)) if form in HTTP else None
        for size in map(int, options.sizes.split(",")):
            topic = f"bench-{form}-{size}"
            fill(cluster, topic, form, options.samples, size, options.compression)
            # Requests are slow to send; so many say enough.
            few = min(options.samples, size * len(FIELDS) * MOST_REQUESTS)
            same = list(bodies(form, few, size)) if form in HTTP else None
            rates, others, alike = [], [], []
            for _ in range(options.rounds):
                rates.append(options.samples / from_kafka(cluster, form, topic, options.samples)[0])
                if form in HTTP:
                    others.append(options.samples / over_http(form, large)[0])
                    alike.append(few / over_http(form, same)[0])
            print(f"| {form} | {size} | {spread(rates)} | {beside(rates, others)} | {beside(rates, alike)} |", flush=True)


def backlog(cluster, options):
    for size in map(int, options.sizes.split(",")):
        topic = f"backlog-{size}"
        began = time.monotonic()
        count = fill(cluster, topic, "influx", options.backlog, size, options.compression)
        print(f"{options.backlog} samples in {count} messages made in {time.monotonic() - began:.0f} s")
        seen = []

        def watch(server, seen=seen):
            seen.append(memory(server.process.pid, "VmRSS"))

        spent, wall, peak = from_kafka(cluster, "influx", topic, options.backlog, watch)
        print(f"{size} points a message: {spent:.1f} CPU-s, {wall:.1f} s, {options.backlog / spent:,.0f} samples/CPU-s, "
              f"{options.backlog / wall:,.0f} a second, peak RSS {peak:.0f} MiB (median {statistics.median(seen):.0f})", flush=True)


def delays(server):
    """[(upper bound in s, messages up to it)]"""
    page = server.get("/metrics").body.decode()
    return [(float(le), float(n)) for le, n in
            re.findall(r'^silverback_kafka_delay_seconds_bucket{[^}]*le="([^"]+)"} (\S+)$', page, re.M)]


def steady(cluster, options):
    """Each message has the time of its sending; its delay is what the server says of it, but in the first five seconds."""
    size = int(options.sizes.split(",", maxsplit=1)[0])
    cluster.topic("steady", PARTITIONS)
    server = configured(cluster, "influx", "steady")
    server.start()
    harness.wait_for(lambda: figure(server, "silverback_kafka_rebalances_total") > 0, 30)
    before, busy = cpu_s(server.process.pid), cpu_s(os.getpid())
    began, sent, early = time.monotonic(), 0, None
    with cluster.producer(linger_ms=5) as producer:
        for number, body in enumerate(bodies("influx", options.steady * 65, size)):
            if early is None and sent >= options.steady * 5:
                early = delays(server)
            producer.send("steady", body, partition=partition_of(number, size))
            sent += size * len(FIELDS)
            if number % 20 == 0:
                ahead = sent / options.steady - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(ahead)
        took = time.monotonic() - began
        producer.flush(60)
    harness.wait_for(lambda: figure(server, "silverback_kafka_stored_samples_total") >= sent, 60)
    buckets = [(bound, n - before_it) for (bound, n), (_, before_it) in zip(delays(server), early)]
    print(f"{sent} samples in {took:.0f} s: {sent / took:,.0f} a second, {size} points a message; "
          f"server {(cpu_s(server.process.pid) - before) / took:.2f}, producer {(cpu_s(os.getpid()) - busy) / took:.2f} "
          f"processors; peak RSS {memory(server.process.pid):.0f} MiB")
    for quantile in (0.5, 0.9, 0.99, 0.999, 1):
        low, under = 0.0, 0.0
        for bound, n in buckets:
            if n >= quantile * buckets[-1][1]:
                part = (quantile * buckets[-1][1] - under) / max(n - under, 1)
                print(f"  p{quantile * 100:g}: {(low + (min(bound, 60) - low) * part) * 1000:.0f} ms "
                      f"(from {low * 1000:g} to {bound * 1000:g} ms)")
                break
            low, under = bound, n
    server.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=8_000_000)
    parser.add_argument("--formats", default="influx,prometheus-remote-write,prometheus-text,json")
    parser.add_argument("--sizes", default="100,1")
    parser.add_argument("--compression", default="none", help="of the producer: lz4, zstd, ...")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backlog", type=int)
    parser.add_argument("--steady", type=int)
    options = parser.parse_args()
    why = kafka.no_broker()
    if why:
        sys.exit(why)
    print(f"{BINARY}, load {os.getloadavg()[0]:.1f}")
    cluster = kafka.Broker().start()  # removes itself at the end
    (backlog if options.backlog else steady if options.steady else compare)(cluster, options)


if __name__ == "__main__":
    main()
