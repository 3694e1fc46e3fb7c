#!/usr/bin/env python3
"""10,000 rules over 100,000 series every 15 s: Silverback, Prometheus, vmalert with VictoriaMetrics, one at a time.

Each server is fed by remote write: first minutes of history at once, then every series each 15 s. For a while there
are no rules (what taking in samples costs), then there are, and after a pause to settle it is measured what they cost.

    rules_scale.py [--quick] [--systems silverback,prometheus,vmalert] [--measure 300]
"""
import argparse
import http.client
import json
import math
import os
import shutil
import statistics
import struct
import threading
import time

import programs
from encode import label, field, varint

INTERVAL_S = 15
INSTANCES = 8
BATCH_SERVICES = 5  # 2,000 series to a request, as Prometheus sends

# ---- series: 50 of an instance, 8 instances to a service


def series_of(service):
    """[(labels, first value, growth per tick or None, what a gauge swings by)]"""
    job = f"service-{service:03d}"
    ill = service % 10 == 0
    for number in range(INSTANCES):
        base = {"job": job, "instance": f"10.{service // 100}.{service % 100}.{number}:8080"}

        def one(name, value, growth=None, swing=0.0, **labels):
            return {"__name__": name, **base, **labels}, value, growth, swing

        yield one("up", 0.0 if ill and number == 3 else 1.0)
        for path in ("/", "/login", "/api/items", "/api/orders"):
            for code, share in (("200", 100.0), ("404", 2.0), ("500", 15.0 if ill else 0.1)):
                yield one("http_requests_total", 1e5, share * (1 + number % 3), path=path, code=code)
        for place, le in enumerate(("0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf")):
            seen = 400.0 * (1 - math.exp(-(place + 1) / (4 if ill else 2))) if le != "+Inf" else 400.0
            yield one("http_request_duration_seconds_bucket", 1e4, seen, le=le)
        yield one("http_request_duration_seconds_sum", 1e4, 37.0)
        yield one("http_request_duration_seconds_count", 1e4, 400.0)
        yield one("process_cpu_seconds_total", 50.0, 14.5 if ill and number == 1 else 3.0)
        yield one("process_resident_memory_bytes", 4e8, None, 3e7)
        yield one("memory_limit_bytes", 1e9)
        for mountpoint in ("/", "/data"):
            yield one("node_filesystem_avail_bytes", 2e9 if ill and number == 2 else 6e10, None, 1e8, mountpoint=mountpoint)
            yield one("node_filesystem_size_bytes", 1e11, mountpoint=mountpoint)
        for queue in ("mail", "index", "billing", "export"):
            yield one("queue_length", 20.0, None, 15.0, queue=queue)
            yield one("jobs_failed_total", 10.0, 6.0 if ill and queue == "mail" else 0.05, queue=queue)
            yield one("jobs_done_total", 1e3, 30.0, queue=queue)
        for state in ("active", "idle", "waiting"):
            yield one("connections", 200.0, None, 50.0, state=state)
        yield one("last_success_timestamp_seconds", 1.6e9 if ill and number == 0 else 4e9)
        yield one("config_reload_successful", 1.0)


# ---- rules: 16 recording and 24 alerting ones to a service, one group each

