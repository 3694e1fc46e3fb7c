"""Kafka for tests: Apache Kafka's own server (scripts/kafka), and librdkafka's mock cluster as a process."""
import atexit
import functools
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import harness
import rdkafka

SCRIPT = os.path.join(harness.TOP, "scripts/kafka")
MOCK = os.environ.get("SILVERBACK_MOCK_KAFKA", os.path.join(os.path.dirname(harness.BINARY), "mock_kafka"))


@functools.lru_cache(maxsize=None)
def no_broker():
    """Why there can be no real broker here, or None. Fetches Kafka when only that is missing and it is asked for."""
    if not rdkafka.AVAILABLE:
        return "librdkafka is not installed"
    if not shutil.which("java"):
        return "java is not installed"
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "silverback" / "kafka"
    if not cache.is_dir() and "SILVERBACK_KAFKA" not in os.environ:
        return "Kafka is not fetched: scripts/kafka fetch, or SILVERBACK_KAFKA=1 in the environment"
    fetched = subprocess.run([SCRIPT, "fetch"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    return fetched.stderr.strip() or "scripts/kafka fetch failed" if fetched.returncode else None


def no_mock():
    """Why there can be no mock cluster here, or None."""
    if not rdkafka.AVAILABLE:
        return "librdkafka is not installed"
    return None if os.access(MOCK, os.X_OK) else f"{MOCK} is not built"


def free_ports(count):
    """The first of so many ports in a row that nobody listens on, below those that the system gives to clients."""
    while True:
        first = random.randrange(20000, 32000)
        try:
            sockets = []
            for port in range(first, first + count):
                sockets.append(socket.socket())
                sockets[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sockets[-1].bind(("127.0.0.1", port))
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()


class Cluster:
    """What both kinds have: `bootstrap`, and clients of it."""

    bootstrap = None

    def producer(self, **settings):
        return rdkafka.Producer(self.bootstrap, **settings)

    def read(self, topic, partitions=1, **more):
        return rdkafka.read(self.bootstrap, topic, partitions, **more)

    def admin(self):
        return rdkafka.Admin(self.bootstrap)

    def committed(self, group, topic, partitions=1):
        with self.admin() as admin:
            return admin.committed(group, topic, partitions)

    def ends(self, topic, partitions=1):
        """{partition: offset that the next message gets}."""
        with self.admin() as admin:
            return {p: admin.watermarks(topic, p)[1] for p in range(partitions)}


class Broker(Cluster):
    """Apache Kafka, one node. Keeps its directory and ports over stop, kill and start; remove() ends both."""

    def __init__(self, port=None, directory=None, sasl=False, tls=False, **settings):
        self.port = port or free_ports(4)
        self.own = None if directory else tempfile.mkdtemp(prefix="silverback-kafka-")
        self.directory = directory or os.path.join(self.own, "broker")
        self.bootstrap = f"127.0.0.1:{self.port}"
        self.sasl, self.tls = f"127.0.0.1:{self.port + 2}", f"127.0.0.1:{self.port + 3}"
        self.flags = ["--port", str(self.port), *["--sasl"] * sasl, *["--tls"] * tls]
        for name, value in settings.items():
            self.flags += ["--set", f"{name.replace('_', '.')}={value}"]
        atexit.register(self.remove)  # nobody else would stop it when the test is interrupted

    def _script(self, verb, *flags):
        done = subprocess.run([SCRIPT, verb, "--dir", self.directory, *flags], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise AssertionError(f"scripts/kafka {verb}: {done.stderr or done.stdout}")

    def start(self):
        self._script("start", *self.flags)
        return self

    def stop(self):
        self._script("stop")

    def pid(self):
        with open(self.path("pid"), encoding="utf-8") as file:
            return int(file.read())

    def kill(self):
        """kill -9. What it had answered is in the system's cache of files, and there again after start()."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        harness.wait_for(lambda: not _alive(pid), 10)

    def pause(self):
        """Answers nobody until resume(), with its connections open."""
        os.kill(self.pid(), signal.SIGSTOP)

    def resume(self):
        os.kill(self.pid(), signal.SIGCONT)

    def remove(self):
        atexit.unregister(self.remove)
        self._script("wipe")
        if self.own:
            shutil.rmtree(self.own, ignore_errors=True)

    def topic(self, name, partitions=1, **config):
        """Creates it; settings as min_insync_replicas=1."""
        with self.admin() as admin:
            admin.create_topic(name, partitions, {k.replace("_", "."): v for k, v in config.items()})

    def password(self):
        with open(self.path("password"), encoding="utf-8") as file:
            return file.read()

    def path(self, name):
        return os.path.join(self.directory, name)


def _alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class MockCluster(Cluster):
    """tests/tools/mock_kafka.cpp, whose head lists the commands: mock("errors", "Fetch", "_TRANSPORT*3")."""

    def __init__(self, brokers=3):
        self.process = subprocess.Popen([MOCK, "--brokers", str(brokers)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.bootstrap = self.process.stdout.readline().strip()
        if not self.bootstrap:
            raise AssertionError(f"{MOCK} ended with {self.process.wait()}")

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        answer = self.process.stdout.readline().strip()
        if not answer.startswith("ok"):
            raise AssertionError(f"mock_kafka {' '.join(map(str, words))}: {answer or 'ended'}")
        return answer[3:]

    def topic(self, name, partitions=1):
        self("topic", name, partitions)

    def remove(self):
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def produce_numbers(cluster, topic, numbers, make, partitions=1, rate=None, stop=None, **settings):
    """One message a number, make(number) its bytes, to partition number % partitions, `rate` a second at most.

    Ends early when `stop` (an Event) is set. All that were sent are delivered when it returns, once and in order; returns
    how many.
    """
    sent, began = 0, time.monotonic()
    with cluster.producer(**settings) as producer:
        for number in numbers:
            if stop is not None and stop.is_set():
                break
            producer.send(topic, make(number), partition=number % partitions)
            sent += 1
            if rate and sent % 100 == 0:
                ahead = sent / rate - (time.monotonic() - began)
                if ahead > 0:
                    time.sleep(ahead)
        producer.flush(120)
    return sent


def pour(cluster, topic, lines, partition=-1):
    """A backlog in a hurry: each line of `lines` (bytes, or a file open for reading) a message, by kcat; idempotent too."""
    given = {"input": lines} if isinstance(lines, bytes) else {"stdin": lines}
    subprocess.run(["kcat", "-P", "-E", "-q", "-b", cluster.bootstrap, "-t", topic, "-p", str(partition),
                    "-X", "enable.idempotence=true", "-X", "linger.ms=20"], check=True, **given)
