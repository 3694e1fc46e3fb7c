#!/usr/bin/env python3
"""The same rule files and the same samples at the same instants: Silverback beside Prometheus.

Both post to a recorder that answers as an Alertmanager does. Compared are what was posted (labels, annotations,
generatorURL, startsAt and endsAt within two evaluations, how often), /api/v1/rules at moments of rest, and the
series ALERTS, ALERTS_FOR_STATE and those of recording rules. With --webhooks Prometheus posts to an Alertmanager
too, Silverback has the same routes under `notifications`, and what arrives at the receivers is compared.

The cases cover what the Alert Generator Compliance Specification asks, and more.

    rules_differential.py [--quick] [--webhooks] [--keep]
"""
import argparse
import json
import os
import re
import shutil
import sys
import time

import differential_cases as cases
import programs
from encode import STALE_NAN, snappy, write_request

DISCOVERY_S = 7  # until then Prometheus has not named its Alertmanagers, and posts go nowhere
MACHINE_S = 0.6  # times may differ by one evaluation, and this

CONFIG = """
global: {evaluation_interval: 1s, external_labels: {region: eu, replica: a}}
rule_files: [%(directory)s/rules/*.yml]
alerting:
  alert_relabel_configs:
    - {regex: replica, action: labeldrop}
    - {source_labels: [fate], regex: dropped, action: drop}
    - {source_labels: [job, instance], separator: '/', target_label: where, regex: '(.+)/(.+)', replacement: '$2@$1'}
  alertmanagers:
    - static_configs: [{targets: [%(targets)s]}]
"""


class Side:
    def __init__(self, name, program, recorder, webhooks=None):
        self.name, self.program, self.recorder, self.webhooks = name, program, recorder, webhooks
        self.notifier = None  # who answers Alertmanager's API
        self.snapshots, self.views = [], []

    def push(self, body):
        status, text = self.program.request("POST", "/api/v1/write", body, {
            "Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
            "X-Prometheus-Remote-Write-Version": "0.1.0"})
        if status >= 300:
            raise RuntimeError(f"{self.name}: write: {status} {text[:300]}")

    def snapshot(self):
        self.snapshots.append(self.program.get("/api/v1/rules")["data"]["groups"])
        if self.notifier:
            self.views.append({what: self.notifier.get("/api/v2/" + what)
                               for what in ("alerts", "alerts/groups", "silences", "receivers")})


# ---- pushing


def request_at(second, time_ms):
    series = []
    for labels, steps in cases.SERIES:
        value, since = None, None
        for begin, step in steps:
            if begin <= second:
                value, since = step, begin
        if value is None:  # gone: once a marker, then nothing
            if since is None or since == 0 or since != second:
                continue
            value = STALE_NAN
        series.append((labels, [(time_ms, value)]))
    return snappy(write_request(series))


def feed(sides, seconds, rest):
    begin = int(time.time()) + 1
    for second in range(seconds + 1):
        time.sleep(max(0.0, begin + second - time.time()))
        body = request_at(second, (begin + second) * 1000)
        for side in sides:
            side.push(body)
        if second in rest:
            time.sleep(max(0.0, begin + second + 0.5 - time.time()))
            for side in sides:
                side.snapshot()
    return begin


# ---- comparing


def apart(what):
    """How far times of this alert or series may be apart."""
    return MACHINE_S + max([interval for name, interval in cases.SLOWER.items() if name in what], default=1)


class Report:
    def __init__(self):
        self.differences, self.checked = [], 0

    def equal(self, what, ours, theirs):
        self.checked += 1
        if ours != theirs:
            self.differences.append(f"{what}\n    ours:   {ours}\n    theirs: {theirs}")

    def near(self, what, ours, theirs, by):
        self.checked += 1
        if (ours is None) != (theirs is None) or ours is not None and abs(ours - theirs) > by:
            self.differences.append(f"{what}: {ours} and {theirs}, more than {by} apart")


def seconds(text):
    match = re.fullmatch(r"(\d+-\d+-\d+T\d+:\d+:\d+)(\.\d+)?(Z|[+-]\d\d:\d\d)", text)
    if not match or match.group(3) not in ("Z", "+00:00"):
        raise ValueError(f"not a time in UTC: {text}")
    import calendar
    return calendar.timegm(time.strptime(match.group(1), "%Y-%m-%dT%H:%M:%S")) + float(match.group(2) or 0)


