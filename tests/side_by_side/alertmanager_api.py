#!/usr/bin/env python3
"""The same requests to Alertmanager's API v2 of a real Alertmanager and of Silverback, answers compared key by key.

Compared are the status, the shape of an error (a string, or an object with a code) and the whole JSON of what
succeeds: times within two seconds, ids by where they first appear. Left out is what the older Alertmanager of Debian
does not have yet. Differences that are meant are listed below with why; any other makes it fail.

    alertmanager_api.py [--keep] [--verbose]
"""
import argparse
import json
import re
import shutil
import sys
import time
import urllib.parse

import programs

AM_PORT, SB_PORT = 19851, 19852
ROUTES = """
  route:
    receiver: ops
    group_by: [alertname]
    group_wait: 1s
    group_interval: 5s
    routes:
      - {matchers: [severity="page"], receiver: pager, group_by: [team], continue: true}
      - {matchers: [severity=~"page|warning"], receiver: night}
  receivers: [{name: ops}, {name: pager}, {name: night}]
  inhibit_rules:
    - {source_matchers: [severity="critical"], target_matchers: [severity="warning"], equal: [alertname]}
"""
NEWER = {"mutedBy", "routeLabels"}  # keys that Alertmanager has since 0.28 and later
UNKNOWN_ID = "11111111-1111-4111-8111-111111111111"

# Why an answer may differ: by the request's name.
MEANT = {
    "silence: annotations shown": "annotations of silences came with 0.32",
    "delete: unknown": "0.25 answers 500; 404 since 0.26",
    "alerts: no labels": "only that alert is refused, not the request before it is looked at",
    "alerts: bad url": "only that alert is refused, not the request before it is looked at",
    "alerts: null in the list": "0.25 drops the connection",
    "silences: null matcher": "0.25 drops the connection",
    "alerts: UTF-8 name": "names are any UTF-8 since 0.27",
    "alerts: UTF-8 annotation": "names are any UTF-8 since 0.27",
    "alerts: empty body": "an empty body is no JSON: 400 and not 422",
    "alerts: text behind": "the whole body is read",
    "silences: UTF-8 name": "names are any UTF-8 since 0.27",
    "silences: null": "null is no silence: 400 and not 422",
    "query: no truth": "a truth that is none is an error, not false",
    "query: braces": "0.25 takes no quotes within braces",
    "query: two in one": "several matchers in one filter are several; 0.25 takes the rest for the value",
    "query: silences by state": "active, pending and expired came with 0.34",
    "other: no such path": "the words of this server",
    "other: method": "the words of this server",
}


def at(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def silence(**more):
    return {"matchers": [{"name": "host", "value": "a", "isRegex": False}], "startsAt": at(-5), "endsAt": at(3600),
            "createdBy": "me", "comment": "why", **more}


def alert(host, severity="info", **more):
    return {"labels": {"alertname": "Disk", "host": host, "severity": severity, "team": "db"}, **more}


class Side:
    def __init__(self, program):
        self.program = program
        self.ids = {}  # what we call it -> id

    def ask(self, method, path, body=None, content_type="application/json"):
        path = re.sub(r"<id:(\w+)>", lambda found: self.ids.get(found[1], UNKNOWN_ID), path)
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = re.sub(r"<id:(\w+)>", lambda found: self.ids.get(found[1], UNKNOWN_ID), body)
        headers = {"Content-Type": content_type} if body is not None else {}
        try:
            status, answer = self.program.request(method, path, body, headers)
        except OSError as error:
            return 0, str(error)
        try:
            return status, json.loads(answer)
        except ValueError:
            return status, answer.decode(errors="replace")


def plain(value, side):
    """Without what differs by its nature."""
    names = {identity: name for name, identity in side.ids.items()}
    if isinstance(value, dict):
        return {key: plain(one, side) for key, one in value.items() if key not in NEWER}
    if isinstance(value, list):  # lists of ids are in the order of the ids
        values = [plain(one, side) for one in value]
        return sorted(values) if all(isinstance(one, str) for one in values) else values
    return names.get(value, value) if isinstance(value, str) else value


def seconds_of(text):
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{3})Z", text)
    return time.mktime(time.strptime(found[1], "%Y-%m-%dT%H:%M:%S")) + int(found[2]) / 1000 if found else None