RECORDING = [
    ("job_code:http_requests:rate5m", 'sum by (job, code) (rate(http_requests_total{J}[5m]))'),
    ("job_path:http_requests:rate5m", 'sum by (job, path) (rate(http_requests_total{J}[5m]))'),
    ("job:http_requests:rate5m", 'sum by (job) (job_code:http_requests:rate5m{J})'),
    ("job:http_errors:ratio_rate5m",
     'sum by (job) (job_code:http_requests:rate5m{J,code=~"5.."}) / job:http_requests:rate5m{J}'),
    ("job_le:http_request_duration_seconds_bucket:rate5m",
     'sum by (job, le) (rate(http_request_duration_seconds_bucket{J}[5m]))'),
    ("job:http_request_duration_seconds:p50",
     'histogram_quantile(0.5, job_le:http_request_duration_seconds_bucket:rate5m{J})'),
    ("job:http_request_duration_seconds:p99",
     'histogram_quantile(0.99, job_le:http_request_duration_seconds_bucket:rate5m{J})'),
    ("job:http_request_duration_seconds:mean5m",
     'sum by (job) (rate(http_request_duration_seconds_sum{J}[5m]))'
     ' / sum by (job) (rate(http_request_duration_seconds_count{J}[5m]))'),
    ("job_instance:process_cpu:rate5m", 'sum by (job, instance) (rate(process_cpu_seconds_total{J}[5m]))'),
    ("job:memory:ratio", 'sum by (job) (process_resident_memory_bytes{J}) / sum by (job) (memory_limit_bytes{J})'),
    ("job_queue:jobs_failed:rate5m", 'sum by (job, queue) (rate(jobs_failed_total{J}[5m]))'),
    ("job_queue:jobs_failed:ratio_rate5m",
     'job_queue:jobs_failed:rate5m{J} / sum by (job, queue) (rate(jobs_done_total{J}[5m]))'),
    ("job_mountpoint:node_filesystem_avail:min_ratio",
     'min by (job, mountpoint) (node_filesystem_avail_bytes{J} / node_filesystem_size_bytes{J})'),
    ("job_state:connections:sum", 'sum by (job, state) (connections{J})'),
    ("job:up:avg", 'avg by (job) (up{J})'),
    ("job_queue:queue_length:max", 'max by (job, queue) (queue_length{J})'),
]
ALERTING = [
    ("InstanceDown", 'up{J} == 0', "1m"),
    ("ErrorsHigh", 'job:http_errors:ratio_rate5m{J} > 0.05', "1m"),
    ("ErrorsSome", 'job:http_errors:ratio_rate5m{J} > 0.01', "5m"),
    ("LatencyHigh", 'job:http_request_duration_seconds:p99{J} > 1', "2m"),
    ("LatencyOfInstance", 'histogram_quantile(0.99, sum by (job, instance, le)'
     ' (rate(http_request_duration_seconds_bucket{J}[5m]))) > 4', "5m"),
    ("CpuHigh", 'job_instance:process_cpu:rate5m{J} > 0.9', "1m"),
    ("CpuOfAll", 'avg by (job) (job_instance:process_cpu:rate5m{J}) > 0.8', "5m"),
    ("MemoryHigh", 'process_resident_memory_bytes{J} / memory_limit_bytes{J} > 0.9', "5m"),
    ("DiskLow", 'node_filesystem_avail_bytes{J} / node_filesystem_size_bytes{J} < 0.1', "1m"),
    ("DiskWillFill", 'predict_linear(node_filesystem_avail_bytes{J}[30m], 14400) < 0'
     ' and node_filesystem_avail_bytes{J} / node_filesystem_size_bytes{J} < 0.01', "10m"),
    ("QueueLong", 'queue_length{J} > 1000', "1m"),
    ("QueueGrows", 'deriv(queue_length{J}[5m]) > 10', "5m"),
    ("JobsFail", 'job_queue:jobs_failed:ratio_rate5m{J} > 0.1', "1m"),
    ("JobsStuck", 'rate(jobs_done_total{J}[5m]) == 0 and queue_length{J} > 0', "5m"),
    ("ConnectionsMany", 'sum by (job, instance) (connections{J}) > 5000', "1m"),
    ("ConnectionsLeak", 'delta(connections{J,state="idle"}[5m]) > 500', "5m"),
    ("BackupOld", 'time() - last_success_timestamp_seconds{J} > 93600', "0s"),
    ("ConfigBad", 'config_reload_successful{J} == 0', "5m"),
    ("Absent", 'absent(up{J})', "5m"),
    ("Restarts", 'resets(process_cpu_seconds_total{J}[15m]) > 2', "0s"),
    ("TrafficFell", 'job:http_requests:rate5m{J} < 0.5 * job:http_requests:rate5m{J} offset 5m', "5m"),
    ("PathErrors", 'sum by (job, path) (rate(http_requests_total{J,code=~"5.."}[5m]))'
     ' / sum by (job, path) (rate(http_requests_total{J}[5m])) > 0.5', "5m"),
    ("HalfDown", 'count by (job) (up{J} == 0) / count by (job) (up{J}) > 0.5', "1m"),
    ("NoTraffic", 'job:http_requests:rate5m{J} == 0', "5m"),
]


