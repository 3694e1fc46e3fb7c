"""What was answered with 2xx is there after the process dies, however it dies."""
import os
import signal
import threading
import time
import unittest

import harness


class Writer(threading.Thread):
    """Sends numbered samples until told to stop; remembers what was acknowledged."""

    def __init__(self, server, number, series=20):
        super().__init__(daemon=True)
        self.server, self.number, self.series = server, number, series
        self.acknowledged = 0
        self.sent = 0
        self.stopping = False

    def name_of(self, i):
        return {"__name__": "durable", "writer": str(self.number), "series": str(i)}

    def run(self):
        while not self.stopping:
            self.sent += 1
            time_ms = self.sent * 1_000
            if self.number % 2:
                text = "".join(f"durable,writer={self.number},series={i} value={self.sent * 1000 + i} {time_ms}\n"
                               for i in range(self.series))
                answer = self.server.lines(text, db="d", precision="ms")
            else:
                answer = self.server.remote_write([(self.name_of(i), [(time_ms, self.sent * 1000.0 + i)])
                                                   for i in range(self.series)])
            if answer.status != 204:
                return
            self.acknowledged = self.sent


class Durability(harness.TestCase):
    def check(self, server, writers):
        for writer in writers:
            metric = "durable_value" if writer.number % 2 else "durable"
            found = server.raw(f'{metric}{{writer="{writer.number}"}}', writer.sent + 1)
            self.assertEqual(len(found), writer.series)
            for key, samples in found.items():
                i = int(dict(key)["series"])
                values = {t // 1000: float(v) for t, v in samples}
                for n in range(1, writer.acknowledged + 1):
                    self.assertEqual(values.get(n), n * 1000 + i, f"writer {writer.number} series {i} sample {n}")
                extra = set(values) - set(range(1, writer.sent + 1))
                self.assertFalse(extra, "samples that nobody sent")

    def write_until(self, server, seconds, end, first=0):
        writers = [Writer(server, n) for n in range(first, first + 4)]
        for writer in writers:
            writer.start()
        time.sleep(seconds)
        end()
        for writer in writers:
            writer.stopping = True
            writer.join(30)
        self.assertGreater(sum(w.acknowledged for w in writers), 0)
        return writers

    def test_kill(self):
        server = self.server("--self-scrape.interval=1s")
        writers = []
        for cycle in range(3):
            writers += self.write_until(server, 0.7, server.kill, first=4 * cycle)
            server.start()
            self.check(server, writers)

    def test_kill_beside_a_flush(self):
        server = self.server("--self-scrape.interval=0s")

        def flush_and_kill():
            flush = threading.Thread(target=lambda: server.request("POST", "/api/v1/admin/tsdb/flush"))
            flush.start()
            time.sleep(0.03)
            server.kill()
            flush.join(30)
        writers = self.write_until(server, 0.7, flush_and_kill)
        server.start()
        self.check(server, writers)

    def test_kill_during_replay(self):
        server = self.server("--self-scrape.interval=0s")
        writers = self.write_until(server, 1.0, server.kill)
        for wait in (0.0, 0.01, 0.03):
            server.start(ready=False)
            time.sleep(wait)
            server.kill()
        server.start()
        self.check(server, writers)

    def test_terminate_under_load(self):
        server = self.server("--self-scrape.interval=0s")
        codes = []

        def terminate():
            server.send_signal(signal.SIGTERM)
            codes.append(server.wait())
        writers = self.write_until(server, 0.7, terminate)
        self.assertEqual(codes, [0], server.text())
        server.start()
        self.check(server, writers)

    def test_a_torn_log_costs_no_more_than_its_end(self):
        server = self.server("--self-scrape.interval=0s")
        self.assertEqual(server.remote_write([({"__name__": "kept"}, [(1_000, 1.0)])]).status, 204)
        server.kill()
        wal = os.path.join(server.directory, "data", "wal")
        last = os.path.join(wal, max(os.listdir(wal)))
        with open(last, "ab") as file:
            file.write(b"\x13\x37garbage after the last record" * 10)
        server.start()
        self.assertEqual(server.query("kept", time=1)[0]["value"], [1, "1"])
        self.assertTrue(any("level=warn" in line for line in server.log), server.text())


if __name__ == "__main__":
    unittest.main()
