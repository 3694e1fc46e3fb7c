"""The program as an operator meets it: exit codes, words, signals, reload."""
import os
import signal
import socket
import stat
import unittest

import harness


class CommandLine(harness.TestCase):
    def refused(self, *arguments, code=2, **more):
        done = harness.run(*arguments, **more)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_help_and_version(self):
        for arguments, says in ((["--help"], "--storage.path=<dir>"), (["help"], "Usage:"), (["-h"], "Usage:"),
                                (["--version"], "silverback 0."), (["version"], "silverback 0.")):
            done = harness.run(*arguments)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(says, done.stdout)

    def test_wrong_flags(self):
        self.assertIn("unknown flag --storage.pth (did you mean storage.path?)", self.refused("--storage.pth=x"))
        self.assertIn("--storage.retention: not a valid duration", self.refused("--storage.retention=soon"))
        self.assertIn("it needs a unit", self.refused("--storage.head-memory=512"))
        self.assertIn("unknown command \"sevre\" (did you mean serve?)", self.refused("sevre"))
        self.assertIn("SILVERBACK_LOG_LEVEL: \"loud\" is not one of debug, info, warn, error",
                      self.refused(environment={"SILVERBACK_LOG_LEVEL": "loud"}))
        self.assertIn("/nonexistent.yml: cannot be read: No such file", self.refused("--config.file=/nonexistent.yml"))

    def test_wrong_file(self):
        server = self.server(start=False)
        path = os.path.join(server.directory, "c.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("storage:\n  pth: x\nqueri:\n  timeout: 1\n")
        words = self.refused(f"--config.file={path}")
        self.assertIn("c.yml:2: unknown setting storage.pth (did you mean path?)", words)
        self.assertIn("c.yml:3: unknown setting queri (did you mean query?)", words)
        self.assertEqual(self.refused("check", "config", path, code=1), words)

    def test_check_config(self):
        done = harness.run("check", "config", os.path.join(harness.TOP, "config/silverback.yml"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(": good, ", done.stdout)


class Trouble(harness.TestCase):
    """What can stand in the way of a start."""

    def fails(self, server, *flags, code=1):
        server.start(*flags, ready=False)
        self.assertEqual(server.wait(), code, server.text())
        return server.text()

    def test_the_directory_is_in_use(self):
        first = self.server()
        second = self.server(start=False, directory=first.directory)
        words = self.fails(second)
        self.assertIn("level=error", words)
        self.assertRegex(words, "lock|in use|another")
        self.assertIn(first.directory, words)

    def test_the_port_is_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            server = self.server(start=False)
            words = self.fails(server, f"--web.listen-address=127.0.0.1:{taken.getsockname()[1]}")
        self.assertRegex(words, "(?i)address already in use")

    def test_a_name_that_is_no_address(self):
        words = self.fails(self.server(start=False), "--web.listen-address=no.such.host.invalid:1")
        self.assertIn("no.such.host.invalid", words)

    def test_the_directory_cannot_be_made(self):
        server = self.server(start=False)
        blocker = os.path.join(server.directory, "file")
        with open(blocker, "w", encoding="utf-8"):
            pass
        words = self.fails(server, f"--storage.path={blocker}/data")
        self.assertIn(blocker, words)

    @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
    def test_the_directory_cannot_be_written(self):
        server = self.server(start=False)
        os.chmod(server.directory, stat.S_IRUSR | stat.S_IXUSR)
        self.addCleanup(os.chmod, server.directory, stat.S_IRWXU)
        self.assertIn("Permission denied", self.fails(server))

    def test_the_files_are_of_a_newer_version(self):
        server = self.server()
        server.stop()
        path = os.path.join(server.directory, "data", "FORMAT")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write("".join("9" if c.isdigit() else c for c in text))
        words = self.fails(server)
        self.assertRegex(words, "newer|version")


class Signals(harness.TestCase):
    def test_both_signals_stop_cleanly(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.server()
            server.send_signal(number)
            self.assertEqual(server.wait(), 0, server.text())
            self.assertIn("msg=stopped", server.text())

    def test_a_broken_pipe_is_no_reason_to_end(self):
        server = self.server()
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        server.send_signal(signal.SIGPIPE)
        self.assertEqual(server.get("/-/healthy").status, 200)

    def test_ready_says_when_it_is(self):
        server = self.server()
        self.assertEqual(server.get("/-/ready").status, 200)
        self.assertEqual(server.get("/-/healthy").status, 200)


class Reload(harness.TestCase):
    def setUp(self):
        self.one = self.server(start=False)
        self.path = os.path.join(self.one.directory, "silverback.yml")
        self.write("log:\n  level: info\n")
        self.one.start(f"--config.file={self.path}")

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)

    def successful(self):
        lines = self.one.get("/metrics").body.decode().splitlines()
        return [line for line in lines if line.startswith("prometheus_config_last_reload_successful ")][0].split()[1]

    def test_by_request(self):
        self.write("log:\n  level: debug\n")
        self.assertEqual(self.one.request("POST", "/-/reload").status, 200)
        self.assertIn("level: \"debug\"", self.one.get("/api/v1/status/config").json()["data"]["yaml"])
        self.assertEqual(self.successful(), "1")

    def test_by_signal(self):
        self.write("log:\n  level: warn\nstorage:\n  retention: 1d\n")
        self.one.send_signal(signal.SIGHUP)
        harness.wait_for(lambda: "need a restart" in self.one.text(), 10, self.one.text)
        self.assertIn("settings=storage.retention", self.one.text())

    def test_a_mistake_changes_nothing(self):
        self.write("log:\n  level: debug\n  leval: debug\n")
        answer = self.one.request("POST", "/-/reload")
        self.assertGreaterEqual(answer.status, 400)
        self.assertIn("unknown setting log.leval (did you mean level?)", answer.body.decode())
        self.assertEqual(self.successful(), "0")
        self.assertIs(self.one.get("/api/v1/status/runtimeinfo").json()["data"]["reloadConfigSuccess"], False)
        self.assertIn("level: \"info\"", self.one.get("/api/v1/status/config").json()["data"]["yaml"])
        self.write("log:\n  level: debug\n")
        self.assertEqual(self.one.request("PUT", "/-/reload").status, 200)
        self.assertEqual(self.successful(), "1")
        self.assertIs(self.one.get("/api/v1/status/runtimeinfo").json()["data"]["reloadConfigSuccess"], True)

    def test_only_by_post(self):
        self.assertEqual(self.one.get("/-/reload").status, 405)

    def test_switched_off(self):
        server = self.server("--no-web.enable-lifecycle")
        self.assertEqual(server.request("POST", "/-/reload").status, 403)


class Settings(harness.TestCase):
    def test_environment_and_flags(self):
        server = self.server("--query.lookback-delta=3m", environment={"SILVERBACK_QUERY_LOOKBACK_DELTA": "1m",
                                                                       "SILVERBACK_STORAGE_RETENTION": "10y"})
        flags = server.get("/api/v1/status/flags").json()["data"]
        self.assertEqual(flags["query.lookback-delta"], "3m")
        self.assertEqual(flags["storage.retention"], "10y")
        server.remote_write([({"__name__": "x"}, [(0, 1.0)])])
        self.assertEqual(len(server.query("x", time=179)), 1)
        self.assertEqual(server.query("x", time=181), [])


if __name__ == "__main__":
    unittest.main()
