#!/usr/bin/env python3
"""Records where Alertmanager sends alerts by the routes in routes.yml: record_routes.py > routes.golden

Each line of the result is an alert's labels as JSON, a tab, and the receivers in order. Needs amtool on the PATH.
"""
import concurrent.futures
import itertools
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VALUES = {
    "severity": ["", "page", "warn", "info"],
    "service": ["", "mysql", "mysql2"],
    "team": ["", "web"],
    "audit": ["", "yes"],
}
MORE = [
    {"team": "web", "env": "dev", "severity": "page"}, {"team": "web", "env": "prod", "severity": "page"},
    {"service": "cassandra", "severity": "crit"}, {"service": "cassandra", "severity": "crit", "zone": "eu-1"},
    {"service": "cassandra", "severity": "crit", "zone": "us-eu-1"}, {"note": "a, \"b\" = {c}"}, {"note": "a"},
    {"path": "C:\\dir"}, {"path": "C:dir"}, {"code": "503"}, {"code": "5003"}, {"code": "5\\d\\d"},
    {"alertname": "Lonely"}, {"alertname": "Lonely", "severity": "info"}, {"alertname": "Lonely", "severity": "warn"},
    {"deep": "1"}, {"deep": "1", "deeper": "1"}, {"deep": "1", "deeper": "1", "deepest": "1"},
    {"deep": "1", "deepest": "1"}, {"audit": "true"}, {"audit": "truely"},
]


def alerts():
    for values in itertools.product(*VALUES.values()):
        yield {name: value for name, value in zip(VALUES, values) if value}
    yield from MORE


def receivers(labels):
    words = [name + "=" + json.dumps(value) for name, value in labels.items()]
    done = subprocess.run(["amtool", "config", "routes", "test", "--config.file=" + os.path.join(HERE, "routes.yml"),
                           *words], text=True, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.strip() if done.returncode == 0 else "ERROR"


def main():
    every = list(alerts())
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for labels, names in zip(every, pool.map(receivers, every)):
            print(json.dumps(labels, ensure_ascii=False) + "\t" + names)
    return 0


if __name__ == "__main__":
    sys.exit(main())
