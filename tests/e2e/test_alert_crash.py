"""kill -9 at any moment between a sample and the receiver's answer: every transition arrives, clocks run on.

    test_alert_crash.py            a few kills, in seconds
    test_alert_crash.py --kills 120 [--alerts 40] [--seed 1] [--groups 4]    by hand, in minutes

What is asked of the server: every alert that was up, or down, for longer than evaluation, `for`, group interval and
the receiver's moods take is told once. A message may come again only with the Idempotency-Key that it had, and only
when its sender could not know that it had arrived: no answer, an answer that says no, or a kill before the answer was
written down.
"""
import os
import random
import signal
import sys
import threading
import time
import unittest

import harness
from receivers import Receiver

FOR_S = 1.0
CONFIG = """
global: {evaluation_interval: 1s}
rule_files: [rules/*.yml]
notifications:
  route: {receiver: hook, group_by: [%(by)s], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}
  receivers: [{name: hook, webhook_configs: [{url: 'http://127.0.0.1:%(port)d/mood', timeout: 1s}]}]
"""
RULES = """
groups:
  - name: crash
    rules:
      - {alert: Life, expr: 'm{kind="life"} > 1', for: 1s, annotations: {summary: '{{ $labels.idx }}'}}
      - {alert: Patient, expr: 'm{kind="for"} > 1', for: %(patience)s}
      - {alert: Kept, expr: 'm{kind="keep"} > 1', keep_firing_for: %(patience)s}
"""


def seconds_of(text):
    """Unix time of RFC 3339 in UTC."""
    import calendar
    base, _, rest = text.rstrip("Z").partition(".")
    return calendar.timegm(time.strptime(base, "%Y-%m-%dT%H:%M:%S")) + float("0." + (rest or "0"))


class Series:
    """One series that goes up and down; what the receiver should have heard of it."""

    def __init__(self, index):
        self.index, self.up, self.served, self.patience = index, False, 0.0, 0.0
        self.incidents = []  # [up since, down since or None], times of acknowledged samples
        self.waiting = False  # changed, but no sample of that is acknowledged yet


class Hook(Receiver):
    """Answers with moods, and notes which request got which answer."""

    def __init__(self, chance):
        super().__init__()
        self.chance = chance
        self.answered = {}  # id of the request: mood
        self.moods = 0.0

    def _answer(self, connection, request):
        mood = "ok"
        if self.moods > self.chance.random():
            mood = self.chance.choice(["fail", "slow", "never", "close", "busy"])
        self.behave["mood"] = mood
        self.answered[id(request)] = mood
        request.mood, request.whole = mood, False
        goes_on = super()._answer(connection, request)
        request.whole = True
        return goes_on


