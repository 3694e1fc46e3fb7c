"""A Silverback in a fresh directory, and a client for it."""
import http.client
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

import encode

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("SILVERBACK_BINARY", os.path.join(TOP, "build/release/silverback"))
SLOW = float(os.environ.get("SILVERBACK_SLOW", "1"))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


SANITIZER = re.compile(r"(?:ERROR|WARNING): \w+Sanitizer|:\d+:\d+: runtime error: ")


class Server:
    """One directory, in which a process runs, stops, and runs again."""

    def __init__(self, *flags, directory=None, environment=None):
        self.directory = directory or tempfile.mkdtemp(prefix="silverback-e2e-")
        self.flags = list(flags)
        self.environment = environment or {}
        self.popen = {}  # more for subprocess.Popen
        self.process = None
        self.port = None
        self.log = []

    # ---- life

    def command(self, flags):
        return [BINARY, f"--storage.path={self.directory}/data", "--web.listen-address=127.0.0.1:0", *flags]

    def start(self, *flags, ready=True):
        self.log = []
        self.port = None
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SILVERBACK_")}
        environment.update(self.environment)
        self.process = subprocess.Popen(self.command([*self.flags, *flags]), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                        env=environment, cwd=self.directory, **self.popen)
        self.reader = threading.Thread(target=self._read_log, args=(self.process.stderr,), daemon=True)
        self.reader.start()
        if ready:
            self.wait_ready()
        return self

    def _read_log(self, stream):
        finding = False
        for line in stream:
            self.log.append(line.rstrip("\n"))
            finding = finding or SANITIZER.search(line) is not None
            if finding:  # for whoever reads the tests' output, whatever becomes of the test
                print(line, end="", file=sys.stderr)
            found = re.search(r'msg=listening .*port=(\d+)', line)
            if found:
                self.port = int(found.group(1))

    def wait_ready(self, seconds=20):
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}:\n" + self.text())
            return self.port and self.get("/-/ready").status == 200
        wait_for(ready, seconds, lambda: "not ready:\n" + self.text())

    def text(self):
        return "\n".join(self.log)

    def send_signal(self, number):
        self.process.send_signal(number)

    def full_disk(self, full=True):
        """From now on no file grows, or they do again. Needs popen = {"restore_signals": False} at the start: a write
        that is too much is then an error, and no signal."""
        hard = resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, (0 if full else hard, hard))

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="utf-8") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def wait(self, seconds=30):
        code = self.process.wait(seconds * SLOW)
        self.reader.join(5)
        self.process.stderr.close()
        return code

    def stop(self):
        self.send_signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def remove(self):
        if self.process and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    # ---- HTTP

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30 * SLOW)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        except ConnectionError as error:
            return Answer(0, {}, str(error).encode())
        finally:
            connection.close()

    def get(self, path, parameters=None, headers=None):
        if parameters:
            path += "?" + urllib.parse.urlencode(parameters, doseq=True)
        return self.request("GET", path, headers=headers)

    def post_form(self, path, parameters):
        return self.request("POST", path, urllib.parse.urlencode(parameters, doseq=True),
                            {"Content-Type": "application/x-www-form-urlencoded"})

    def remote_write(self, series, meta=()):
        body = encode.snappy(encode.write_request(series, meta))
        return self.request("POST", "/api/v1/write", body,
                            {"Content-Type": "application/x-protobuf", "Content-Encoding": "snappy",
                             "X-Prometheus-Remote-Write-Version": "0.1.0"})

    def lines(self, text, **parameters):
        return self.request("POST", "/write?" + urllib.parse.urlencode(parameters or {"db": "test"}), text.encode())

    def query(self, text, **parameters):
        """`result` of an instant query."""
        answer = self.get("/api/v1/query", {"query": text, **parameters})
        if answer.status != 200:
            raise AssertionError(f"{text}: {answer.status} {answer.body[:500]}")
        return answer.json()["data"]["result"]

    def raw(self, selector, end_s, window="100y"):
        """{labels as sorted items: [(time_ms, text of value)]}, as `selector[window]` gives them."""
        out = {}
        for series in self.query(f"{selector}[{window}]", time=f"{end_s:.3f}"):
            key = tuple(sorted(series["metric"].items()))
            out[key] = [(round(t * 1000), v) for t, v in series["values"]]
        return out


def wait_for(condition, seconds, explain=lambda: "waited too long"):
    deadline = time.monotonic() + seconds * SLOW
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(explain())
        time.sleep(0.02)


def run(*arguments, environment=None, seconds=30, cwd=None):
    """The program until it ends by itself."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SILVERBACK_")}
    clean.update(environment or {})
    return subprocess.run([BINARY, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=seconds * SLOW, env=clean, cwd=cwd)


class TestCase(unittest.TestCase):
    """self.server(...) starts one that goes away with the test."""

    maxDiff = 2000

    def server(self, *flags, start=True, **more):
        server = Server(*flags, **more)
        self.addCleanup(server.remove)
        return server.start() if start else server