def incidents(recorder, begin):
    """{labels: [incident]}: posts with one startsAt are one incident."""
    found = {}
    for at, path, _, alerts in list(recorder.posts):
        assert path == "/api/v2/alerts", path
        for alert in alerts:
            key = json.dumps(alert["labels"], sort_keys=True)
            started = seconds(alert["startsAt"])
            one = found.setdefault(key, {}).setdefault(started, {
                "start": started - begin, "end": None, "firing": [], "resolved": 0, "annotations": [],
                "url": alert["generatorURL"], "keys": sorted(alert), "validity": []})
            ends = seconds(alert["endsAt"])
            if ends > at:
                one["firing"].append(at)
                one["validity"].append(round(ends - started, 3))
            else:
                one["end"] = ends - begin
                one["resolved"] += 1
            if not one["annotations"] or one["annotations"][-1] != alert.get("annotations", {}):
                one["annotations"].append(alert.get("annotations", {}))
    return {key: [by_start[start] for start in sorted(by_start)] for key, by_start in found.items()}


def compare_posts(report, ours, theirs, begin, resend_s):
    mine, other = incidents(ours.recorder, begin), incidents(theirs.recorder, begin)
    if resend_s > DISCOVERY_S:
        mine, other = ({key: one for key, one in side.items() if json.loads(key)["alertname"]
                        not in cases.BEFORE_DISCOVERY} for side in (mine, other))
    report.equal("label sets posted", sorted(mine), sorted(other))
    for key in sorted(set(mine) & set(other)):
        report.equal(f"incidents of {key}", len(mine[key]), len(other[key]))
        for number, (a, b) in enumerate(zip(mine[key], other[key])):
            what = f"{key} incident {number + 1}"
            report.near(what + " startsAt", a["start"], b["start"], apart(key))
            report.near(what + " endsAt when resolved", a["end"], b["end"], apart(key))
            report.equal(what + " annotations in turn", a["annotations"], b["annotations"])
            report.equal(what + " generatorURL", a["url"], b["url"])
            report.equal(what + " keys", a["keys"], b["keys"])
            late = [len([at for at in x["firing"] if at > begin]) for x in (a, b)]
            report.near(what + " posts while firing", late[0], late[1], 1)
            report.near(what + " posts when resolved", a["resolved"], b["resolved"], 1)
            one, two = ([v for v in x["validity"] if x["start"] + v > 4 * resend_s] for x in (a, b))
            shared = min(len(one), len(two))
            report.equal(what + " endsAt - startsAt while firing", one[:shared], two[:shared])
    return len(mine), sum(map(len, mine.values()))


def stripped(rule):
    kept = {k: v for k, v in rule.items() if k not in ("evaluationTime", "lastEvaluation", "alerts", "history",
                                                       "onMissing", "resolve")}
    kept["alerts"] = sorted((json.dumps({k: v for k, v in alert.items() if k not in ("activeAt", "keepFiringSince")},
                                        sort_keys=True) for alert in rule.get("alerts") or []))
    return kept


def compare_rules(report, ours, theirs):
    for number, (a, b) in enumerate(zip(ours.snapshots, theirs.snapshots)):
        report.equal(f"groups of snapshot {number}", [g["name"] for g in a], [g["name"] for g in b])
        for group_a, group_b in zip(a, b):
            for field in ("interval", "limit"):
                report.equal(f"{group_a['name']} {field}", group_a.get(field), group_b.get(field))
            for rule_a, rule_b in zip(group_a["rules"], group_b["rules"]):
                what = f"snapshot {number}, {group_a['name']}, {rule_a['name']}"
                one, two = stripped(rule_a), stripped(rule_b)
                for field in sorted(set(one) | set(two)):
                    report.equal(f"{what}: {field}", one.get(field), two.get(field))
                for alert_a, alert_b in zip(sorted(rule_a.get("alerts") or [], key=lambda x: str(x["labels"])),
                                            sorted(rule_b.get("alerts") or [], key=lambda x: str(x["labels"]))):
                    report.near(what + " activeAt", seconds(alert_a["activeAt"]),
                                seconds(alert_b["activeAt"]), apart(what))


def spells(values):
    """[(first, last, count)] of stretches without a gap of more than three seconds."""
    out = []
    for at, value in values:
        if out and at - out[-1][1] <= 3.2 and value == out[-1][3]:
            out[-1] = (out[-1][0], at, out[-1][2] + 1, value)
        else:
            out.append((at, at, 1, value))
    return out


