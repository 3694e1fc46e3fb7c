"""`silverback rules replay`, offline and at a server, against what live rules did with the same data."""
import json
import os
import select
import socket
import time
import unittest

import harness

RULES = """
groups:
  - name: web
    interval: 1s
    rules:
      - {record: 'job:m:sum', expr: sum by (job) (m), labels: {from: rule}}
      - {alert: High, expr: 'job:m:sum > 10', for: 2s, labels: {severity: page}}
"""
CONFIG = "global: {evaluation_interval: 1s}\nrule_files: [rules/web.yml]\n"


class Replay(harness.TestCase):
    def setUp(self):
        self.server_ = self.server("--self-scrape.interval=0s", start=False)
        folder = self.server_.directory
        os.makedirs(os.path.join(folder, "rules"))
        self.rules = os.path.join(folder, "rules/web.yml")
        self.config = os.path.join(folder, "silverback.yml")
        self.write(self.rules, RULES)
        self.write(self.config, CONFIG)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def replay(self, *flags, code=0):
        ran = harness.run("rules", "replay", *flags, self.rules)
        self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
        return ran

    def put(self, begin, values, step=1000):
        samples = [(begin + i * step, float(value)) for i, value in enumerate(values)]
        self.assertIn(self.server_.remote_write([({"__name__": "m", "job": "a"}, samples)]).status, (200, 204))

    def live_transitions(self, end):
        """(active, fired, resolved) in ms, from the ALERTS that the live rules wrote."""
        state = {key[[k for k, _ in key].index("alertstate")][1]: [t for t, _ in samples]
                 for key, samples in self.server_.raw("ALERTS", end, "10m").items()}
        return state["pending"][0], state["firing"][0], state["firing"][-1] + 1000

    def test_equals_what_live_rules_did(self):
        self.server_.flags.append(f"--config.file={self.config}")
        self.server_.start()
        # What comes is written beforehand, so that no evaluation is too early for its sample.
        begin = int(time.time() * 1000) + 500
        self.put(begin, [1, 1, 20, 20, 20, 20, 20, 1, 1, 1])
        harness.wait_for(lambda: time.time() * 1000 > begin + 10_000, 30)
        live = self.live_transitions(begin / 1000 + 12)
        span = [f"--from={begin / 1000 - 1:.3f}", f"--to={begin / 1000 + 9:.3f}", "--format=json"]

        online = json.loads(self.replay(*span, f"--url=http://127.0.0.1:{self.server_.port}").stdout)
        self.assertEqual(self.server_.stop(), 0)
        offline = json.loads(self.replay(*span, f"--storage.path={self.server_.directory}/data",
                                         f"--config.file={self.config}").stdout)

        self.assertEqual(online, offline)
        self.assertEqual(len(online["alerts"]), 1, online)
        alert = online["alerts"][0]
        self.assertEqual(alert["labels"], {"alertname": "High", "from": "rule", "job": "a", "severity": "page"})
        stamps = [alert[name] for name in ("activeAt", "firedAt", "resolvedAt")]
        text = [self.rfc3339(ms) for ms in live]
        self.assertEqual(stamps, text)
        self.assertEqual(online["written"], 0)

    @staticmethod
    def rfc3339(ms):
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000))
        return text + (f".{ms % 1000:03d}".rstrip("0") if ms % 1000 else "") + "Z"

    def test_write_backfills(self):
        self.server_.start()
        begin = (int(time.time()) - 7200) * 1000
        self.put(begin, range(100))
        url = f"--url=http://127.0.0.1:{self.server_.port}"
        span = [f"--from={begin // 1000}", f"--to={begin // 1000 + 60}"]
        self.assertIn("0 written, 1 alert fired", self.replay(url, *span).stdout)
        self.assertEqual(self.server_.query("job:m:sum", time=str(begin // 1000 + 60)), [])

        self.assertIn("60 written, 1 alert fired", self.replay(url, "--write", *span).stdout)

        values = list(self.server_.raw("job:m:sum", begin / 1000 + 200, "1h").values())
        self.assertEqual([float(v) for _, v in values[0]], [float(i) for i in range(60)])
        self.assertEqual(self.server_.query("ALERTS", time=str(begin // 1000 + 60)), [])

    def test_what_is_wrong_is_said(self):
        self.server_.start()
        url = f"http://127.0.0.1:{self.server_.port}"
        self.assertIn("--from is missing", self.replay(code=2).stderr)
        self.assertIn("--from: ", self.replay("--from=soon", code=2).stderr)
        self.assertIn("there is no store at /nowhere", self.replay("--from=1", "--storage.path=/nowhere", code=1).stderr)
        locked = self.replay("--from=1", f"--storage.path={self.server_.directory}/data", code=1).stderr
        self.assertRegex(locked, "data: .*(lock|another)")
        self.assertIn("more than the limit of 2000000", self.replay("--from=1", f"--url={url}", code=1).stderr)
        self.write(self.rules, RULES.replace("job:m:sum > 10", "sum("))
        self.assertIn("could not parse expression", self.replay("--from=1", f"--url={url}", code=1).stderr)
        bad = self.server_.request("POST", "/api/v1/rules/replay?from=2&to=1", RULES)
        self.assertEqual(bad.status, 400)
        self.assertIn("the replay ends before it begins", bad.json()["error"])
        self.assertEqual(self.server_.request("POST", "/api/v1/rules/replay?from=1&write=maybe", RULES).status, 400)
        self.assertEqual(self.server_.request("POST", "/api/v1/rules/replay?from=1&to=1000000&timeout=1ms", RULES).status, 503)
        self.assertEqual(self.server_.get("/api/v1/rules/replay").status, 405)

    def test_ends_when_the_client_goes(self):
        self.server_.start()
        port, now = self.server_.port, time.time()
        body = RULES.replace("sum by (job) (m)", "'count_over_time(vector(1)[6h:1s])'").encode()
        request = (f"POST /api/v1/rules/replay?from={now - 500_000:.0f} HTTP/1.1\r\nHost: x\r\n"
                   f"Content-Length: {len(body)}\r\n\r\n").encode() + body
        client = socket.create_connection(("127.0.0.1", port))
        self.addCleanup(client.close)
        client.sendall(request)
        other = lambda: self.server_.request("POST", f"/api/v1/rules/replay?from={now - 5:.0f}", RULES).status

        def is_seen():
            if other() == 503:
                return True
            if select.select([client], [], [], 0)[0]:  # the other was first, this one was told to come again
                self.assertIn(b" 503 ", client.recv(65536))
                client.sendall(request)
            return False

        harness.wait_for(is_seen, 10, lambda: "the first replay is not seen")
        client.close()
        harness.wait_for(lambda: other() == 200, 20, lambda: "the first replay goes on")


if __name__ == "__main__":
    unittest.main()
