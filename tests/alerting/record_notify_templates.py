#!/usr/bin/env python3
"""Records what Alertmanager makes of templates: notify_templates.golden.

Needs prometheus-alertmanager and amtool (Debian has both). Text goes through a Slack receiver, since only a server
has the default templates; HTML through `amtool template render`.

    record_notify_templates.py [PORT]       # of the server; the next one is the receiver's
"""
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
PORT = int(sys.argv[1]) if len(sys.argv) > 1 else 19093

ALERTS = [
    {"labels": {"alertname": "Disk <full>", "instance": "a:1", "job": "node", "severity": "page"},
     "annotations": {"a": "x"}, "startsAt": "2024-01-02T01:04:05Z"},
    {"labels": {"alertname": "Disk <full>", "instance": "b:1", "job": "node", "severity": "page"},
     "annotations": {"a": "x", "summary": 'S & "q" é +'}, "startsAt": "2024-01-02T03:04:05.120Z",
     "generatorURL": "http://p/graph?g0.expr=a%3E1&g0.tab=1"},
]
FIRING = {"status": "firing", "endsAt": "0001-01-01T00:00:00Z"}
DATA = {
    "receiver": "ops\\.team", "status": "firing", "externalURL": "http://am.example.org/am",
    "alerts": [{**alert, **FIRING, "fingerprint": print_} for alert, print_ in
               zip(ALERTS, ["d61d0024a2e8b540", "21755e6a9ea5f64d"])],
    "groupLabels": {"alertname": "Disk <full>"},
    "commonLabels": {"alertname": "Disk <full>", "job": "node", "severity": "page"},
    "commonAnnotations": {"a": "x"},
}


def templates(kind):
    with open(os.path.join(HERE, "notify_templates.txt"), encoding="utf-8") as file:
        for line in file:
            if line.startswith(kind + " "):
                yield json.loads('"' + line[len(kind) + 1:].rstrip("\n").replace('\\', '\\\\').replace('"', '\\"') + '"')


def texts(folder, sources):
    got = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", PORT + 1), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    slack = {"api_url": f"http://127.0.0.1:{PORT + 1}/", "channel": "c",
             "fields": [{"title": "x", "value": source} for source in sources]}
    config = {"route": {"receiver": "ops.team", "group_by": ["alertname"], "group_wait": "1s"},
              "receivers": [{"name": "ops.team", "slack_configs": [slack]}]}
    path = os.path.join(folder, "am.yml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(config, file)  # JSON is YAML
    process = subprocess.Popen(
        ["prometheus-alertmanager", "--config.file=" + path, "--storage.path=" + folder,
         f"--web.listen-address=127.0.0.1:{PORT}", "--cluster.listen-address=",
         "--web.external-url=http://am.example.org/am"], stderr=subprocess.PIPE)
    try:
        time.sleep(2)
        request = urllib.request.Request(f"http://127.0.0.1:{PORT}/am/api/v2/alerts", json.dumps(ALERTS).encode(),
                                         {"Content-Type": "application/json"})
        urllib.request.urlopen(request).read()
        for _ in range(50):
            time.sleep(0.1)
            if got:
                return [field.get("value", "") for field in got[0]["attachments"][0]["fields"]]
        process.terminate()
        sys.exit("nothing came: " + process.stderr.read().decode()[-2000:])
    finally:
        process.terminate()


def html(folder, source):
    path = os.path.join(folder, "data.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(DATA, file)
    empty = os.path.join(folder, "empty.tmpl")
    open(empty, "w").close()
    done = subprocess.run(["amtool", "template", "render", "--template.glob=" + empty, "--template.data=" + path,
                           "--template.type=html", "--template.text=" + source], capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else "error: " + done.stderr.strip()


def main():
    with tempfile.TemporaryDirectory() as folder:
        sources = list(templates("text"))
        rows = [("text", source, made) for source, made in zip(sources, texts(folder, sources))]
        rows += [("html", source, html(folder, source)) for source in templates("html")]
    quote = lambda text: json.dumps(text, ensure_ascii=False)
    with open(os.path.join(HERE, "notify_templates.golden"), "w", encoding="utf-8") as file:
        for kind, source, made in rows:
            file.write(f"{kind}\t{quote(source)}\t{quote(made)}\n")


main()