class Driver:
    def __init__(self, server, hook, chance, alerts, groups):
        self.server, self.hook, self.chance = server, hook, chance
        self.groups = groups
        self.series = [Series(i) for i in range(alerts)]
        for one in self.series:
            one.patience = chance.uniform(0, 5)  # the first change comes early, and not of all at once
        self.ends = {"random": 0, "request": 0, "answer": 0, "long": 0, "stop": 0, "reload": 0}
        self.pid = None
        self.last_push = time.time()

    def team(self, one):
        return str(one.index % self.groups) if self.groups else ""

    def push(self):
        """One sample of each; what was acknowledged counts."""
        now = time.time()
        body = [({"__name__": "m", "kind": "life", "idx": str(one.index), "team": self.team(one)},
                 [(int(now * 1000), 2 if one.up else 0)]) for one in self.series]
        try:
            status = self.server.remote_write(body).status
        except OSError:
            status = 0
        if status not in (200, 204):
            self.last_push = now
            return False
        for one in self.series:
            if one.waiting:
                one.waiting = False
                if one.up:
                    one.incidents.append([now, None])
                else:
                    one.incidents[-1][1] = now
            one.served += min(now - self.last_push, 1.0)
        self.last_push = now
        return True

    def change(self):
        for one in self.series:
            if not one.waiting and one.served > one.patience:
                one.up, one.waiting, one.served = not one.up, True, 0.0
                one.patience = self.chance.uniform(8, 12)

    def run(self, seconds, until=lambda: False):
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            self.change()
            self.push()
            time.sleep(0.15)

    def restart(self):
        self.server.wait()
        self.server.start()

    def kills(self):
        return sum(self.ends[kind] for kind in ("random", "request", "answer", "long"))

    def one_end(self):
        """A kill at some moment; now and then a stop or a reload."""
        kind = self.chance.choice(["random", "random", "request", "request", "answer", "answer", "long", "stop",
                                   "reload"])
        if kind in ("stop", "reload"):
            self.ends[kind] += 1
            self.run(self.chance.uniform(0.2, 1.5))
            if kind == "reload":
                self.server.request("POST", "/-/reload")
                return
            self.server.send_signal(signal.SIGTERM)
            self.restart()
            return
        killed = threading.Event()

        def now(_):
            if not killed.is_set():
                killed.set()
                os.kill(self.server.process.pid, 9)

        if kind in ("request", "answer"):
            setattr(self.hook, "on_request" if kind == "request" else "on_answered", now)
            self.run(3.0, killed.is_set)
            self.hook.on_request = self.hook.on_answered = None
            if not killed.is_set():
                kind = "random"
        else:
            self.run(self.chance.uniform(0.2, 2.5))
        if not killed.is_set():
            self.server.send_signal(9)
        self.ends[kind] += 1
        if kind == "long":
            time.sleep(self.chance.uniform(0.5, 2.0))
        self.restart()

    def settle(self):
        """What is up is told, then all end, in a good mood."""
        self.hook.moods = 0.0
        for one in self.series:
            one.patience = 1e9
        self.run(20, self.all_told)
        for one in self.series:
            if one.up:
                one.up, one.waiting = False, True
        harness.wait_for(lambda: self.push() and not any(one.waiting for one in self.series), 10)
        self.run(20, self.all_told)
        self.run(2)  # what comes once too often

    def all_told(self):
        verdict = Verdict()
        verdict.judge(self)
        return not verdict.problems


def heard(hook):
    """{idx: {startsAt: {status: [requests]}}}"""
    found = {}
    for request in list(hook.requests):
        payload = request.json()
        for alert in payload["alerts"]:
            if alert["labels"]["alertname"] == "Life":
                by_start = found.setdefault(int(alert["labels"]["idx"]), {})
                by_start.setdefault(seconds_of(alert["startsAt"]), {}).setdefault(alert["status"], []).append(request)
    return found


class Verdict:
    def __init__(self):
        self.driver = None
        self.problems, self.transitions, self.again, self.unknowable, self.latest = [], 0, 0, 0, 0.0

    def judge(self, driver):
        self.driver = driver
        told = heard(driver.hook)
        bodies = {}
        for request in list(driver.hook.requests):
            bodies.setdefault(request.headers.get("idempotency-key"), set()).add(request.body)
        if None in bodies or any(len(one) != 1 for one in bodies.values()):
            self.problems.append("a key stands for more than one body")
        for one in driver.series:
            mine = told.get(one.index, {})
            starts = sorted(mine)
            if len(starts) != len(one.incidents):
                self.problems.append(f"series {one.index}: {len(one.incidents)} incidents {one.incidents},"
                                     f" told of {len(starts)}: {starts}")
                continue
            for start, (up, down) in zip(starts, one.incidents):
                self.incident(one.index, mine[start], start, up, down, driver.groups == 0)

    def around(self, index, since):
        """What came of the group of a series in the seconds around a time."""
        team = self.driver.team(self.driver.series[index])
        out = []
        for request in list(self.driver.hook.requests):
            payload = request.json()
            if payload["groupLabels"].get("team", "") == team and since - 3 < request.time < since + 12:
                told = " ".join(f"{alert['labels']['idx']}:{alert['status']}" for alert in payload["alerts"])
                out.append(f"{request.time - since:.2f} s {request.mood} {told}")
        return out

    def incident(self, index, requests, start, up, down, alone):
        what = f"series {index}, up at {up:.2f}, told as {start:.2f}"
        if not up + FOR_S - 0.3 <= start <= up + FOR_S + 8 * harness.SLOW:
            self.problems.append(what + f": fired {start - up:.2f} s after the sample")
        for status, since in (("firing", start), ("resolved", down)):
            if since is None:
                continue
            self.transitions += 1
            got = requests.get(status, [])
            if not got:
                self.problems.append(what + f": never told that it is {status}, true since {since:.2f}; heard of its"
                                     f" group: {self.around(index, since)}")
                continue
            self.latest = max(self.latest, got[0].time - since)
            if not alone:  # is told again with the news of others
                continue
            if len({one.headers.get("idempotency-key") for one in got}) != 1:
                tries = [(round(one.time - since, 2), one.mood, one.whole, one.headers.get("idempotency-key"))
                         for one in got]
                self.problems.append(what + f": told that it is {status} with different keys: {tries}")
            self.again += len(got) - 1
            # Again though 200 was sent: the kill came before it was written down.
            self.unknowable += sum(one.mood == "ok" and one.whole for one in got[:-1])


