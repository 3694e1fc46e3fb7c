"""The servers that are compared: started in directories of their own, measured from /proc."""
import http.client
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("SILVERBACK_BINARY", os.path.join(TOP, "build/release/silverback"))
TICKS = os.sysconf("SC_CLK_TCK")

sys.path.insert(0, os.path.join(TOP, "tests/e2e"))


def missing(*names):
    """Those of the programs that are not on this machine."""
    return [name for name in names if not shutil.which(name)]


class Program:
    """One process with a log file; ends with stop()."""

    def __init__(self, name, command, directory, port):
        self.name, self.command, self.directory, self.port = name, command, directory, port
        self.log_path = os.path.join(directory, name + ".log")
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.directory)
        return self

    def wait_ready(self, path, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                if self.request("GET", path)[0] == 200:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} is not ready:\n{self.log()[-3000:]}")

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def request(self, method, path, body=None, headers=None, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path, **parameters):
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters, doseq=True)
        status, body = self.request("GET", path)
        if status != 200:
            raise RuntimeError(f"{self.name}: GET {path}: {status} {body[:300]}")
        return json.loads(body)

    def metrics(self, *names):
        """{series as written: value} of /metrics, only those names."""
        _, body = self.request("GET", "/metrics")
        found = {}
        for line in body.decode().splitlines():
            if line.startswith(names):
                series, _, value = line.rpartition(" ")
                found[series] = float(value)
        return found

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory_mib(self, field="VmHWM"):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            for line in file:
                if line.startswith(field + ":"):
                    return int(line.split()[1]) / 1024
        return 0.0

    def stop(self, number=signal.SIGTERM, seconds=60):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def directory_for(name):
    return tempfile.mkdtemp(prefix=f"side-by-side-{name}-", dir=os.environ.get("SIDE_BY_SIDE_DIR"))


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def silverback(directory, port, config, *flags):
    write(os.path.join(directory, "silverback.yml"), config)
    return Program("silverback", [
        BINARY, f"--config.file={directory}/silverback.yml", f"--storage.path={directory}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--self-scrape.interval=0s",
        *flags], directory, port)


def prometheus(directory, port, config, *flags):
    write(os.path.join(directory, "prometheus.yml"), config)
    return Program("prometheus", [
        "prometheus", f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
        f"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--web.enable-lifecycle",
        *flags], directory, port)


def alertmanager(directory, port, config, *flags):
    write(os.path.join(directory, "alertmanager.yml"), config)
    return Program("alertmanager", [
        "prometheus-alertmanager", f"--config.file={directory}/alertmanager.yml",
        f"--storage.path={directory}/alertmanager", f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=", *flags], directory, port)


class Recorder:
    """An HTTP server that notes what is posted to it: (time, path, headers, body)."""

    def __init__(self, port=0, keep=True):
        self.posts, self.count = [], 0
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                recorder.count += 1
                if keep:
                    recorder.posts.append((time.time(), self.path, dict(self.headers), json.loads(body)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
