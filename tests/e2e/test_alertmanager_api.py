"""Alertmanager's API v2 as amtool and Grafana's Alertmanager data source use it."""
import datetime
import json
import os
import shutil
import subprocess
import time
import unittest

import harness
from receivers import Receiver

RULES = """
groups:
  - name: api
    interval: 1s
    rules:
      - alert: High
        expr: m > 1
        labels: {severity: page}
        annotations: {summary: 'job {{ $labels.job }}'}
      - {alert: Low, expr: m > 0, labels: {severity: info}}
"""
NOTIFICATIONS = """
global: {resolve_timeout: 5m}
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
  routes:
    - {receiver: pager, matchers: ['severity="page"', 'job=~"a|b"'], group_by: [alertname, job], continue: true}
    - {receiver: mail-team, matchers: ['team="mail"']}
receivers:
  - {name: ops, webhook_configs: [{url: 'http://127.0.0.1:%(port)d/ops'}]}
  - {name: pager, webhook_configs: [{url: 'http://127.0.0.1:%(port)d/pager', http_config: {basic_auth: {username: u, password: topsecret}}}]}
  - {name: mail-team}
inhibit_rules:
  - {source_matchers: ['severity="page"'], target_matchers: ['severity="info"'], equal: [job]}
"""


def indented(text):
    return "".join("  " + line + "\n" for line in text.splitlines())


class AlertmanagerApi(harness.TestCase):
    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.server_ = self.server(start=False)
        self.folder = self.server_.directory
        os.makedirs(os.path.join(self.folder, "rules"))
        self.section = NOTIFICATIONS % {"port": self.receiver.port}
        self.write("rules/api.yml", RULES)
        self.write("silverback.yml", "rule_files: [rules/*.yml]\nnotifications:\n" + indented(self.section))
        self.write("alertmanager.yml", self.section)
        self.server_.flags += [f"--config.file={self.folder}/silverback.yml", "--self-scrape.interval=0s",
                               "--web.external-url=http://metrics.example"]
        self.server_.start()
        now = int(time.time() * 1000)
        self.server_.remote_write([({"__name__": "m", "job": job}, [(now, value)])
                                   for job, value in (("a", 2), ("b", 2), ("c", 1))])
        harness.wait_for(lambda: len(self.alerts()) == 5, 15, lambda: f"{self.alerts()}\n{self.server_.text()}")

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def get(self, path, **parameters):
        answer = self.server_.get("/api/v2" + path, parameters)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(answer.headers["Content-Type"].split(";")[0], "application/json")
        return answer.json()

    def alerts(self, **parameters):
        return self.get("/alerts", **parameters)

    def post(self, path, value):
        return self.server_.request("POST", "/api/v2" + path, json.dumps(value), {"Content-Type": "application/json"})

    @staticmethod
    def in_(hours):
        moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def silence(self, *matchers, **more):
        return {"matchers": [{"name": n, "value": v, "isRegex": r, "isEqual": e} for n, v, r, e in matchers],
                "startsAt": self.in_(0), "endsAt": self.in_(2), "createdBy": "admin", "comment": "a test", **more}