class AlertCrash(harness.TestCase):
    kills, alerts, seed, groups = 4, 8, None, 0  # groups: of several alerts; 0 is one for each alert

    def setUp(self):
        self.seed_ = self.seed if self.seed is not None else random.randrange(1 << 30)
        self.chance = random.Random(self.seed_)
        self.hook = Hook(random.Random(self.seed_ + 1))
        self.addCleanup(self.hook.close)

    def begin(self, patience):
        server = self.server(start=False)
        folder = server.directory
        os.makedirs(os.path.join(folder, "rules"))
        by = "team" if self.groups else "'...'"
        for name, text in (("silverback.yml", CONFIG % {"port": self.hook.port, "by": by}),
                           ("rules/crash.yml", RULES % {"patience": f"{patience}s"})):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        server.flags += [f"--config.file={folder}/silverback.yml", "--self-scrape.interval=0s",
                         "--web.external-url=http://metrics.example"]  # the port is another each time
        return server.start()

    def test_every_transition_arrives(self):
        driver = Driver(self.begin(3), self.hook, self.chance, self.alerts, self.groups)
        self.hook.moods = 0.25
        while driver.kills() < self.kills:
            driver.one_end()
        driver.settle()
        verdict = Verdict()
        verdict.judge(driver)
        print(f"\nseed {self.seed_}: {driver.ends}, {verdict.transitions} transitions,"
              f" {len(self.hook.requests)} requests, {verdict.again} came again with the same key, of these"
              f" {verdict.unknowable} after an answer of 200; the latest after {verdict.latest:.1f} s", file=sys.stderr)
        self.assertEqual(verdict.problems, [], f"seed {self.seed_}")
        self.assertGreater(verdict.transitions, self.alerts // 2)

    def test_clocks_run_on(self):
        """`for` and keep_firing_for compare times, so a kill and a pause in between change nothing."""
        patience, pause = (30, 20) if self.kills > 20 else (4, 2)
        server = self.begin(patience)

        def put(value, kind):
            now = time.time()
            self.assertIn(server.remote_write([({"__name__": "m", "kind": kind}, [(int(now * 1000), value)])]).status,
                          (200, 204))
            return now

        def told(name, status):
            for request in list(self.hook.requests):
                for alert in request.json()["alerts"]:
                    if alert["labels"]["alertname"] == name and alert["status"] == status:
                        return alert
            return None

        put(2, "keep")
        harness.wait_for(lambda: told("Kept", "firing"), 10)
        up, down = put(2, "for"), put(0, "keep")
        time.sleep(1.5)  # pending, and kept
        server.kill()
        time.sleep(pause)
        self.assertIsNone(told("Patient", "firing"))
        server.start()
        fired = harness.wait_for(lambda: told("Patient", "firing"), patience + 5)
        over = harness.wait_for(lambda: told("Kept", "resolved"), patience + 5)
        self.assertAlmostEqual(seconds_of(fired["startsAt"]), up + patience + 0.5, delta=0.9 * harness.SLOW)
        self.assertAlmostEqual(seconds_of(over["endsAt"]), down + patience + 0.5, delta=0.9 * harness.SLOW)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    for name in ("kills", "alerts", "seed", "groups"):
        if f"--{name}" in arguments:
            at = arguments.index(f"--{name}")
            setattr(AlertCrash, name, int(arguments[at + 1]))
            del arguments[at:at + 2]
    unittest.main(argv=sys.argv[:1] + arguments)
