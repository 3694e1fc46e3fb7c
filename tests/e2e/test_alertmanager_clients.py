"""Alertmanager's API v2 in the real program: amtool where it is installed, plain HTTP otherwise, a Prometheus'
posts, and what is left after kill -9."""
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading
import time
import unittest
import uuid

import harness

CONFIG = """
notifications:
  route:
    receiver: ops
    group_by: [alertname]
    group_wait: 100ms
    group_interval: 1s
    routes:
      - {matchers: [severity="page"], receiver: pager, group_by: [team], continue: true}
  receivers:
    - name: ops
      webhook_configs: [{url: 'http://127.0.0.1:%d/ops'}]
    - name: pager
      webhook_configs: [{url: 'http://hook:sesame@127.0.0.1:%d/pager'}]
  inhibit_rules:
    - {source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [alertname]}
"""


class Hook:
    """A webhook that notes what it is told."""

    def __init__(self):
        posts = self.posts = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                posts.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def told(self):
        """(name, status) of every alert in every notification."""
        return {(alert["labels"].get("alertname"), alert["status"]) for post in self.posts for alert in post["alerts"]}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def at(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


class Case(harness.TestCase):
    prefix = "/api/v2"

    def setUp(self):
        self.hook = Hook()
        self.addCleanup(self.hook.close)
        self.one = self.server("--self-scrape.interval=0s", start=False)
        path = os.path.join(self.one.directory, "silverback.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG % (self.hook.port, self.hook.port))
        self.one.flags.append(f"--config.file={path}")
        self.one.start()

    def post(self, path, what, status=200):
        body = what if isinstance(what, str) else json.dumps(what)
        answer = self.one.request("POST", self.prefix + path, body, {"Content-Type": "application/json"})
        self.assertEqual(answer.status, status, answer.body)
        return answer

    def get(self, path, **parameters):
        answer = self.one.get(self.prefix + path, parameters)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()

    def silence(self, name="High", seconds=3600, **more):
        return {"matchers": [{"name": "alertname", "value": name, "isRegex": False}], "startsAt": at(-1),
                "endsAt": at(seconds), "createdBy": "me", "comment": "why", **more}


class Http(Case):
    def test_an_alert_from_its_post_to_the_receiver_and_back(self):
        self.post("/alerts", [{"labels": {"alertname": "High", "severity": "page", "team": "db"},
                               "startsAt": at(-60), "annotations": {"summary": "\u00fcber 5 \u2265"}, "generatorURL": "http://p/graph?x=1"}])
        alert, = self.get("/alerts")
        self.assertEqual(alert["labels"], {"alertname": "High", "severity": "page", "team": "db"})
        self.assertEqual(alert["annotations"], {"summary": "\u00fcber 5 \u2265"})
        self.assertEqual([one["name"] for one in alert["receivers"]], ["pager"])
        self.assertEqual(alert["status"], {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []})
        self.assertRegex(alert["startsAt"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(alert["generatorURL"], "http://p/graph?x=1")
        group, = self.get("/alerts/groups")
        self.assertEqual((group["labels"], group["receiver"]), ({"team": "db"}, {"name": "pager"}))
        self.assertEqual([one["fingerprint"] for one in group["alerts"]], [alert["fingerprint"]])
        harness.wait_for(lambda: ("High", "firing") in self.hook.told(), 10, lambda: f"{self.hook.posts}")

        self.post("/alerts", [{"labels": alert["labels"], "startsAt": alert["startsAt"], "endsAt": at(-1)}])
        harness.wait_for(lambda: ("High", "resolved") in self.hook.told(), 10, lambda: f"{self.hook.posts}")
        self.assertEqual(self.get("/alerts"), [])

    def test_inhibited_and_silenced_alerts_are_not_told(self):
        self.post("/silences", self.silence("Quiet"))
        self.post("/alerts", [{"labels": {"alertname": "Disk", "severity": "critical"}},
                              {"labels": {"alertname": "Disk", "severity": "warning"}},
                              {"labels": {"alertname": "Quiet"}}])
        by_severity = {alert["labels"].get("severity"): alert for alert in self.get("/alerts")}
        self.assertEqual(by_severity["warning"]["status"]["inhibitedBy"], [by_severity["critical"]["fingerprint"]])
        self.assertEqual(by_severity[None]["status"]["state"], "suppressed")
        self.assertEqual(len(self.get("/alerts", silenced="false", inhibited="false")), 1)
        harness.wait_for(lambda: ("Disk", "firing") in self.hook.told(), 10, lambda: f"{self.hook.posts}")
        time.sleep(0.5)
        self.assertEqual(self.hook.told(), {("Disk", "firing")})
        self.assertEqual([a["labels"]["severity"] for p in self.hook.posts for a in p["alerts"]], ["critical"])

    def test_silences_and_alerts_survive_kill(self):
        posted = self.post("/silences", self.silence()).json()["silenceID"]
        self.post("/alerts", [{"labels": {"alertname": "High"}, "endsAt": at(3600)}])
        before = self.get("/silences"), self.get("/alerts")
        self.one.kill()
        self.one.start()
        self.assertEqual((self.get("/silences"), self.get("/alerts")), before)
        self.assertEqual(self.get(f"/silence/{posted}")["comment"], "why")
        self.assertEqual(self.one.request("DELETE", f"{self.prefix}/silence/{posted}").status, 200)
        self.one.kill()
        self.one.start()
        self.assertEqual(self.get(f"/silence/{posted}")["status"]["state"], "expired")
        self.assertEqual(self.get("/alerts")[0]["status"]["state"], "active")

    def test_the_status_shows_no_secret(self):
        status = self.get("/status")
        self.assertEqual(status["cluster"], {"status": "disabled", "peers": []})
        self.assertEqual(set(status["versionInfo"]),
                         {"branch", "buildDate", "buildUser", "goVersion", "revision", "version"})
        self.assertNotIn("sesame", status["config"]["original"])
        self.assertEqual(self.get("/receivers"), [{"name": "ops"}, {"name": "pager"}])

    def test_bad_bodies_are_refused_and_good_alerts_beside_bad_ones_taken(self):
        self.assertIn("[0]: labels: a: a string is needed", self.post("/alerts", '[{"labels":{"a":1}}]', 400).json()["message"])
        self.assertIn("not JSON", self.post("/alerts", '[{"labels":', 400).json()["message"])
        self.assertIn("nested", self.post("/alerts", '[{"x":' + "[" * 100 + "]" * 100 + "}]", 400).json()["message"])
        self.assertIn("alert 1: ", self.post("/alerts", [{"labels": {"alertname": "Good"}}, {"labels": {}}], 400).json())
        self.assertEqual(len(self.get("/alerts")), 1)
        answer = self.one.request("POST", self.prefix + "/alerts", "[]", {"Content-Type": "text/plain"})
        self.assertEqual(answer.status, 415)
        answer = self.one.request("DELETE", f"{self.prefix}/silence/{uuid.uuid4()}")
        self.assertEqual(answer.status, 404)
        text = self.one.get("/metrics").body.decode()
        self.assertIn('alertmanager_alerts_invalid_total{version="v2"} 1', text)

    def test_influx_writes_go_their_way(self):
        answer = self.one.request("POST", "/api/v2/write?bucket=db", b"m v=1")
        self.assertEqual(answer.status, 204)


class UrlOfItsOwn(Http):
    """http://host:9428/alertmanager as an Alertmanager's URL."""
    prefix = "/alertmanager/api/v2"

    def test_health(self):
        for page in ("healthy", "ready"):
            self.assertEqual(self.one.get(f"/alertmanager/-/{page}").status, 200)


class NotConfigured(harness.TestCase):
    def test_says_so(self):
        one = self.server("--self-scrape.interval=0s")
        answer = one.get("/api/v2/status")
        self.assertEqual(answer.status, 404)
        self.assertIn('section "notifications"', answer.json())
        self.assertEqual(one.get("/alertmanager/-/ready").status, 503)


@unittest.skipUnless(shutil.which("amtool"), "amtool is not installed")
class Amtool(Case):
    url = ""

    def amtool(self, *arguments, code=0):
        home = tempfile.mkdtemp(prefix="silverback-amtool-")
        self.addCleanup(shutil.rmtree, home, ignore_errors=True)
        done = subprocess.run(["amtool", f"--alertmanager.url=http://127.0.0.1:{self.one.port}{self.url}", *arguments],
                              capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": home})
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout if code == 0 else done.stderr

    def test_alerts(self):
        self.amtool("alert", "add", "High", "severity=page", "team=db", "--annotation=summary=much",
                    "--generator-url=http://p/graph")
        self.amtool("alert", "add", "alertname=Low", f"--start={at(-60)}", f"--end={at(600)}")
        shown = self.amtool("alert", "query")
        self.assertIn("High", shown)
        self.assertIn("Low", shown)
        alert, = json.loads(self.amtool("-o", "json", "alert", "query", "severity=~p.*", "--receiver=pag.*"))
        self.assertEqual(alert["labels"], {"alertname": "High", "severity": "page", "team": "db"})
        self.assertEqual(alert["annotations"], {"summary": "much"})
        self.assertEqual(json.loads(self.amtool("-o", "json", "alert", "query", "--silenced")), [])
        self.assertIn("much", self.amtool("-o", "extended", "alert", "query", "High"))
        harness.wait_for(lambda: ("Low", "firing") in self.hook.told(), 10, lambda: f"{self.hook.posts}")

    def test_silences(self):
        self.amtool("alert", "add", "High", "team=db")
        first = self.amtool("silence", "add", "High", "team!=web", "--comment=why", "--author=me").strip()
        second = self.amtool("silence", "add", "alertname=~Low|Mid", "--comment=b", "--duration=2h").strip()
        shown = json.loads(self.amtool("-o", "json", "silence", "query"))
        self.assertEqual([one["id"] for one in shown], [first, second])
        self.assertEqual(shown[0]["createdBy"], "me")
        self.assertIn({"name": "team", "value": "web", "isEqual": False, "isRegex": False}, shown[0]["matchers"])
        self.assertEqual(self.amtool("silence", "query", "-q", "alertname=High").strip(), first)
        self.assertIn("me", self.amtool("-o", "extended", "silence", "query", "alertname=High"))
        self.assertEqual(json.loads(self.amtool("-o", "json", "alert", "query")), [])
        silenced, = json.loads(self.amtool("-o", "json", "alert", "query", "--silenced"))
        self.assertEqual(silenced["status"]["silencedBy"], [first])

        updated = json.loads(self.amtool("-o", "json", "silence", "update", "--comment=longer", "--duration=5h", first))
        self.assertEqual(updated[0]["id"], first)
        self.assertEqual(self.get(f"/silence/{first}")["comment"], "longer")

        kept = self.amtool("-o", "json", "silence", "query")
        self.amtool("silence", "expire", first, second)
        self.assertEqual(json.loads(self.amtool("-o", "json", "silence", "query")), [])
        self.assertEqual(len(json.loads(self.amtool("-o", "json", "silence", "query", "--expired"))), 2)
        path = os.path.join(self.one.directory, "silences.json")
        with open(path, "w", encoding="utf-8") as file:
            file.write(kept)
        self.assertEqual(len(self.amtool("silence", "import", "--force", path).split()), 2)
        self.assertEqual(len(json.loads(self.amtool("-o", "json", "silence", "query"))), 2)
        strange = json.loads(kept)
        strange[0]["id"] = str(uuid.uuid4())  # of another Alertmanager: made as a new one
        with open(path, "w", encoding="utf-8") as file:
            json.dump(strange[:1], file)
        self.amtool("silence", "import", path)
        self.assertEqual(len(json.loads(self.amtool("-o", "json", "silence", "query"))), 3)
        self.assertIn("404", self.amtool("silence", "expire", str(uuid.uuid4()), code=1))

    def test_configuration_and_cluster(self):
        shown = self.amtool("config", "show")
        self.assertRegex(shown, "receiver: '?ops")
        self.assertNotIn("sesame", shown)
        routes = self.amtool("config", "routes", "show")
        self.assertIn("pager", routes)
        self.assertIn("ops", self.amtool("config", "routes", "test", "severity=none"))
        self.assertIn("pager", self.amtool("config", "routes", "test", "severity=page"))
        self.assertIn("disabled", self.amtool("cluster", "show"))


class AmtoolOwnUrl(Amtool):
    prefix = "/alertmanager/api/v2"
    url = "/alertmanager"


RULES = """
groups:
  - name: g
    interval: 1s
    rules: [{alert: FromPrometheus, expr: vector(1), labels: {severity: page, team: db}}]
"""
PROMETHEUS = """
global: {evaluation_interval: 1s}
rule_files: [rules.yml]
alerting:
  alertmanagers: [{path_prefix: /alertmanager, static_configs: [{targets: ['127.0.0.1:%d']}]}]
"""


@unittest.skipUnless(shutil.which("prometheus"), "prometheus is not installed")
class Prometheus(Case):
    def test_its_alerts_are_told(self):
        folder = tempfile.mkdtemp(prefix="silverback-prometheus-")
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        for name, text in (("rules.yml", RULES), ("prometheus.yml", PROMETHEUS % self.one.port)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        process = subprocess.Popen(["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                                    "--web.listen-address=127.0.0.1:0", "--rules.alert.resend-delay=1s"],
                                   cwd=folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        harness.wait_for(lambda: ("FromPrometheus", "firing") in self.hook.told(), 40, lambda: f"{self.hook.posts}")
        alert, = self.get("/alerts")
        self.assertEqual([one["name"] for one in alert["receivers"]], ["pager"])
        self.assertGreater(alert["endsAt"], alert["updatedAt"])


if __name__ == "__main__":
    unittest.main()
