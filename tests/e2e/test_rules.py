"""Rules and alerts in the real program: series, API, Alertmanagers, and states that survive kill -9."""
import http.server
import json
import os
import threading
import time
import unittest

import harness

RULES = """
groups:
  - name: web
    interval: 1s
    rules:
      - {record: 'job:m:sum', expr: sum by (job) (m), labels: {from: rule}}
      - alert: High
        expr: job:m:sum > 1
        for: 2s
        labels: {severity: page}
        annotations: {summary: '{{ $labels.job }} is at {{ $value | humanize }}'}
"""
CONFIG = """
global: {evaluation_interval: 1s, external_labels: {region: eu}}
rule_files: [rules/*.yml]
alerting:
  alertmanagers: [{static_configs: [{targets: ['127.0.0.1:%d']}]}]
"""


class Receiver:
    """What posts to an Alertmanager look like from its side."""

    def __init__(self):
        posts = self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                posts.append((self.path, json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def alerts(self):
        return [alert for _, alerts in self.posts for alert in alerts]

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Rules(harness.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.server_ = self.server(start=False)
        folder = self.server_.directory
        os.makedirs(os.path.join(folder, "rules"))
        self.rules = os.path.join(folder, "rules/web.yml")
        self.write(self.rules, RULES)
        config = os.path.join(folder, "silverback.yml")
        self.write(config, CONFIG % self.receiver.port)
        self.server_.flags += [f"--config.file={config}", "--web.enable-lifecycle", "--self-scrape.interval=0s",
                               "--web.external-url=http://metrics.example"]
        self.server_.start()

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def put(self, value):
        now = int(time.time() * 1000)
        answer = self.server_.remote_write([({"__name__": "m", "job": "a"}, [(now, value)])])
        self.assertIn(answer.status, (200, 204))

    def rule(self):
        group = self.server_.get("/api/v1/rules").json()["data"]["groups"][0]
        return next(rule for rule in group["rules"] if rule["name"] == "High")

    def wait_state(self, state):
        harness.wait_for(lambda: self.rule()["state"] == state, 20, lambda: f"{self.rule()}\n{self.server_.text()}")

    def test_from_sample_to_alertmanager_and_back(self):
        self.put(2000)
        self.wait_state("firing")
        self.assertEqual(self.server_.query('job:m:sum{from="rule"}')[0]["metric"]["job"], "a")
        harness.wait_for(lambda: [s["metric"]["alertstate"] for s in self.server_.query("ALERTS")] == ["firing"], 5,
                         lambda: f"{self.server_.query('ALERTS')}")
        alert = self.server_.get("/api/v1/alerts").json()["data"]["alerts"][0]
        self.assertEqual(alert["labels"], {"alertname": "High", "from": "rule", "job": "a", "severity": "page"})
        self.assertEqual(alert["annotations"], {"summary": "a is at 2k"})
        self.assertEqual(alert["value"], "2e+03")
        harness.wait_for(self.receiver.alerts, 10, lambda: "nothing posted")
        path, posted = self.receiver.posts[0]
        self.assertEqual(path, "/api/v2/alerts")
        self.assertEqual(posted[0]["labels"], {**alert["labels"], "region": "eu"})
        self.assertEqual(posted[0]["generatorURL"],
                         "http://metrics.example/graph?g0.expr=job%3Am%3Asum+%3E+1&g0.tab=1")
        self.assertGreater(posted[0]["endsAt"], posted[0]["startsAt"])

        self.put(0)
        self.wait_state("inactive")
        harness.wait_for(lambda: self.receiver.alerts()[-1]["endsAt"] < time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(
            time.time() + 1)), 10, lambda: f"{self.receiver.posts}")
        harness.wait_for(lambda: not self.server_.query("ALERTS"), 5, lambda: f"{self.server_.query('ALERTS')}")

    def test_states_survive_kill(self):
        self.put(2)
        self.wait_state("firing")
        since = self.rule()["alerts"][0]["activeAt"]
        self.server_.kill()
        self.receiver.posts.clear()
        self.server_.start()
        self.wait_state("firing")
        self.assertEqual(self.rule()["alerts"][0]["activeAt"], since)
        harness.wait_for(self.receiver.alerts, 10, lambda: "not told again after the start")

    def test_reload(self):
        self.put(2)
        self.wait_state("firing")
        since = self.rule()["alerts"][0]["activeAt"]
        self.write(self.rules, RULES.replace("interval: 1s", "interval: 2s"))
        self.assertEqual(self.server_.request("POST", "/-/reload").status, 200)
        self.assertEqual(self.rule()["alerts"][0]["activeAt"], since)

        self.write(self.rules, RULES.replace("expr: job:m:sum > 1", "expr: sum("))
        answer = self.server_.request("POST", "/-/reload")
        self.assertEqual(answer.status, 500)
        self.assertIn(b"rule 2, \\\"High\\\": could not parse expression", answer.body.replace(b'"High"', b'\\"High\\"'))
        self.assertEqual(self.rule()["state"], "firing")

    def test_experimental_functions(self):
        self.server_.stop()
        self.write(self.rules, "groups: [{name: g, interval: 1s, rules: [{record: r, expr: 'limitk(1, vector(3))'}]}]")
        self.server_.start("--enable-feature=promql-experimental-functions")
        harness.wait_for(lambda: self.server_.query("r"), 10, self.server_.text)

    def test_check(self):
        good = harness.run("check", "rules", self.rules)
        self.assertEqual((good.returncode, good.stdout), (0, f"{self.rules}: good, 2 rules\n"))
        self.write(self.rules, RULES.replace("for: 2s", "for: soon"))
        bad = harness.run("check", "rules", self.rules)
        self.assertEqual(bad.returncode, 1)
        self.assertIn("web.yml:9: group \"web\", rule 2, \"High\": for: expected a duration", bad.stderr)


if __name__ == "__main__":
    unittest.main()