def compare_series(report, ours, theirs, begin, end):
    total = 0
    # From the 11th second on: nothing changes near it, so both sides begin in the same state.
    for selector in ("ALERTS", "ALERTS_FOR_STATE", '{__name__=~".+:.+"}'):
        found = []
        for side in (ours, theirs):
            result = side.program.get("/api/v1/query", query=f"{selector}[{end - begin - 11}s]", time=end)["data"]["result"]
            found.append({json.dumps(s["metric"], sort_keys=True): s["values"] for s in result})
        a, b = found
        report.equal(f"series of {selector}", sorted(a), sorted(b))
        total += len(a)
        for key in sorted(set(a) & set(b)):
            if selector == "ALERTS_FOR_STATE":  # the value is a time
                one, two = [[(t, 0) for t, _ in values] for values in (a[key], b[key])]
                for x, y in zip(sorted({float(v) for _, v in a[key]}), sorted({float(v) for _, v in b[key]})):
                    report.near(f"value of {key}", x, y, apart(key) + 1)
            else:
                one, two = a[key], b[key]
            one, two = spells(one), spells(two)
            report.equal(f"stretches of {key}", [v for *_, v in one], [v for *_, v in two])
            for x, y in zip(one, two):
                report.near(f"first sample of {key}", x[0], y[0], apart(key))
                report.near(f"last sample of {key}", x[1], y[1], apart(key))
    return total


# ---- webhooks


def conversations(recorder):
    """{(path, groupKey): payloads in turn, those that only repeat the one before counted}"""
    found = {}
    for at, path, _, body in list(recorder.posts):
        if not path.startswith("/hook/"):
            continue
        turn = found.setdefault((path, body["groupKey"]), [])
        shown = comparable(body)
        if turn and turn[-1][0] == shown:
            turn[-1][1] += 1
        else:
            turn.append([shown, 1, at, {alert["fingerprint"]: alert for alert in body["alerts"]}])
    return found


def comparable(body):
    """Without times, which the parts around the sender decide; whether they are there stays."""
    kept = dict(body)
    for field in ("notification_reason", "routeLabels"):  # of versions after 0.25
        kept.pop(field, None)
    kept["alerts"] = []
    for alert in body["alerts"]:
        one = dict(alert)
        one["startsAt"] = "set" if not alert["startsAt"].startswith("0001") else "zero"
        one["endsAt"] = "set" if not alert["endsAt"].startswith("0001") else "zero"
        kept["alerts"].append(one)
    kept["alerts"].sort(key=lambda alert: alert["fingerprint"])
    return kept


def compare_webhooks(report, ours, theirs):
    mine, other = conversations(ours.webhooks), conversations(theirs.webhooks)
    report.equal("receivers and groups", sorted(mine), sorted(other))
    for key in sorted(set(mine) & set(other)):
        a, b = mine[key], other[key]
        report.equal(f"{key}: notifications in turn", [cases.brief(one[0]) for one in a], [cases.brief(one[0]) for one in b])
        if [cases.brief(one[0]) for one in a] != [cases.brief(one[0]) for one in b]:
            continue
        for number, (x, y) in enumerate(zip(a, b)):
            for field in sorted(set(x[0]) | set(y[0])):
                report.equal(f"{key} notification {number + 1}: {field}", x[0].get(field), y[0].get(field))
            what = f"{key} notification {number + 1}"
            report.near(what + ": times repeated", x[1], y[1], 1)
            report.near(what + ": arrival", x[2], y[2], cases.GROUP_INTERVAL_S + apart(what))
            for fingerprint in set(x[3]) & set(y[3]):
                for field in ("startsAt", "endsAt"):
                    one, two = x[3][fingerprint][field], y[3][fingerprint][field]
                    if not one.startswith("0001") and not two.startswith("0001"):
                        report.near(f"{what}: {field} of {fingerprint}", seconds(one), seconds(two), apart(what))
    return sum(len(one) for one in mine.values())


