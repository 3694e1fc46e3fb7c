#!/usr/bin/env python3
"""Records what Prometheus makes of the templates in templates.txt: record_templates.py > templates.golden

Each line of the result is the template and its text, both as JSON strings with a tab between; a template that does not
parse gives "ERROR: " and the message. Needs promtool on the PATH.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
SERIES = {
    'm{job="api", instance="host.example.com:9100", path="/a/b"}': "1234567.891",
    'up{instance="b:1"}': "1",
    'up{instance="a:2"}': "0",
}


def expand(template):
    with tempfile.TemporaryDirectory() as folder:
        rules = {"groups": [{"name": "g", "rules": [{"alert": "T", "expr": "m", "annotations": {"text": template}}]}]}
        with open(os.path.join(folder, "rules.yml"), "w", encoding="utf-8") as file:
            json.dump(rules, file)
        test = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [{
            "interval": "1m", "external_labels": {"region": "eu"},
            "input_series": [{"series": s, "values": v} for s, v in SERIES.items()],
            "alert_rule_test": [{"eval_time": "0m", "alertname": "T", "exp_alerts": []}]}]}
        with open(os.path.join(folder, "test.yml"), "w", encoding="utf-8") as file:
            json.dump(test, file)
        done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=folder, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    got = re.search(r'Annotations:\{text=("(?:[^"\\]|\\.)*")\}', done.stdout)
    if got:
        return go_unquote(got.group(1))
    # "... annotation \"text\": template: __alert_T:1: ..."
    bad = re.search(r'template: __alert_T:.*', done.stdout)
    return "ERROR: " + bad.group(0).strip() if bad else "UNKNOWN: " + done.stdout


def go_unquote(text):
    body = re.sub(r"\\x([0-9a-f]{2})", r"\\u00\1", text).replace(r"\a", r"\u0007").replace(r"\v", r"\u000b")
    return json.loads(body)


def main():
    with open(os.path.join(HERE, "templates.txt"), encoding="utf-8") as file:
        templates = [json.loads(line) if line.startswith('"') else line.rstrip("\n")
                     for line in file if line.strip() and not line.startswith("#")]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for template, text in zip(templates, pool.map(expand, templates)):
            print(json.dumps(template, ensure_ascii=False) + "\t" + json.dumps(text, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