class Grafana(AlertmanagerApi):
    """The requests of Grafana's Alertmanager data source."""

    def test_status(self):
        status = self.get("/status")
        self.assertEqual(set(status), {"cluster", "config", "uptime", "versionInfo"})
        self.assertIn(status["cluster"]["status"], ("ready", "disabled"))
        self.assertRegex(status["config"]["original"], "receiver: '?ops")
        self.assertNotIn("topsecret", status["config"]["original"])
        self.assertLessEqual({"branch", "buildDate", "buildUser", "goVersion", "revision", "version"},
                             set(status["versionInfo"]))
        self.assertTrue(datetime.datetime.fromisoformat(status["uptime"].replace("Z", "+00:00")))

    def test_receivers(self):
        self.assertEqual(sorted(one["name"] for one in self.get("/receivers")), ["mail-team", "ops", "pager"])

    def test_alerts(self):
        alerts = self.alerts(silenced="true", active="true", inhibited="true", unprocessed="true")
        one = next(a for a in alerts if a["labels"] == {"alertname": "High", "job": "a", "severity": "page"})
        self.assertLessEqual({"annotations", "endsAt", "fingerprint", "receivers", "startsAt", "status", "updatedAt",
                              "generatorURL", "labels"}, set(one))
        self.assertEqual(one["annotations"], {"summary": "job a"})
        self.assertRegex(one["fingerprint"], "^[0-9a-f]{16}$")
        self.assertEqual(one["generatorURL"], "http://metrics.example/graph?g0.expr=m+%3E+1&g0.tab=1")
        self.assertEqual(sorted(r["name"] for r in one["receivers"]), ["pager"])
        self.assertEqual(one["status"]["state"], "active")
        inhibited = next(a for a in alerts if a["labels"]["alertname"] == "Low" and a["labels"]["job"] == "a")
        harness.wait_for(lambda: [a["status"]["inhibitedBy"] for a in self.alerts(filter=['alertname="Low"', 'job="a"'])]
                         == [[one["fingerprint"]]], 5, lambda: f"{inhibited}")
        self.assertEqual({a["labels"]["job"] for a in self.alerts(inhibited="false") if a["labels"]["alertname"] == "Low"},
                         {"c"})
        self.assertEqual(len(self.alerts(filter=['job=~"a|b"', 'severity!="info"'])), 2)
        self.assertEqual(self.alerts(filter='job="nobody"'), [])
        self.assertEqual(len(self.alerts(receiver="pager")), 2)
        self.assertEqual(len(self.alerts(receiver="p.*r")), 2)
        self.assertEqual(self.alerts(receiver="page"), [])
        self.assertEqual(self.alerts(active="false", silenced="false", inhibited="false"), [])

    def test_groups(self):
        groups = self.get("/alerts/groups", silenced="true", active="true", inhibited="true")
        named = {(g["receiver"]["name"], g["labels"]["alertname"], g["labels"].get("job")): g["alerts"] for g in groups}
        self.assertEqual(sorted(named, key=str), sorted([("pager", "High", "a"), ("pager", "High", "b"),
                                                         ("ops", "Low", None)], key=str))
        self.assertEqual(len(named["ops", "Low", None]), 3)
        self.assertEqual(named["pager", "High", "a"][0]["annotations"], {"summary": "job a"})
        self.assertEqual(self.get("/alerts/groups", filter='job="nobody"'), [])

    def test_silences(self):
        answer = self.post("/silences", self.silence(("alertname", "High", False, True), ("job", "a|c", True, True)))
        self.assertEqual(answer.status, 200, answer.body)
        name = answer.json()["silenceID"]
        self.assertEqual([s["id"] for s in self.get("/silences")], [name])
        one = self.get(f"/silence/{name}")
        self.assertEqual(one["status"], {"state": "active"})
        self.assertEqual(sorted(m["name"] for m in one["matchers"]), ["alertname", "job"])
        self.assertLessEqual({"id", "status", "updatedAt", "comment", "createdBy", "endsAt", "matchers", "startsAt"},
                             set(one))
        silenced = [a for a in self.alerts() if a["status"]["silencedBy"] == [name]]
        self.assertEqual([a["labels"]["job"] for a in silenced], ["a"])
        self.assertEqual(silenced[0]["status"]["state"], "suppressed")
        self.assertEqual(len(self.alerts(silenced="false")), 4)
        self.assertEqual(len(self.get("/silences", filter='alertname="High"')), 1)
        self.assertEqual(self.get("/silences", filter='alertname="Other"'), [])

        changed = self.post("/silences", {**one, "comment": "longer", "endsAt": self.in_(5)})
        self.assertEqual(changed.status, 200, changed.body)
        self.assertEqual(self.get(f"/silence/{changed.json()['silenceID']}")["comment"], "longer")

        gone = self.server_.request("DELETE", f"/api/v2/silence/{changed.json()['silenceID']}")
        self.assertEqual(gone.status, 200, gone.body)
        self.assertEqual({s["status"]["state"] for s in self.get("/silences")}, {"expired"})
        self.assertEqual(len(self.alerts(silenced="false")), 5)

    def test_silence_survives_kill(self):
        name = self.post("/silences", self.silence(("job", "b", False, True))).json()["silenceID"]
        self.server_.kill()
        self.server_.start()
        self.assertEqual(self.get(f"/silence/{name}")["status"], {"state": "active"})

    def test_mistakes_are_named(self):
        bad = [self.silence(), self.silence(("", "x", False, True)), self.silence(("job", "(", True, True)),
               self.silence(("job", "a", False, True), endsAt=self.in_(-1)),
               self.silence(("job", "", False, True)), {"matchers": 7}, {}]
        for one in bad:
            with self.subTest(silence=one):
                answer = self.post("/silences", one)
                self.assertIn(answer.status, (400, 422))
                self.assertTrue(answer.json(), "no word of what is wrong")
        self.assertEqual(self.server_.get("/api/v2/alerts", {"filter": "job=~("}).status, 400)
        self.assertEqual(self.server_.get("/api/v2/silence/7eb6d5b6-0000-4000-8000-000000000000").status, 404)
        self.assertIn(self.server_.get("/api/v2/silence/none").status, (404, 422))
        self.assertIn(self.post("/alerts", [{"annotations": {}}]).status, (400, 422))

    def test_alerts_of_others(self):
        """What a Prometheus posts is an alert like those of our rules."""
        alert = {"labels": {"alertname": "Foreign", "team": "mail"}, "annotations": {"summary": "from outside"},
                 "startsAt": self.in_(-1), "endsAt": self.in_(1), "generatorURL": "http://other/graph"}
        answer = self.post("/alerts", [alert])
        self.assertEqual(answer.status, 200, answer.body)
        found = harness.wait_for(lambda: self.alerts(filter='alertname="Foreign"'), 5)
        self.assertEqual([r["name"] for r in found[0]["receivers"]], ["mail-team"])
        self.assertEqual(found[0]["generatorURL"], "http://other/graph")
        self.post("/alerts", [{**alert, "endsAt": self.in_(0)}])
        harness.wait_for(lambda: not self.alerts(filter='alertname="Foreign"'), 5)


