"""The server's metrics, at /metrics and in its own store."""
import re
import unittest

import harness

# What the dashboards and alerts that most people install ask for.
EXPECTED = """
  prometheus_build_info process_start_time_seconds process_cpu_seconds_total process_resident_memory_bytes
  process_open_fds process_max_fds prometheus_config_last_reload_successful
  prometheus_tsdb_head_samples_appended_total prometheus_tsdb_head_series prometheus_tsdb_head_chunks
  prometheus_engine_queries prometheus_engine_queries_concurrent_max prometheus_ready
  prometheus_engine_query_duration_seconds
  prometheus_tsdb_compactions_failed_total prometheus_tsdb_wal_segment_current
  silverback_build_info
""".split()


class SelfMetrics(harness.TestCase):
    def families(self, text):
        return {name: kind for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)}

    def test_the_first_query_of_a_fresh_server_shows_something(self):
        server = self.server()
        up = harness.wait_for(lambda: server.query("silverback_up"), 5)
        self.assertEqual(up[0]["value"][1], "1")
        self.assertEqual(up[0]["metric"]["job"], "silverback")
        self.assertEqual(up[0]["metric"]["instance"], f"127.0.0.1:{server.port}")
        self.assertGreater(float(server.query("silverback_scrape_samples_scraped")[0]["value"][1]), 50)
        self.assertGreater(float(server.query("silverback_process_resident_memory_bytes")[0]["value"][1]), 1 << 20)

    def test_it_goes_on_at_its_interval(self):
        server = self.server("--self-scrape.interval=200ms")
        harness.wait_for(lambda: [v for v in server.query("count_over_time(silverback_up[1m])") if int(v["value"][1]) >= 4], 10)

    def test_switched_off(self):
        server = self.server("--self-scrape.interval=0s")
        self.assertEqual(server.query("silverback_up"), [])

    def test_quantiles_of_query_times(self):
        server = self.server("--self-scrape.interval=0s")
        server.query("1+1")
        text = server.get("/metrics").body.decode()
        for part in ("inner_eval", "prepare_time", "queue_time", "result_sort"):
            labels = f'slice="{part}"'
            self.assertRegex(text, rf"(?m)^prometheus_engine_query_duration_seconds_count{{{labels}}} 1$")
            for quantile in ("0.5", "0.9", "0.99"):
                line = rf'(?m)^prometheus_engine_query_duration_seconds{{{labels},quantile="{quantile}"}} (\S+)$'
                self.assertLess(float(re.search(line, text).group(1)), 1)

    def test_text_is_well_formed(self):
        server = self.server()
        server.query("silverback_up")
        answer = server.get("/metrics")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        text = answer.body.decode()
        families = self.families(text)
        seen = set()
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            self.assertRegex(line, r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="([^"\\]|\\.)*",?)+\})? \S+$')
            name = line.split("{")[0].split(" ")[0]
            base = re.sub(r"_(bucket|sum|count)$", "", name)
            self.assertTrue(name in families or base in families, f"{name} has no TYPE")
            self.assertNotIn(line.rsplit(" ", 1)[0], seen, "twice")
            seen.add(line.rsplit(" ", 1)[0])
        for name, kind in families.items():
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
            self.assertRegex(text, rf"(?m)^# HELP {name} \S")

    def test_open_metrics(self):
        server = self.server()
        answer = server.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})
        self.assertTrue(answer.headers["Content-Type"].startswith("application/openmetrics-text"))
        self.assertTrue(answer.body.endswith(b"# EOF\n"))

    def test_names_that_dashboards_expect(self):
        server = self.server()
        families = self.families(server.get("/metrics").body.decode())
        self.assertEqual([name for name in EXPECTED if name not in families], [])

    def test_what_is_written_is_counted(self):
        server = self.server("--self-scrape.interval=0s")
        name = "prometheus_tsdb_head_samples_appended_total"

        def appended():
            lines = server.get("/metrics").body.decode().splitlines()
            return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(name + r"[{ ]", line))
        before = appended()
        server.remote_write([({"__name__": "x"}, [(1_000 * i, 1.0) for i in range(100)])])
        self.assertEqual(appended() - before, 100)


if __name__ == "__main__":
    unittest.main()
