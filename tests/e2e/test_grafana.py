"""What Grafana's Prometheus data source and its alert pages ask, and what they need to hear."""
import gzip
import http.client
import json
import unittest
import urllib.parse

import harness

START = 1_700_000_000


class Grafana(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.one = harness.Server("--self-scrape.interval=0s").start()
        series = [({"__name__": "http_requests_total", "job": "api", "code": code},
                   [((START + 15 * i) * 1000, float(i * step)) for i in range(241)])
                  for code, step in (("200", 15), ("500", 3))]
        answer = cls.one.remote_write(series, [("http_requests_total", "counter", "Requests.")])
        assert answer.status == 204, answer.body

    @classmethod
    def tearDownClass(cls):
        cls.one.remove()

    def data(self, answer, status=200):
        self.assertEqual(answer.status, status, answer.body)
        self.assertTrue(answer.headers["Content-Type"].startswith("application/json"))
        body = answer.json()
        self.assertEqual(body["status"], "success")
        return body["data"]

    # ---- health check of the data source

    def test_health_check(self):
        for answer in (self.one.post_form("/api/v1/query", {"query": "1+1", "time": "4"}),
                       self.one.get("/api/v1/query", {"query": "1+1", "time": "4"})):
            self.assertEqual(self.data(answer), {"resultType": "scalar", "result": [4, "2"]})
            self.assertLess(answer.body.index(b"resultType"), answer.body.index(b'"result"'))

    def test_buildinfo_looks_like_prometheus(self):
        for method in ("GET", "POST"):
            data = self.data(self.one.request(method, "/api/v1/status/buildinfo"))
            for key in ("version", "revision", "branch", "buildUser", "buildDate", "goVersion"):
                self.assertIn(key, data)
            self.assertNotIn("features", data)  # any would make Grafana take us for Mimir
            self.assertGreaterEqual(tuple(int(n) for n in data["version"].split(".")[:2]), (2, 24))

    # ---- panels

    def range_parameters(self, query, step=15):
        return {"query": query, "start": str(START), "end": f"{START + 600}.000", "step": str(step)}

    def test_range_query(self):
        for answer in (self.one.post_form("/api/v1/query_range", self.range_parameters("http_requests_total")),
                       self.one.get("/api/v1/query_range", self.range_parameters("http_requests_total"))):
            data = self.data(answer)
            self.assertEqual(data["resultType"], "matrix")
            self.assertEqual([s["metric"]["code"] for s in data["result"]], ["200", "500"])
            values = data["result"][0]["values"]
            self.assertEqual(values, [[START + 15 * i, str(15 * i)] for i in range(41)])

    def test_rate_with_the_interval_that_grafana_makes(self):
        data = self.data(self.one.post_form("/api/v1/query_range",
                                            self.range_parameters("sum by (code) (rate(http_requests_total[1m0s]))")))
        self.assertEqual([s["metric"] for s in data["result"]], [{"code": "200"}, {"code": "500"}])
        for _, value in data["result"][0]["values"][4:]:
            self.assertAlmostEqual(float(value), 1, 12)

    def test_a_fraction_of_a_second(self):
        data = self.data(self.one.get("/api/v1/query", {"query": "vector(1)", "time": f"{START}.123456"}))
        self.assertEqual(data["result"], [{"metric": {}, "value": [START + 0.123, "1"]}])
        data = self.data(self.one.get("/api/v1/query_range", self.range_parameters("vector(1)", "0.5")))
        self.assertEqual(data["result"][0]["values"][1], [START + 0.5, "1"])

    def test_special_floats_are_strings(self):
        for text, value in (("0/0", "NaN"), ("1/0", "+Inf"), ("-1/0", "-Inf")):
            self.assertEqual(self.data(self.one.get("/api/v1/query", {"query": text, "time": "0"}))["result"], [0, value])

    def test_parameters_of_url_and_form_are_merged(self):
        answer = self.one.post_form("/api/v1/query?time=4&max_samples_processed_warning_threshold=1&stats=all",
                                    {"query": "1+1"})
        data = self.data(answer)
        self.assertEqual(data["result"], [4, "2"])
        self.assertIn("totalQueryableSamples", data["stats"]["samples"])

    def test_errors_that_grafana_can_show(self):
        for query, parameters, status, kind in (("up{", {}, 400, "bad_data"), ("1", {"time": "soon"}, 400, "bad_data"),
                                                ("http_requests_total + on(job) http_requests_total", {}, 422, "execution")):
            answer = self.one.post_form("/api/v1/query", {"query": query, "time": str(START + 60), **parameters})
            self.assertEqual(answer.status, status, answer.body)
            body = answer.json()
            self.assertEqual((body["status"], body["errorType"]), ("error", kind))
            self.assertTrue(body["error"])

    def test_too_many_points(self):
        parameters = {"query": "1", "start": "0", "end": "11001", "step": "1"}
        self.assertEqual(self.one.get("/api/v1/query_range", parameters).status, 400)
        parameters["end"] = "10999"
        self.assertEqual(self.one.get("/api/v1/query_range", parameters).status, 200)

    def test_alignment_does_not_change_a_value(self):
        query = "sum(rate(http_requests_total[1m]))"
        long = self.data(self.one.get("/api/v1/query_range", self.range_parameters(query)))["result"][0]["values"]
        short = self.data(self.one.get("/api/v1/query_range", {**self.range_parameters(query), "start": str(START + 300)}))
        self.assertEqual(short["result"][0]["values"], [v for v in long if v[0] >= START + 300])

    def test_gzip_only_when_asked(self):
        path = "/api/v1/query_range?" + urllib.parse.urlencode(self.range_parameters("http_requests_total"))
        zipped = self.one.get(path, headers={"Accept-Encoding": "gzip"})
        self.assertEqual(zipped.headers["Content-Encoding"], "gzip")
        plain = self.one.get(path)
        self.assertIsNone(plain.headers["Content-Encoding"])
        self.assertEqual(gzip.decompress(zipped.body), plain.body)
        odd = self.one.get(path, headers={"Accept-Encoding": "deflate, br"})
        self.assertIsNone(odd.headers["Content-Encoding"])

    def test_a_dashboard_on_one_connection(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.one.port, timeout=30)
        self.addCleanup(connection.close)
        for _ in range(30):
            connection.request("POST", "/api/v1/query_range", urllib.parse.urlencode(self.range_parameters("http_requests_total")),
                               {"Content-Type": "application/x-www-form-urlencoded", "X-Dashboard-Uid": "d", "X-Panel-Id": "1"})
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            json.loads(answer.read())

    # ---- editor

    def test_labels(self):
        parameters = {"limit": "40000", "start": str(START), "end": str(START + 3600)}
        for answer in (self.one.get("/api/v1/labels", parameters), self.one.post_form("/api/v1/labels", parameters)):
            self.assertEqual(self.data(answer), ["__name__", "code", "job"])
        self.assertEqual(self.data(self.one.get("/api/v1/labels", {"match[]": 'nothing'})), [])

    def test_label_values(self):
        for method in ("GET", "POST"):  # a data source set to POST sends this one too
            answer = self.one.request(method, "/api/v1/label/code/values")
            self.assertEqual(self.data(answer), ["200", "500"])
        self.assertEqual(self.data(self.one.get("/api/v1/label/__name__/values")), ["http_requests_total"])
        self.assertEqual(self.data(self.one.get("/api/v1/label/U__code/values")), ["200", "500"])
        self.assertEqual(self.data(self.one.get("/api/v1/label/code/values", {"match[]": '{code="200"}'})), ["200"])
        self.assertEqual(self.data(self.one.get("/api/v1/label/none/values")), [])

    def test_label_values_of_a_query_variable(self):
        parameters = {"match[]": ['http_requests_total{code=~"5.."}', "nothing"], "start": str(START), "end": str(START + 60)}
        self.assertEqual(self.data(self.one.get("/api/v1/label/code/values", parameters)), ["500"])
        # Suggestions are asked with the method of the data source: POST, and the body may be empty.
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        path = "/api/v1/label/code/values?" + urllib.parse.urlencode(parameters, doseq=True)
        self.assertEqual(self.data(self.one.request("POST", path, b"", form)), ["500"])
        self.assertEqual(self.data(self.one.post_form("/api/v1/label/code/values", parameters)), ["500"])

    def test_labels_of_another_time(self):
        parameters = {"start": str(START - 7200), "end": str(START - 3600)}
        self.assertEqual(self.data(self.one.get("/api/v1/labels", parameters)), [])
        self.assertEqual(self.data(self.one.get("/api/v1/label/code/values", parameters)), [])
        self.assertEqual(self.data(self.one.get("/api/v1/series", {**parameters, "match[]": "http_requests_total"})), [])

    def test_a_limit_is_kept_and_told(self):
        answer = self.one.get("/api/v1/label/code/values", {"limit": "1"})
        self.assertEqual(self.data(answer), ["200"])
        self.assertEqual(answer.json()["warnings"], ["results truncated due to limit"])
        self.assertNotIn("warnings", self.one.get("/api/v1/label/code/values", {"limit": "0"}).json())

    def test_series(self):
        form = {"match[]": "http_requests_total", "start": str(START), "end": str(START + 60), "limit": "40000"}
        self.assertEqual(len(self.data(self.one.post_form("/api/v1/series", form))), 2)
        answer = self.one.get("/api/v1/series", {"match[]": '{__name__!=""}', "start": str(START), "end": str(START + 60)})
        self.assertEqual(sorted(s["code"] for s in self.data(answer)), ["200", "500"])

    def test_metadata(self):
        answer = self.one.get("/api/v1/metadata", {"limit": "40000"})
        self.assertEqual(self.data(answer)["http_requests_total"], [{"type": "counter", "help": "Requests.", "unit": ""}])

    def test_exemplars_probe_with_times_in_milliseconds(self):
        parameters = {"query": "test", "start": str(START * 1000), "end": str((START + 60) * 1000)}
        self.assertEqual(self.data(self.one.get("/api/v1/query_exemplars", parameters)), [])

    def test_exemplars_of_a_panel(self):
        for query in ("histogram_quantile(0.9, sum by (le) (rate(x_bucket[1m0s])))", "http_requests_total"):
            parameters = {"query": query, "start": str(START), "end": f"{START + 600}.5"}
            self.assertEqual(self.data(self.one.post_form("/api/v1/query_exemplars", parameters)), [])
        for wrong in ({"query": "up{"}, {"query": "up", "start": "soon"}, {"query": "up", "start": "2", "end": "1"}):
            answer = self.one.get("/api/v1/query_exemplars", wrong)
            self.assertEqual((answer.status, answer.json()["errorType"]), (400, "bad_data"))

    # ---- access from the browser

    def test_a_page_may_ask_when_its_origin_is_allowed(self):
        server = self.server("--web.cors-origin=https://grafana.example", "--self-scrape.interval=0s")
        origin = {"Origin": "https://grafana.example"}
        asked = server.request("OPTIONS", "/api/v1/query_range", headers={
            **origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"})
        self.assertEqual(asked.status, 204)
        self.assertEqual(asked.headers["Access-Control-Allow-Origin"], "https://grafana.example")
        self.assertIn("POST", asked.headers["Access-Control-Allow-Methods"])
        for name in ("Authorization", "Content-Type"):
            self.assertIn(name, asked.headers["Access-Control-Allow-Headers"])
        for path in ("/api/v1/query?query=1", "/api/v1/query?query=(", "/nothing"):  # refusals must be readable too
            answer = server.get(path, headers=origin)
            self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://grafana.example", path)
            self.assertIn("Origin", answer.headers["Vary"])

    def test_no_page_may_ask_otherwise(self):
        answer = self.one.get("/api/v1/query?query=1", headers={"Origin": "https://grafana.example"})
        self.assertIsNone(answer.headers["Access-Control-Allow-Origin"])

    def test_head_is_get_without_the_body(self):
        for path in ("/api/v1/query?query=1", "/api/v1/labels", "/-/ready", "/metrics", "/"):
            answer = self.one.request("HEAD", path)
            self.assertEqual((answer.status, answer.body), (200, b""), path)

    # ---- alert pages

    def test_rules_and_alerts_are_lists(self):
        parameters = {"exclude_alerts": "true", "file": "a", "file[]": "a", "rule_group": "b", "rule_group[]": "b"}
        self.assertEqual(self.data(self.one.get("/api/v1/rules", parameters))["groups"], [])
        self.assertEqual(self.data(self.one.get("/api/v1/alerts"))["alerts"], [])

    def test_other_pages_that_tools_ask_for(self):
        for path in ("/api/v1/status/flags", "/api/v1/status/runtimeinfo", "/api/v1/status/config", "/api/v1/status/tsdb",
                     "/api/v1/targets"):
            self.data(self.one.get(path))
        self.assertEqual(self.data(self.one.get("/api/v1/format_query", {"query": "sum(up)by(job)"})), "sum by (job) (up)")

    def test_influx_clients_are_answered(self):
        answer = self.one.get("/ping")
        self.assertEqual(answer.status, 204)
        self.assertTrue(answer.headers["X-Influxdb-Version"])
        health = self.one.get("/health").json()
        self.assertEqual(health["status"], "pass")


if __name__ == "__main__":
    unittest.main()