def rule_file(services):
    """YAML in its JSON form, which all three read."""
    groups = []
    for service in range(services):
        def expr(text, job=f'job="service-{service:03d}"'):
            return text.replace("{J}", "{" + job + "}").replace("{J,", "{" + job + ",")

        rules = [{"record": name, "expr": expr(text)} for name, text in RECORDING]
        rules += [{"alert": name, "expr": expr(text), "for": hold, "labels": {"severity": "page", "team": "ops"},
                   "annotations": {"summary": "{{ $labels.job }}: " + name,
                                   "description": "{{ $labels.instance }} is at {{ $value | humanize }}"}}
                  for name, text, hold in ALERTING]
        groups.append({"name": f"service-{service:03d}", "interval": f"{INTERVAL_S}s", "rules": rules})
    return json.dumps({"groups": groups}, indent=1)


# ---- feeding

SAMPLE = struct.Struct("<dB6s")


class Batch:
    """A remote write request whose values and times are put into place: the same bytes around them each time."""

    def __init__(self, services):
        payload, self.slots = bytearray(), []
        for service in services:
            for labels, value, growth, swing in series_of(service):
                head = b"".join(field(1, label(name, labels[name])) for name in sorted(labels))
                sample = b"\x12\x10\x09" + bytes(8) + b"\x10" + bytes(6)
                payload += field(1, head + sample)
                self.slots.append((len(payload) - 15, value, growth, swing))
        # A snappy block of one literal with its length in four bytes.
        prefix = varint(len(payload)) + b"\xfc" + struct.pack("<I", len(payload) - 1)
        self.body = bytearray(prefix) + payload
        self.slots = [(len(prefix) + at, value, growth, swing) for at, value, growth, swing in self.slots]

    def at(self, tick, time_ms):
        stamp = varint(time_ms)
        pack, body = SAMPLE.pack_into, self.body
        for place, (at, value, growth, swing) in enumerate(self.slots):
            if growth is not None:
                value += growth * tick
            elif swing:
                value += swing * ((place * 7 + tick * 3) % 11) / 11
            pack(body, at, value, 0x10, stamp)
        return bytes(self.body)


class Feed:
    def __init__(self, port, services):
        self.port = port
        self.batches = [Batch(range(i, min(i + BATCH_SERVICES, services)))
                        for i in range(0, services, BATCH_SERVICES)]
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self.tick, self.late_s = 0, 0.0
        self.stopping = threading.Event()
        self.thread = None

    def send(self, batch, tick, time_ms):
        self.connection.request("POST", "/api/v1/write", batch.at(tick, time_ms), {
            "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0"})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"write: {answer.status} {text[:300]}")

    def history(self, ticks):
        begin = time.time() - ticks * INTERVAL_S
        for self.tick in range(ticks):
            for number, batch in enumerate(self.batches):
                self.send(batch, self.tick, self.time_ms(begin, number))
        self.begin = begin
        self.tick = ticks

    def time_ms(self, begin, number):
        return int((begin + (self.tick + number / len(self.batches)) * INTERVAL_S) * 1000)

    def run(self):
        while True:
            for number, batch in enumerate(self.batches):
                due_ms = self.time_ms(self.begin, number)
                wait = due_ms / 1000 - time.time()
                if self.stopping.wait(max(wait, 0)):
                    return
                self.late_s = max(self.late_s, -wait)
                self.send(batch, self.tick, due_ms)
            self.tick += 1

    def start(self):
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def stop(self):
        self.stopping.set()
        self.thread.join()
        self.connection.close()


# ---- the three

CONFIG = """
global: {evaluation_interval: 15s}
rule_files: [%s/rules/*.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:%d']}]}]}
"""


