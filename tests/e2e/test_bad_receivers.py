"""Receivers that are slow, down, broken or malicious: evaluation does not notice, nothing grows, metrics tell."""
import os
import socket
import time
import unittest

import harness
from receivers import Receiver

ALERTS = 50
BAD = ["slow", "fail", "busy", "wrong", "redirect", "garbage", "never", "endless", "headers", "close", "down"]
RULES = """
groups:
  - name: many
    interval: 1s
    rules:
      - {alert: Many, expr: m > 1, labels: {severity: page}, annotations: {summary: '{{ $labels.idx }} is {{ $value }}'}}
      - {record: 'm:sum', expr: sum(m)}
"""


def closed_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def memory_mib(server):
    with open(f"/proc/{server.process.pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS"))


class BadReceivers(harness.TestCase):
    def setUp(self):
        self.elsewhere = Receiver(host="127.0.0.2")
        self.receiver = Receiver(elsewhere=f"http://127.0.0.2:{self.elsewhere.port}")
        self.addCleanup(self.receiver.close)
        self.addCleanup(self.elsewhere.close)
        self.down = closed_port()
        self.server_ = self.server(start=False)
        folder = self.server_.directory
        os.makedirs(os.path.join(folder, "rules"))
        with open(os.path.join(folder, "rules/many.yml"), "w", encoding="utf-8") as file:
            file.write(RULES)
        self.config = os.path.join(folder, "silverback.yml")

    def run_with(self, good, bad):
        """Durations of evaluations with good receivers alone, and then with bad ones beside them."""
        self.write(good)
        self.server_.flags += [f"--config.file={self.config}", "--web.enable-lifecycle", "--self-scrape.interval=0s",
                               "--rules.alert-resend-delay=1s"]
        self.server_.start()
        quiet = self.turns(3)
        self.write(bad)
        answer = self.server_.request("POST", "/-/reload")
        self.assertEqual(answer.status, 200, answer.body)
        self.turns(2)
        before = memory_mib(self.server_)
        loud = self.turns(5)
        self.assertLess(memory_mib(self.server_) - before, 30 * harness.SLOW)
        return quiet, loud

    def write(self, text):
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("global: {evaluation_interval: 1s}\nrule_files: [rules/*.yml]\n" + text)

    def turns(self, seconds):
        """Alerts fire and end, a quarter of them each second; what the evaluations took."""
        took = {}
        for turn in range(seconds):
            now = int(time.time() * 1000)
            self.server_.remote_write([({"__name__": "m", "idx": str(i)}, [(now, 2 if (i + turn) % 4 else 0)])
                                       for i in range(ALERTS)])
            time.sleep(1)
            for rule in self.server_.get("/api/v1/rules").json()["data"]["groups"][0]["rules"]:
                for one in rule["history"]:
                    took[rule["name"], one["time"]] = one["duration"]
        return sorted(took.values())

    def check_evaluation(self, quiet, loud):
        middle = [times[len(times) // 2] for times in (quiet, loud)]
        self.assertLess(middle[1], 4 * middle[0] + 0.05 * harness.SLOW, f"{quiet} {loud}")
        self.assertLess(loud[-1], 0.5 * harness.SLOW)
        if harness.SLOW == 1:
            self.assertEqual(self.metric("prometheus_rule_group_iterations_missed_total"), 0)
        self.assertEqual(self.metric("prometheus_rule_evaluation_failures_total"), 0)

    def check_outside(self):
        self.assertEqual(self.elsewhere.requests, [], "a redirect led to another host")
        # An answer without end is not read to its end.
        asked = len(self.receiver.of("/endless")) + len(self.receiver.of("/headers"))
        self.assertLess(self.receiver.sent, (asked + 1) * 8 * 1024 * 1024)

    def metric(self, name, piece=""):
        found = [float(line.rpartition(" ")[2]) for line in self.server_.get("/metrics").body.decode().splitlines()
                 if line.startswith(name) and piece in line]
        self.assertTrue(found, f"{name} with {piece} is not there")
        return sum(found)

    # ---- Alertmanagers

    def alertmanager(self, how):
        port = self.down if how == "down" else self.receiver.port
        return (f"{{path_prefix: /{how}, timeout: 1s, basic_auth: {{username: u, password: p}},"
                f" static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}")

    def test_alertmanagers(self):
        def config(*hows):
            return "alerting: {alertmanagers: [" + ", ".join(map(self.alertmanager, hows)) + "]}\n"

        quiet, loud = self.run_with(config("ok"), config("ok", *BAD))
        self.check_evaluation(quiet, loud)
        self.check_outside()
        told = self.receiver.of("/ok")
        self.assertGreaterEqual(len(told), 6, "the good one hears less")
        self.assertGreater(told[-1].time, time.time() - 3 * harness.SLOW)
        for how in BAD:
            if how in ("endless", "headers", "slow"):  # the status has come, or comes sometimes
                continue
            url = f"127.0.0.1:{self.down if how == 'down' else self.receiver.port}/{how}/"
            with self.subTest(how=how):
                self.assertGreater(self.metric("prometheus_notifications_errors_total", url), 0)
                self.assertLess(self.metric("prometheus_notifications_queue_length", url), 10_001)
        self.assertEqual(self.metric("prometheus_notifications_errors_total", "/ok/"), 0)

    # ---- webhooks of our own

    def test_webhooks(self):
        def config(*hows):
            routes = ", ".join(f"{{receiver: {how}, continue: true}}" for how in hows)
            # An answer of "busy" counts when it is heard.
            receivers = ", ".join(f"{{name: {how}, webhook_configs: [{{url: 'http://127.0.0.1:"
                                  f"{self.down if how == 'down' else self.receiver.port}/{how}/hook',"
                                  f" timeout: {5 if how == 'busy' else 1}s,"
                                  " http_config: {basic_auth: {username: u, password: p}}}]}" for how in hows)
            return ("notifications:\n  route: {receiver: ok, group_by: [alertname], group_wait: 0s, group_interval: 1s,"
                    f" repeat_interval: 1s, routes: [{routes}]}}\n  receivers: [{receivers}]\n")

        quiet, loud = self.run_with(config("ok"), config("ok", *BAD))
        self.check_evaluation(quiet, loud)
        self.check_outside()
        told = self.receiver.of("/ok")
        self.assertGreaterEqual(len(told), 6, "the good one hears less")
        self.assertGreater(told[-1].time, time.time() - 3 * harness.SLOW)
        keys = [one.headers["idempotency-key"] for one in told]
        self.assertEqual(len(set(keys)), len(keys), "the good one heard something twice")
        for how in BAD:
            with self.subTest(how=how):
                self.assertLess(self.metric("silverback_notifications_waiting", f'receiver="{how}"'), 3)
                if how != "down":
                    self.assertGreater(len(self.receiver.of(f"/{how}/")), 0)
        self.assertGreater(self.metric("alertmanager_notification_requests_failed_total", 'integration="webhook"'), 8)
        self.assertGreater(self.metric("alertmanager_notifications_failed_total", 'integration="webhook"'), 0)
        # "Come again in two seconds" is heeded, though there is news each second.
        busy = [one.time for one in self.receiver.of("/busy/")]
        self.assertGreater(len(busy), 1)
        self.assertTrue(all(b - a > 1.9 for a, b in zip(busy, busy[1:])), f"{busy}")
        begin = time.monotonic()
        self.server_.stop()
        self.assertLess(time.monotonic() - begin, 10 * harness.SLOW, "bad receivers hold up the stop")


if __name__ == "__main__":
    unittest.main()