def differences(theirs, ours, place=""):
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(set(theirs) | set(ours)):
            if key not in theirs or key not in ours:
                yield f"{place}.{key}: only {'ours' if key in ours else 'theirs'}"
            else:
                yield from differences(theirs[key], ours[key], f"{place}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            yield f"{place}: {len(theirs)} and {len(ours)} elements"
        for index, (a, b) in enumerate(zip(theirs, ours)):
            yield from differences(a, b, f"{place}[{index}]")
    elif isinstance(theirs, str) and isinstance(ours, str) and seconds_of(theirs) and seconds_of(ours):
        if abs(seconds_of(theirs) - seconds_of(ours)) > 2:
            yield f"{place}: {theirs} and {ours}"
    elif theirs != ours:
        yield f"{place}: {theirs!r} and {ours!r}"


def compare(name, theirs, ours, sides):
    (status_a, a), (status_b, b) = theirs, ours
    if status_a != status_b:
        return [f"status {status_a} {str(a)[:100]!r} and {status_b} {str(b)[:100]!r}"]
    if status_a >= 400:
        shape = [(type(one).__name__, one.get("code") if isinstance(one, dict) else None) for one in (a, b)]
        if not (a == "" and isinstance(b, str)) and shape[0] != shape[1]:
            return [f"error {str(a)[:150]!r} and {str(b)[:150]!r}"]
        return []
    if name.startswith("status"):  # what a build is, and how it writes its configuration, are its own
        for one in (a, b):
            one["config"] = sorted(one["config"])
            one["versionInfo"] = sorted(one["versionInfo"])
    if name.startswith("groups"):  # an alert's receivers are shown in any order
        for group in a + b:
            for one in group["alerts"]:
                one["receivers"].sort(key=lambda receiver: receiver["name"])
    return list(differences(plain(a, sides[0]), plain(b, sides[1])))


def with_annotations(answers):
    for _, answer in answers:
        for one in answer if isinstance(answer, list) else [answer]:
            if isinstance(one, dict) and "matchers" in one:
                one.pop("annotations", None)


class Run:
    def __init__(self, sides, verbose):
        self.sides, self.verbose = sides, verbose
        self.asked = self.meant = self.wrong = 0

    def ask(self, name, method, path, body=None, call=None, **more):
        """The same to both; `call` is what the silence that it makes is called from now on."""
        answers = [side.ask(method, path, body, **more) for side in self.sides]
        for side, (status, answer) in zip(self.sides, answers):
            if call and status == 200:
                side.ids[call] = answer["silenceID"]
        if name != "silence: annotations shown":
            with_annotations(answers)
        found = compare(name, *answers, self.sides)
        self.asked += 1
        if found and name in MEANT:
            self.meant += 1
            if self.verbose:
                print(f"meant  {name}: {found[0]}  ({MEANT[name]})")
        elif found:
            self.wrong += 1
            print(f"WRONG  {name}: {method} {path}")
            for line in found[:5]:
                print(f"       {line}")
        elif self.verbose:
            print(f"same   {name}: {answers[0][0]}")

    def get(self, name, path, **parameters):
        query = "?" + urllib.parse.urlencode(parameters, doseq=True) if parameters else ""
        self.ask(name, "GET", "/api/v2" + path + query)

    def reads(self, when):
        self.get(f"status {when}", "/status")
        self.get(f"receivers {when}", "/receivers")
        self.get(f"alerts {when}", "/alerts")
        self.get(f"groups {when}", "/alerts/groups")
        self.get(f"silences {when}", "/silences")

    def post_alerts(self):
        post = lambda name, body, **more: self.ask("alerts: " + name, "POST", "/api/v2/alerts", body, **more)
        post("several", [alert("a", annotations={"summary": "\u00fc \u2265 <b>"}), alert("b", "page"),
                         alert("c", "critical"), alert("d", "warning", generatorURL="http://p/graph?g0.expr=x")])
        post("times", [alert("e", startsAt=at(-600), endsAt=at(600)), alert("f", startsAt="0001-01-01T00:00:00.000Z"),
                       alert("g", endsAt="2026-01-01T02:00:00.5+02:00")])
        post("one with an empty label", [{"labels": {"alertname": "Empty", "x": ""}}])
        post("none", [])
        post("null", "null")
        post("no labels", [{}])
        post("empty labels", [{"labels": {}}])
        post("only empty values", [{"labels": {"a": ""}}])
        post("ends before it starts", [alert("x", startsAt=at(-60), endsAt=at(-120))])
        post("good beside bad", [{"labels": {}}, {"labels": {"alertname": "Good"}}])
        post("bad url", [alert("x", generatorURL="not a url")])
        post("UTF-8 name", [{"labels": {"alertname": "Name", "a-b": "c"}, "endsAt": at(-1)}])
        post("UTF-8 annotation", [{"labels": {"alertname": "Name"}, "annotations": {"x-y": "1"}, "endsAt": at(-1)}])
        post("null in the list", "[null]")
        post("number for a label", [{"labels": {"a": 1}}])
        post("no time", [alert("x", startsAt="soon")])
        post("object", {})
        post("no JSON", "x")
        post("text behind", "[] x")
        post("empty body", "")
        post("form", "a=b", content_type="application/x-www-form-urlencoded")

    def queries(self):
        for path in ("/alerts", "/alerts/groups"):
            kind = "alerts" if path == "/alerts" else "groups"
            for query in ({"filter": 'host="a"'}, {"filter": ["host=~a|b", "severity!=page"]}, {"filter": "x=y"},
                          {"filter": 'nothing=""'}, {"filter": 'host!=""'},
                          {"active": "false"}, {"silenced": "false"}, {"inhibited": "0"}, {"active": ""},
                          {"unprocessed": "false"}, {"active": ["false", "true"]}, {"receiver": "p.*"},
                          {"receiver": "op"}, {"receiver": ""}, {"receiver": "("}, {"filter": "x"}, {"filter": ""},
                          {"filter": 'a=~"("'}):
                self.get(f"{kind} {query}", path, **query)
        self.get("query: no truth", "/alerts", active="perhaps")
        self.get("query: braces", "/alerts", filter='{severity="page"}')
        self.get("query: two in one", "/alerts", filter="host=a,team=db")

    def silences(self):
        post = lambda name, body, **more: self.ask("silences: " + name, "POST", "/api/v2/silences", body, **more)
        post("one", silence(), call="one")
        post("pending", silence(startsAt=at(1800), comment="later"), call="pending")
        post("long", silence(endsAt=at(7200), matchers=[
            {"name": "host", "value": "x.*", "isRegex": True, "isEqual": False},
            {"name": "team", "value": "db", "isRegex": False}]), call="long")
        post("no beginning", silence(startsAt="0001-01-01T00:00:00Z", endsAt=at(3700), comment="n"), call="beginning")
        for key in ("comment", "createdBy", "endsAt", "matchers", "startsAt"):
            post("without " + key, {k: v for k, v in silence().items() if k != key})
        for key in ("name", "value", "isRegex"):
            one = {k: v for k, v in silence()["matchers"][0].items() if k != key}
            post("matcher without " + key, silence(matchers=[one]))
        post("no matchers", silence(matchers=[]))
        post("null matcher", silence(matchers=[None]))
        post("empty value", silence(matchers=[{"name": "a", "value": "", "isRegex": False}]))
        post("no regex", silence(matchers=[{"name": "a", "value": "(", "isRegex": True}]))
        post("no name", silence(matchers=[{"name": "", "value": "x", "isRegex": False}]))
        post("no time", silence(startsAt=at(60), endsAt=at(60)))
        post("past", silence(startsAt=at(-60), endsAt=at(-30)))
        post("unknown id", silence(id=UNKNOWN_ID))
        post("id that is none", silence(id="x"))
        post("null", "null")
        post("list", "[]")
        post("wrong type", silence(comment=5))
        post("form", "a=b", content_type="application/x-www-form-urlencoded")
        self.get("silence: by id", "/silence/<id:one>")
        self.get("silence: unknown", "/silence/" + UNKNOWN_ID)
        self.get("silence: no uuid", "/silence/x")
        for query in ('host="a"', 'host=~"a"', "team=db", "x"):
            self.get(f"silences by {query}", "/silences", filter=query)

    def changes(self):
        for side in self.sides:  # as amtool does it: what was shown, with another end
            _, shown = side.ask("GET", "/api/v2/silence/<id:one>")
            side.shown = {**shown, "endsAt": at(5000), "comment": "changed"}
        answers = [side.ask("POST", "/api/v2/silences", side.shown) for side in self.sides]
        kept = [status == 200 and answer["silenceID"] == side.ids["one"] for side, (status, answer)
                in zip(self.sides, answers)]
        self.asked += 1
        if kept != [True, True]:
            self.wrong += 1
            print(f"WRONG  change of a silence keeps its id: {kept} {answers}")
        other = silence(id="<id:one>", matchers=[{"name": "host", "value": "b", "isRegex": False}], comment="other")
        self.ask("silences: other matchers, a new one", "POST", "/api/v2/silences", other, call="other")
        self.get("silence: the changed one is over", "/silence/<id:one>")
        self.ask("delete: pending", "DELETE", "/api/v2/silence/<id:pending>")
        self.ask("delete: active", "DELETE", "/api/v2/silence/<id:long>")
        self.ask("delete: over", "DELETE", "/api/v2/silence/<id:long>")
        self.ask("delete: unknown", "DELETE", "/api/v2/silence/" + UNKNOWN_ID)
        self.ask("delete: no uuid", "DELETE", "/api/v2/silence/x")

    def others(self):
        self.ask("other: no such path", "GET", "/api/v2/nothing")
        self.ask("other: method", "PUT", "/api/v2/silences", "{}")
        self.ask("silence: annotations shown", "GET", "/api/v2/silence/<id:other>")
        self.ask("silences: UTF-8 name", "POST", "/api/v2/silences",
                 silence(matchers=[{"name": "a-b", "value": "c", "isRegex": False}]))
        self.get("query: silences by state", "/silences", active="false")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--keep", action="store_true")
    arguments.add_argument("--verbose", action="store_true")
    options = arguments.parse_args()
    if programs.missing("prometheus-alertmanager"):
        sys.exit("prometheus-alertmanager is not installed")
    directory = programs.directory_for("alertmanager-api")
    own = "\n".join(line[2:] for line in ROUTES.splitlines())
    theirs = programs.alertmanager(directory, AM_PORT, own)
    ours = programs.silverback(directory, SB_PORT, "notifications:" + ROUTES)
    run = Run([Side(theirs), Side(ours)], options.verbose)
    try:
        for program in (theirs, ours):
            program.start().wait_ready("/-/ready")
        run.reads("at first")
        run.post_alerts()
        time.sleep(1.5)  # groups have been told
        run.reads("with alerts")
        run.silences()
        run.reads("with silences")
        run.queries()
        run.changes()
        run.others()
    finally:
        theirs.stop()
        ours.stop()
        if not options.keep:
            shutil.rmtree(directory, ignore_errors=True)
    print(f"{run.asked} requests: {run.asked - run.meant - run.wrong} same, {run.meant} differ as meant, "
          f"{run.wrong} differ otherwise")
    sys.exit(1 if run.wrong else 0)


if __name__ == "__main__":
    main()