class OneProcess:
    """Prometheus and Silverback: rules come by a reload, metrics have the same names."""

    def __init__(self, make, directory, port, receiver):
        self.directory = directory
        self.main = make(directory, port, CONFIG % (directory, receiver))
        self.all = [self.main]

    def start(self):
        self.main.start().wait_ready("/-/ready")

    def add_rules(self, text):
        programs.write(os.path.join(self.directory, "rules/rules.yml"), text)
        status, body = self.main.request("POST", "/-/reload")
        if status != 200:
            raise RuntimeError(f"reload: {status} {body[:500]}")

    def counts(self):
        found = self.main.metrics("prometheus_rule_evaluations_total{", "prometheus_rule_group_iterations_missed_total{",
                                  "prometheus_rule_evaluation_failures_total{")
        return {name: sum(v for k, v in found.items() if k.startswith("prometheus_rule_" + key))
                for name, key in (("evaluated", "evaluations_total"), ("missed", "group_iterations_missed"),
                                  ("failed", "evaluation_failures"))}

    def durations(self):
        return list(self.main.metrics("prometheus_rule_group_last_duration_seconds{").values())

    def alerts(self):
        return self.main.get("/api/v1/alerts")["data"]["alerts"]


class VmAlert:
    """Two processes; rules come with the second one."""

    def __init__(self, directory, port, receiver):
        self.directory = directory
        self.main = programs.Program("victoria-metrics", [
            "victoria-metrics", f"-storageDataPath={directory}/data", f"-httpListenAddr=127.0.0.1:{port}",
            "-retentionPeriod=1y"], directory, port)
        url = f"http://127.0.0.1:{port}"
        self.rules = programs.Program("vmalert", [
            "vmalert", f"-rule={directory}/rules/*.yml", f"-datasource.url={url}", f"-remoteWrite.url={url}",
            f"-notifier.url=http://127.0.0.1:{receiver}", f"-httpListenAddr=127.0.0.1:{port + 1}",
            "-evaluationInterval=15s", "-rule.resendDelay=1m"], directory, port + 1)
        self.all = [self.main]

    def start(self):
        self.main.start().wait_ready("/health")

    def add_rules(self, text):
        programs.write(os.path.join(self.directory, "rules/rules.yml"), text)
        self.rules.start().wait_ready("/health")
        self.all.append(self.rules)

    def counts(self):
        found = self.rules.metrics("vmalert_execution_total", "vmalert_execution_errors_total", "vmalert_iteration_total{",
                                   "vmalert_iteration_missed_total{")
        per_group = len(RECORDING) + len(ALERTING)
        total = sum(v for k, v in found.items() if k.startswith("vmalert_iteration_total"))
        return {"evaluated": total * per_group,
                "missed": sum(v for k, v in found.items() if "missed" in k),
                "failed": sum(v for k, v in found.items() if "errors" in k)}

    def durations(self):
        found = self.rules.metrics("vmalert_iteration_duration_seconds{")
        return [v for k, v in found.items() if 'quantile="0.5"' in k], [v for k, v in found.items() if 'quantile="0.99"' in k]

    def alerts(self):
        return self.rules.get("/api/v1/alerts")["data"]["alerts"]


def quantile(values, q):
    values = sorted(v for v in values if not math.isnan(v))
    return values[min(len(values) - 1, int(q * len(values)))] if values else math.nan


def cpu(system):
    return sum(one.cpu_s() for one in system.all)


def wait(seconds, each=None):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(INTERVAL_S, max(0.0, end - time.monotonic())))
        if each:
            each()


