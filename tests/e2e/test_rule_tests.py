"""`silverback rules test` against promtool: the same files, the same verdicts and words."""
import glob
import os
import re
import shutil
import subprocess
import time
import unittest

import harness

FOLDER = os.path.join(harness.TOP, "tests/alerting/unit_tests")
PROMTOOL = shutil.which("promtool")


def files(prefix):
    found = sorted(path for path in glob.glob(os.path.join(FOLDER, prefix + "_*.yml")) if not path.endswith("_rules.yml"))
    assert found, prefix
    return found


class RuleTests(harness.TestCase):
    def test_verdicts(self):
        for prefix, code in (("pass", 0), ("own", 0), ("fail", 1)):
            for path in files(prefix):
                with self.subTest(os.path.basename(path)):
                    ran = harness.run("rules", "test", path)
                    self.assertEqual(ran.returncode, code, ran.stdout + ran.stderr)
                    self.assertEqual(ran.stdout.startswith(f"Unit Testing:  {path}\n"), True)
                    self.assertEqual("  SUCCESS\n" in ran.stdout, code == 0)
                    self.assertEqual("  FAILED:\n" in ran.stderr, code != 0)

    @unittest.skipUnless(PROMTOOL, "promtool is not here")
    def test_promtool_says_the_same(self):
        shipped = glob.glob(os.path.join(harness.TOP, "tests/alerting/rules/*.test.yml"))
        for path in files("pass") + files("fail") + shipped:
            with self.subTest(os.path.basename(path)):
                ours = harness.run("rules", "test", path)
                theirs = subprocess.run([PROMTOOL, "test", "rules", path], capture_output=True, text=True, timeout=60)
                self.assertEqual(ours.returncode, theirs.returncode, theirs.stdout + theirs.stderr)
                self.assertEqual(ours.stdout, theirs.stdout)
                if os.path.basename(path) in ("fail_cases.yml", "fail_evaluation.yml"):
                    self.assertEqual(ours.stderr, theirs.stderr)

    def test_what_is_wrong_names_its_place(self):
        for name, expected in (("fail_notation", r"fail_notation.yml:2: input_series: values: character 8: expected x"),
                               ("fail_notation_metric", r'fail_notation_metric.yml:2: input_series: series: a metric has'),
                               ("fail_field", r'fail_field.yml:2: unknown field "intervall" in test')):
            self.assertRegex(harness.run("rules", "test", f"{FOLDER}/{name}.yml").stderr, expected)

    def test_histograms_are_refused_in_clear_words(self):
        server = self.server(start=False)
        path = os.path.join(server.directory, "t.yml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("tests: [{input_series: [{series: m, values: '{{schema:1 sum:3}}'}]}]")
        ran = harness.run("rules", "test", path)
        self.assertEqual(ran.returncode, 1)
        self.assertIn("native histograms ({{...}}) are not supported yet", ran.stderr)

    def test_rules_about_the_server_name_metrics_that_it_has(self):
        rules = os.path.join(harness.TOP, "config/rules/silverback.yml")
        with open(rules, encoding="utf-8") as file:
            text = "".join(line for line in file if not line.lstrip().startswith(("#", "- name:", "summary:", "description:")))
        names = set(re.findall(r"\bsilverback_\w+", text))
        self.assertGreater(len(names), 25)
        server = self.server("--self-scrape.interval=200ms", start=False)
        config = os.path.join(server.directory, "c.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"global: {{evaluation_interval: 1s}}\nrule_files: ['{rules}']\n"
                       "alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:1']}]}]}\n"
                       "notifications: {route: {receiver: r}, receivers: "
                       "[{name: r, webhook_configs: [{url: 'http://127.0.0.1:1'}]}]}\n")
        server.flags.append(f"--config.file={config}")
        server.start()
        server.lines("m v=1\nnot a line")

        def missing():
            return {name for name in names if not server.query(f"count({name})")}
        harness.wait_for(lambda: not missing(), 20, lambda: f"{missing()}")
        for group in server.get("/api/v1/rules").json()["data"]["groups"]:
            for rule in group["rules"]:
                self.assertNotEqual(rule["health"], "err", rule)

    def test_hundreds_are_quick(self):
        begin = time.monotonic()
        ran = harness.run("rules", "test", *(files("pass") * 100))
        self.assertEqual(ran.returncode, 0)
        self.assertEqual(len(re.findall("SUCCESS", ran.stdout)), 100 * len(files("pass")))
        self.assertLess(time.monotonic() - begin, 20 * harness.SLOW)

    def test_a_file_that_is_not_there(self):
        ran = harness.run("rules", "test", "/nowhere/t.yml")
        self.assertEqual((ran.returncode, ran.stderr), (1, "  FAILED:\n/nowhere/t.yml: No such file or directory\n"))


if __name__ == "__main__":
    unittest.main()
