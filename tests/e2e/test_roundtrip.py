"""Recorded data goes in by each protocol and comes back complete, bit for bit."""
import gzip
import math
import unittest

import encode
import harness
import recorded


def same(text, value):
    return (text == "NaN" and math.isnan(value)) or encode.bits(float(text)) == encode.bits(value)


class RoundTrip(harness.TestCase):
    def check(self, server, expected, selector):
        """expected: {labels as sorted items: {time_ms: value}}"""
        end_s = max(t for samples in expected.values() for t in samples) / 1000
        found = server.raw(selector, end_s, window="280y")
        self.assertEqual(found.keys(), expected.keys())
        for key, samples in expected.items():
            got = found[key]
            self.assertEqual([t for t, _ in got], sorted(samples), key)
            for time_ms, text in got:
                self.assertTrue(same(text, samples[time_ms]), f"{key} at {time_ms}: {text} is not {samples[time_ms]!r}")

    def expected_scrapes(self):
        expected = {}
        for scrape in recorded.scrapes():
            for labels, time_ms, value in scrape:
                expected.setdefault(tuple(sorted(labels.items())), {})[time_ms] = value
        return expected

    def check_in_memory_on_disk_and_after_restart(self, server, expected, selector):
        with self.subTest("in memory"):
            self.check(server, expected, selector)
        with self.subTest("on disk"):
            self.assertIn(server.request("POST", "/api/v1/admin/tsdb/flush").status, (200, 204))
            self.check(server, expected, selector)
        with self.subTest("after a restart"):
            self.assertEqual(server.stop(), 0)
            server.start()
            self.check(server, expected, selector)

    def test_scrapes_by_remote_write(self):
        server = self.server("--self-scrape.interval=0s")
        for scrape in recorded.scrapes():
            answer = server.remote_write([(labels, [(t, v)]) for labels, t, v in scrape])
            self.assertEqual((answer.status, answer.body), (204, b""))
        self.check_in_memory_on_disk_and_after_restart(server, self.expected_scrapes(), '{job=~"node|prometheus"}')

    def test_scrapes_by_text(self):
        server = self.server("--self-scrape.interval=0s")
        answer = server.request("POST", "/api/v1/import/prometheus", recorded.text("scrapes.prom.xz").encode())
        self.assertIn(answer.status, (200, 204), answer.body)
        self.check(server, self.expected_scrapes(), '{job=~"node|prometheus"}')

    def test_lines(self):
        text, series = recorded.nab()
        lines = text.splitlines(keepends=True)
        server = self.server("--self-scrape.interval=0s")
        for begin in range(0, len(lines), 5_000):
            body = gzip.compress("".join(lines[begin:begin + 5_000]).encode())
            answer = server.request("POST", "/write?db=nab", body, {"Content-Encoding": "gzip"})
            self.assertEqual((answer.status, answer.body), (204, b""))
        groups = {line.split("series=")[1].split(" ")[0]: line.split("group=")[1].split(",")[0] for line in lines}
        expected = {tuple(sorted({"__name__": "nab_value", "db": "nab", "group": groups[name], "series": name}.items())):
                    samples for name, samples in series.items()}
        self.check_in_memory_on_disk_and_after_restart(server, expected, "nab_value")

    def test_lines_without_a_database(self):
        server = self.server("--self-scrape.interval=0s")
        self.assertEqual(server.request("POST", "/write?precision=s", b"m v=1i 7").status, 204)
        self.assertEqual(server.query("m_v", time=7)[0]["metric"], {"__name__": "m_v", "db": "default"})
        strict = self.server("--self-scrape.interval=0s", "--no-ingest.create-databases")
        answer = strict.request("POST", "/write?precision=s", b"m v=1i 7")
        self.assertEqual((answer.status, answer.json()["error"]), (400, "database is required"))
        answer = strict.request("POST", "/write?db=new", b"m v=1i 7")
        self.assertEqual(answer.status, 404)
        self.assertIn("database not found", answer.json()["error"])

    def test_awkward_values_keep_their_bits(self):
        values = [0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, 2.0**53 + 2, 0.1 + 0.2, 1e-7, 123456789.123456789,
                  math.inf, -math.inf, math.nan, 1 / 3, -1e21, 4.35, 1e22]
        server = self.server("--self-scrape.interval=0s")
        labels = {"__name__": "awkward", "label": 'quote " backslash \\ newline \n tab \t é 漢 😀'}
        samples = [(1_000 * i, v) for i, v in enumerate(values)]
        self.assertEqual(server.remote_write([(labels, samples)]).status, 204)
        self.check(server, {tuple(sorted(labels.items())): dict(samples)}, "awkward")

    def test_times_of_any_age(self):
        times = [-4_000_000_000_000, -1, 0, 1, 999, 1_700_000_000_123, 4_102_444_800_000]
        server = self.server("--self-scrape.interval=0s")
        samples = [(t, float(i)) for i, t in enumerate(sorted(times))]
        self.assertEqual(server.remote_write([({"__name__": "old"}, samples)]).status, 204)
        self.check(server, {(("__name__", "old"),): dict(samples)}, "old")

    def test_a_stale_marker_ends_a_series(self):
        server = self.server("--self-scrape.interval=0s")
        samples = [(10_000, 1.0), (20_000, 2.0), (30_000, encode.STALE_NAN)]
        self.assertEqual(server.remote_write([({"__name__": "gone"}, samples)]).status, 204)
        self.assertEqual(server.query("gone", time=29)[0]["value"], [29, "2"])
        self.assertEqual(server.query("gone", time=30), [])

    def test_metadata_comes_back(self):
        server = self.server("--self-scrape.interval=0s")
        self.assertEqual(server.remote_write([({"__name__": "m_total"}, [(1_000, 1.0)])],
                                             [("m_total", "counter", "What it counts.")]).status, 204)
        found = server.get("/api/v1/metadata", {"metric": "m_total"}).json()["data"]
        self.assertEqual(found, {"m_total": [{"type": "counter", "help": "What it counts.", "unit": ""}]})


if __name__ == "__main__":
    unittest.main()