def timeless(value):
    """Without times and what only one of two servers can have: ids of silences, fields of later versions."""
    if isinstance(value, dict):
        return {k: len(v) if k == "silencedBy" else timeless(v) for k, v in value.items()
                if k not in ("startsAt", "endsAt", "updatedAt", "id", "mutedBy", "routeLabels")
                and not (k == "annotations" and "matchers" in value)}
    if isinstance(value, list):
        return sorted((timeless(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True))
    return value


def compare_views(report, ours, theirs):
    """Alertmanager's API: who is told of what, silenced and inhibited."""
    for number, (a, b) in enumerate(zip(ours.views, theirs.views)):
        for what in a:
            one, two = ([json.dumps(entry, sort_keys=True) for entry in timeless(view[what])
                         if entry.get("labels", {}).get("alertname") not in cases.NOT_IN_VIEWS]
                        for view in (a, b))
            report.equal(f"view {number}: {what} only here", [x for x in one if x not in two], [])
            report.equal(f"view {number}: {what} only there", [], [x for x in two if x not in one])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first 25 seconds only")
    parser.add_argument("--webhooks", action="store_true", help="with routes, inhibition and silences")
    parser.add_argument("--port", type=int, default=19720)
    parser.add_argument("--keep", action="store_true", help="leave the directory, with what was posted")
    options = parser.parse_args()
    absent = programs.missing("prometheus", *(["prometheus-alertmanager"] if options.webhooks else []))
    if absent:
        print("skipped:", ", ".join(absent), "not installed")
        return 0
    directory = programs.directory_for("differential")
    length = 25 if options.quick else cases.SECONDS
    # Prometheus says again that an alert is over, and Alertmanager tells of it again with the group's next news.
    resend_s = 300 if options.webhooks else 3
    running, recorders = [], []

    def recorder():
        recorders.append(programs.Recorder())
        return recorders[-1]

    def run(program, ready):
        running.append(program.start())
        program.wait_ready(ready)

    def side(name, make, port, targets, webhooks, more="", *flags):
        folder = os.path.join(directory, name)
        for file, text in cases.RULES.items():
            programs.write(os.path.join(folder, "rules", file), text)
        posts = recorder()
        text = CONFIG % {"directory": folder, "targets": ", ".join(f"'127.0.0.1:{p}'" for p in [posts.port, *targets])}
        program = make(folder, port, text + more, "--web.external-url=http://metrics.example", *flags)
        run(program, "/-/ready")
        return Side(name, program, posts, webhooks)

    try:
        hooks = [recorder(), recorder()] if options.webhooks else [None, None]
        alertmanagers, more = [], ""
        if options.webhooks:
            folder = os.path.join(directory, "alertmanager")
            os.makedirs(folder)
            manager = programs.alertmanager(folder, options.port + 2, cases.routes(hooks[1].port),
                                            "--web.external-url=http://metrics.example")
            run(manager, "/-/ready")
            alertmanagers = [options.port + 2]
            more = "notifications:\n" + re.sub("(?m)^", "  ", cases.routes(hooks[0].port))
        theirs = side("prometheus", programs.prometheus, options.port + 1, alertmanagers, hooks[1], "",
                      f"--rules.alert.resend-delay={resend_s}s")
        ours = side("silverback", programs.silverback, options.port, [], hooks[0], more,
                    f"--rules.alert-resend-delay={resend_s}s")
        if options.webhooks:
            ours.notifier, theirs.notifier = ours.program, manager
            for program in (ours.program, manager):
                for silence in cases.silences(time.time()):
                    status, body = program.request("POST", "/api/v2/silences", json.dumps(silence),
                                                   {"Content-Type": "application/json"})
                    if status != 200:
                        raise RuntimeError(f"{program.name}: silence: {status} {body[:300]}")
        for one in (ours, theirs):
            one.push(snappy(write_request([({"__name__": "m", "case": "absent"}, [(int(time.time() * 1000), 1)])])))
        time.sleep(DISCOVERY_S)
        begin = feed([ours, theirs], length, [s for s in cases.REST if s <= length])
        time.sleep(2 if not options.webhooks else 14)
        report = Report()
        posted = compare_posts(report, ours, theirs, begin, resend_s)
        compare_rules(report, ours, theirs)
        series = compare_series(report, ours, theirs, begin, begin + length + 1)
        compare_views(report, ours, theirs)
        notified = compare_webhooks(report, ours, theirs) if options.webhooks else 0
        if options.keep:
            for one, name in zip(recorders, [f"recorder{i}" for i in range(len(recorders))]):
                programs.write(os.path.join(directory, name + ".json"), json.dumps(one.posts, indent=1))
    finally:
        for program in reversed(running):
            program.stop()
        for one in recorders:
            one.close()
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)
        else:
            print("kept in", directory)
    expected = [d for d in report.differences if cases.expected(d)]
    print(f"{posted[0]} label sets, {posted[1]} incidents, {series} series, {notified} notifications,"
          f" {report.checked} comparisons: {len(report.differences) - len(expected)} differences,"
          f" {len(expected)} expected ones")
    for difference in report.differences:
        if difference not in expected:
            print("DIFFERENT", difference[:4000])
    return 1 if len(report.differences) > len(expected) else 0


if __name__ == "__main__":
    sys.exit(main())