@unittest.skipUnless(shutil.which("amtool"), "amtool is not installed")
class Amtool(AlertmanagerApi):
    def amtool(self, *arguments, code=0):
        done = subprocess.run(["amtool", f"--alertmanager.url=http://127.0.0.1:{self.server_.port}", *arguments],
                              capture_output=True, text=True, timeout=30 * harness.SLOW, check=False,
                              env={**os.environ, "HOME": self.folder})
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def test_alerts(self):
        self.assertEqual(len(json.loads(self.amtool("alert", "query", "-o", "json", "alertname=High"))), 2)
        self.assertEqual(len(json.loads(self.amtool("alert", "query", "-o", "json", "--inhibited", "alertname=Low"))), 2)
        self.assertIn("job a", self.amtool("alert", "query", "job=~a|b"))
        self.assertIn('severity="page"', self.amtool("alert", "-o", "extended", "High"))
        self.amtool("alert", "add", "foo", "team=mail", "--annotation=summary=by hand")
        harness.wait_for(lambda: self.alerts(filter='alertname="foo"'), 5)

    def test_silences(self):
        name = self.amtool("silence", "add", "alertname=High", "job=~a|c", "--comment=a test", "--author=me", "-d", "1h")
        self.assertEqual([one["id"] for one in json.loads(self.amtool("silence", "query", "-o", "json"))], [name])
        self.assertEqual(self.amtool("silence", "query", "-q", "alertname=High"), name)
        self.assertEqual(len(json.loads(self.amtool("alert", "query", "-o", "json", "--silenced"))), 1)
        self.assertIn("a test", self.amtool("silence", "query", "--created-by=me"))
        self.amtool("silence", "update", "-d", "3h", "--comment=longer", name)
        updated = self.amtool("silence", "query", "-q")
        self.assertIn("longer", self.amtool("silence", "query", "-o", "extended"))
        self.amtool("silence", "expire", updated)
        self.assertEqual(self.amtool("silence", "query", "-q"), "")
        self.assertIn(updated, self.amtool("silence", "query", "-q", "--expired"))
        self.amtool("silence", "expire", "7eb6d5b6-0000-4000-8000-000000000000", code=1)

        exported = os.path.join(self.folder, "silences.json")
        self.amtool("silence", "add", "job=b", "--comment=kept", "--author=me")
        self.write("silences.json", self.amtool("silence", "query", "-o", "json"))
        self.amtool("silence", "expire", self.amtool("silence", "query", "-q"))
        self.amtool("silence", "import", exported)
        self.assertIn("kept", self.amtool("silence", "query"))

    def test_config(self):
        self.assertRegex(self.amtool("config", "show"), "receiver: '?ops")
        routes = self.amtool("config", "routes", "show")
        self.assertIn("receiver: pager", routes)
        self.assertIn("continue: true", routes)
        self.assertEqual(self.amtool("config", "routes", "test", "severity=page", "job=a", "team=mail"), "pager,mail-team")
        self.assertEqual(self.amtool("config", "routes", "test", "severity=page", "job=c"), "ops")
        self.amtool("config", "routes", "test", "--verify.receivers=ops", "severity=page", "job=a", code=1)

    def test_our_section_is_alertmanagers(self):
        """What amtool accepts is accepted here: the section alone, in a file of its own."""
        self.assertIn("SUCCESS", self.amtool("check-config", f"{self.folder}/alertmanager.yml"))
        shown = json.loads(json.dumps(self.get("/status")["config"]["original"]))
        self.write("shown.yml", shown)
        self.assertIn("SUCCESS", self.amtool("check-config", f"{self.folder}/shown.yml"))

    def test_cluster(self):
        self.assertIn("Cluster Status", self.amtool("cluster", "show"))


del AlertmanagerApi  # the parent has no tests of its own

if __name__ == "__main__":
    unittest.main()