def measure(system, receiver, options):
    feed = Feed(system.main.port, options.services)
    system.start()
    feed.history(options.history)
    feed.start()
    wait(options.rest)
    begin, cpu_begin = time.monotonic(), cpu(system)
    wait(options.baseline)
    ingest = (cpu(system) - cpu_begin) / (time.monotonic() - begin)
    before_mib = sum(one.memory_mib("VmRSS") for one in system.all)

    system.add_rules(rule_file(options.services))
    wait(options.settle)
    durations = []

    def poll():
        durations.append(system.durations())

    counts, begin, cpu_begin = system.counts(), time.monotonic(), cpu(system)
    wait(options.measure, poll)
    used, seconds = cpu(system) - cpu_begin, time.monotonic() - begin
    after = system.counts()
    alerts = system.alerts()
    recorded = system.main.get("/api/v1/query", query='count({__name__=~".+:.+:.+"})')["data"]["result"]
    feed.stop()
    if isinstance(durations[0], tuple):  # quantiles of each group over time, as vmalert tells them
        p50 = statistics.median([v for v in durations[-1][0] if not math.isnan(v)])
        p99 = quantile(durations[-1][1], 0.99)
    else:
        flat = [v for poll_ in durations for v in poll_]
        p50, p99 = quantile(flat, 0.5), quantile(flat, 0.99)
    evaluated = after["evaluated"] - counts["evaluated"]
    extra = used - ingest * seconds
    return {
        "CPU s per s, samples only": round(ingest, 4),
        "CPU s per s, with rules": round(used / seconds, 4),
        "rules evaluated": int(evaluated),
        "of these expected": round(evaluated / (options.services * 40 * seconds / INTERVAL_S), 3),
        "CPU us per evaluation": round(extra / evaluated * 1e6, 1) if evaluated else None,
        "group p50 ms": round(p50 * 1000, 2), "group p99 ms": round(p99 * 1000, 2),
        "missed": int(after["missed"] - counts["missed"]), "failed": int(after["failed"] - counts["failed"]),
        "RSS before rules MiB": round(before_mib, 1),
        "RSS peak MiB": round(sum(one.memory_mib() for one in system.all), 1),
        "firing": sum(a["state"] == "firing" for a in alerts), "pending": sum(a["state"] == "pending" for a in alerts),
        "recorded series": int(float(recorded[0]["value"][1])) if recorded else 0,
        "posts": receiver.count, "feed late s": round(feed.late_s, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="400 rules over 4,000 series, one minute")
    parser.add_argument("--systems", default="silverback,prometheus,vmalert")
    parser.add_argument("--services", type=int, default=250, help="400 series and 40 rules each")
    parser.add_argument("--history", type=int, default=24, help="intervals of history")
    parser.add_argument("--rest", type=float, default=20)
    parser.add_argument("--baseline", type=float, default=90)
    parser.add_argument("--settle", type=float, default=45)
    parser.add_argument("--measure", type=float, default=240)
    parser.add_argument("--port", type=int, default=19710)
    parser.add_argument("--realtime", action="store_true", help="servers and feeder before all other work of the machine")
    parser.add_argument("--keep", action="store_true", help="leave the directories")
    options = parser.parse_args()
    if options.quick:
        options.services, options.rest, options.baseline, options.settle, options.measure = 10, 2, 15, 16, 30
    if options.realtime:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    needs = {"silverback": [], "prometheus": ["prometheus"], "vmalert": ["vmalert", "victoria-metrics"]}
    results = {}
    for name in options.systems.split(","):
        if programs.missing(*needs[name]):
            print(f"{name}: skipped, {', '.join(programs.missing(*needs[name]))} not installed")
            continue
        directory, receiver = programs.directory_for(name), programs.Recorder(keep=False)
        if name == "vmalert":
            system = VmAlert(directory, options.port, receiver.port)
        else:
            system = OneProcess(getattr(programs, name), directory, options.port, receiver.port)
        try:
            results[name] = measure(system, receiver, options)
            print(name, json.dumps(results[name]), flush=True)
        finally:
            for one in reversed(system.all):
                one.stop()
            receiver.close()
            if not options.keep:
                shutil.rmtree(directory, ignore_errors=True)
    print("\n| | " + " | ".join(results) + " |\n|---|" + "---|" * len(results))
    for key in next(iter(results.values()), {}):
        print(f"| {key} | " + " | ".join(str(result[key]) for result in results.values()) + " |")


if __name__ == "__main__":
    main()
