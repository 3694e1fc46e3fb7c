"""What the differential run feeds: series as steps, rule files, routes, silences.

Steps hold for five seconds and more, and change nowhere near a moment of rest, so that both servers see each of
them though they evaluate at other instants of a second.
"""
import time

SECONDS = 62
SLOWER = {"Keep": 2, "OtherGroup": 3, "other:chain:max": 3}  # intervals that are not 1 s, by alert or series
BEFORE_DISCOVERY = ("Constant", "Scalar")  # fire before Prometheus has found its Alertmanagers, who hear later
# What a rule over its limit had firing ends in Alertmanager when it times out, and here at once.
NOT_IN_VIEWS = (*BEFORE_DISCOVERY, "Limited")
REST = [5, 12, 19, 27, 34, 41, 48, 56, 62]  # seconds at which nothing has changed for a while

NAN = float("nan")
INF = float("inf")


def series(case, steps, **labels):
    return {"__name__": "m", "case": case, **labels}, steps


# None is: the series ends with a stale marker. Times are seconds from the begin.
SERIES = [
    series("zero_for", [(0, 1), (6, 20), (21, 1), (36, 30), (50, 2)], job="web", instance="a:1"),
    series("small_for", [(0, 1), (6, 20), (21, 1)], job="web"),
    series("pending_only", [(0, 1), (6, 20), (14, 1)]),
    series("lifecycle", [(0, 1), (6, 20), (22, 40), (36, 1)], job="web", instance="b:2"),
    series("never", [(0, 1)]),
    series("two", [(0, 1), (6, 20), (43, 1)], variant="one"),
    series("two", [(0, 1), (14, 20), (43, 1)], variant="two"),
    series("flap", [(0, 1), (7, 20), (14, 1), (21, 20), (28, 1), (36, 20), (43, 1), (50, 20), (57, 1)]),
    series("keep", [(0, 1), (6, 20), (14, 1), (36, 20), (43, 1), (45, 20)]),
    series("keep_back", [(0, 1), (6, 20), (14, 1), (16, 20), (29, 1)]),
    series("vanish", [(0, 20), (15, None)], job="web"),
    series("vanish", [(0, 20), (29, None), (43, 20)], job="db"),
    series("absent", [(0, 1), (14, None), (29, 1)]),
    series("severity", [(0, 1), (7, 20), (21, 80), (36, 20), (50, 1)], job="web"),
    series("labels", [(0, 20)], job="web", alertname="mine", severity="low", region="us", empty="x", alertstate="odd"),
    series("text", [(0, 20), (29, 1)], job="wéb", path='/a"b\\c', note="line\nbreak"),
    series("duplicate", [(0, 20), (21, 1)], idx="1"),
    series("duplicate", [(0, 20), (43, 1)], idx="2"),
    series("limit", [(0, 20)], idx="1"),
    series("limit", [(0, 1), (7, 20)], idx="2"),
    series("limit", [(0, 1), (14, 20), (29, 1)], idx="3"),
    series("chain", [(0, 5), (7, 15), (29, 5)], job="web", idx="1"),
    series("chain", [(0, 5), (7, 15), (36, 5)], job="web", idx="2"),
    series("chain", [(0, 5), (14, 15), (43, 5)], job="db", idx="1"),
    series("odd", [(0, NAN)], kind="nan"),
    series("odd", [(0, INF)], kind="inf"),
    series("odd", [(0, 1e-7)], kind="tiny"),
    series("odd", [(0, 123456789.0)], kind="large"),
    series("dropped", [(0, 20)], fate="dropped"),
    series("hist", [(0, 3)], le="0.1"),
    series("hist", [(0, 7)], le="+Inf"),
    # For routes: each alert alone in its time.
    series("route", [(0, 1), (6, 20), (36, 1)], team="plain", idx="1"),
    series("route", [(0, 1), (6, 20), (50, 1)], team="plain", idx="2"),
    series("route", [(0, 1), (7, 20), (36, 1)], team="nested", env="prod"),
    series("route", [(0, 1), (7, 20), (36, 1)], team="nested", env="dev"),
    series("route", [(0, 1), (7, 20), (36, 1)], team="quiet"),
    series("route", [(0, 1), (7, 20), (36, 1)], team="silenced"),
    series("route", [(0, 1), (7, 20), (36, 1)], team="capped", idx="1"),
    series("route", [(0, 1), (7, 20), (36, 1)], team="capped", idx="2"),
    series("route", [(0, 1), (7, 20), (36, 1)], team="capped", idx="3"),
    series("route", [(0, 1), (7, 20), (36, 1)], team="all", idx="1"),
    series("route", [(0, 1), (7, 20), (36, 1)], team="all", idx="2"),
    series("inhibit", [(0, 20), (36, 1)], level="source", dc="x"),
    series("inhibit", [(0, 1), (14, 20)], level="target", dc="x"),
    series("inhibit", [(0, 1), (14, 20), (36, 1)], level="target", dc="y"),
]

RULES = {
    "basic.yml": r"""
groups:
  - name: basic
    rules:
      - alert: ZeroFor
        expr: m{case="zero_for"} > 10
        labels: {foo: bar}
        annotations: {summary: 'is at {{ $value }} {{ .Value }}', where: '{{ $labels.instance }} {{ .Labels.job }}'}
      - {alert: SmallFor, expr: 'm{case="small_for"} > 10', for: 500ms, labels: {foo: bar}}
      - {alert: PendingOnly, expr: 'm{case="pending_only"} > 10', for: 20s}
      - alert: Lifecycle
        expr: m{case="lifecycle"} > 10
        for: 5s
        annotations: {description: 'The value is {{$value}} {{.Value}}', static: words}
      - {alert: Never, expr: 'm{case="never"} > 10', for: 1s}
      - {alert: NewLater, expr: 'm{case="two"} > 10', for: 3s, labels: {foo: bar}}
      - alert: OnAlerts
        expr: >
          (ALERTS{alertstate="firing", alertname="NewLater", foo="bar", variant="one"}
          + ignoring(variant) ALERTS{alertstate="firing", alertname="NewLater", foo="bar", variant="two"}) == 2
        labels: {foo: baz, was: '{{ $labels.foo }}'}
        annotations: {description: 'Based on ALERTS. It was {{$labels.alertname}}, foo {{.Labels.foo}}.'}
      - {alert: Flap, expr: 'm{case="flap"} > 10'}
      - {alert: FlapPending, expr: 'm{case="flap"} > 10', for: 9s}
      - {alert: Constant, expr: vector(1)}
      - {alert: Scalar, expr: '7', annotations: {value: '{{ $value }}'}}
  - name: keep
    interval: 2s
    rules:
      - {alert: Keep, expr: 'm{case="keep"} > 10', keep_firing_for: 6s, annotations: {v: '{{ $value }}'}}
      - {alert: KeepBack, expr: 'm{case="keep_back"} > 10', for: 2s, keep_firing_for: 8s}
  - name: series
    rules:
      - {alert: Vanish, expr: 'm{case="vanish"} > 10', annotations: {job: '{{ $labels.job }}'}}
      - {alert: VanishFor, expr: 'm{case="vanish"} > 10', for: 4s}
      - {alert: Absent, expr: 'absent(m{case="absent"})', for: 2s, annotations: {labels: '{{ $labels }}'}}
      - {alert: Dropped, expr: 'm{case="dropped"} > 10'}
""",
    "text.yml": r"""
groups:
  - name: text
    rules:
      - alert: Severity
        expr: m{case="severity"} > 10
        labels: {severity: '{{ if gt $value 50.0 }}critical{{ else }}warning{{ end }}'}
        annotations: {v: '{{ $value | humanize }}'}
      - alert: Labels
        expr: m{case="labels"} > 10
        labels: {severity: high, empty: '', region: '{{ $labels.region }}-1', new: '{{ $externalLabels.region }}'}
        annotations: {all: '{{ range $k, $v := $labels }}{{ $k }}={{ $v }} {{ end }}', empty: ''}
      - alert: Text
        expr: m{case="text"} > 10
        annotations:
          quoted: '{{ $labels.path }} {{ $labels.note }}'
          external: '{{ $externalURL }} {{ .ExternalLabels.replica }}'
          query: '{{ with query "sum by (job) (m{case=''chain''})" }}{{ range sortByLabel "job" . }}{{ .Labels.job }}:{{ .Value | printf "%.0f" }},{{ end }}{{ end }}'
          first: '{{ query "m{case=''never''}" | first | value }}'
          empty_query: '{{ query "m{case=''nothing''}" | first | value }}'
          broken: '{{ .Nope }}'
          functions: '{{ "a b" | title }} {{ reReplaceAll "(.*)é(.*)" "$2-$1" $labels.job }} {{ humanizeDuration 135.3 }} {{ humanize1024 1048576 }} {{ humanizePercentage 0.959 }} {{ humanizeTimestamp 1643114203 }} {{ stripPort "[::1]:6006" }} {{ stripPort "127.0.0.1:4004" }} {{ parseDuration "2h10m15s" }}'
          defined: '{{ define "t" }}Args: {{ .arg0 }} {{ .arg1 }}{{ end }}{{ template "t" (args "foo" 99) }}'
          match: '{{ if match "[0-9]+$" "1234a" }}WRONG{{ else }}right{{ end }}'
          graph: '{{ graphLink "up > 0" }} {{ tableLink "up > 0" }}'
      - alert: TextInLabel
        expr: m{case="text"} > 10
        labels: {broken: '{{ .Nope }}', spaced: '  {{ $labels.job }} '}
      - {alert: Odd, expr: 'm{case="odd"}', annotations: {v: '{{ $value }}', h: '{{ $value | humanize }}', d: '{{ humanizeDuration $value }}'}}
  - name: numbers
    rules:
      - {alert: Ratio, expr: 'm{case="hist",le="0.1"} / ignoring(le) m{case="hist",le="+Inf"}', annotations: {v: '{{ $value }}', p: '{{ $value | humanizePercentage }}'}}
      - {alert: Compare, expr: 'm{case="zero_for"} > bool 10 and on() m{case="never"} < 10'}
""",
    "limits.yml": r"""
groups:
  - name: duplicates
    rules:
      - {alert: Duplicate, expr: 'm{case="duplicate"} > 10', labels: {idx: same}}
      - {alert: AfterDuplicate, expr: 'm{case="never"} < 10', annotations: {note: the next rule runs}}
      - {record: 'rec:duplicate', expr: 'm{case="limit"}', labels: {idx: same}}
  - name: limited
    limit: 2
    rules:
      - {alert: Limited, expr: 'm{case="limit"} > 10'}
      - {record: 'rec:limited', expr: 'm{case="limit"} > 10'}
      - {alert: LimitedOk, expr: 'm{case="never"} < 10'}
""",
    "chains.yml": r"""
groups:
  - name: chains
    rules:
      - {record: 'job:chain:sum', expr: 'sum by (job) (m{case="chain"})', labels: {source: rule}}
      - {record: 'job:chain:double', expr: 'job:chain:sum * 2'}
      - alert: ChainHigh
        expr: job:chain:double > 25
        for: 2s
        labels: {severity: page}
        annotations: {summary: '{{ $labels.job }} at {{ $value }}', siblings: '{{ with query "count(ALERTS{alertname=''ChainHigh''})" }}{{ . | first | value }}{{ end }}'}
      - {alert: ManyChains, expr: 'count(ALERTS{alertname="ChainHigh",alertstate="firing"}) > 1'}
      - {alert: Since, expr: '(time() - ALERTS_FOR_STATE{alertname="ChainHigh"} > 8) ^ 0'}
  - name: other group
    interval: 3s
    rules:
      - {record: 'other:chain:max', expr: 'max(job:chain:sum)'}
      - {alert: OtherGroup, expr: 'other:chain:max > 20', annotations: {v: '{{ $value }}'}}
""",
    "routes.yml": r"""
groups:
  - name: routes
    rules:
      - {alert: Routed, expr: 'm{case="route"} > 10', annotations: {summary: 'team {{ $labels.team }}'}}
      - {alert: Inhibit, expr: 'm{case="inhibit"} > 10'}
""",
}


GROUP_INTERVAL_S = 5


def routes(port):
    hook = f"http://127.0.0.1:{port}/hook"
    return f"""
route:
  receiver: default
  group_by: [alertname]
  group_wait: 2s
  group_interval: {GROUP_INTERVAL_S}s
  repeat_interval: 12s
  routes:
    - {{match: {{team: quiet}}, receiver: quiet}}
    - receiver: nested
      matchers: ['team="nested"']
      group_by: [alertname, team]
      continue: true
      routes:
        - {{matchers: ['env=~"prod|stage"'], receiver: prod, continue: true}}
        - {{matchers: ['env!="dev"'], receiver: never}}
    - {{matchers: ['team=~"nes.*"'], receiver: second, group_by: [team, env]}}
    - {{match_re: {{team: cap.*}}, receiver: capped}}
    - {{matchers: [team = "all"], receiver: all, group_by: ['...']}}
    - {{matchers: ['case="chain"'], receiver: never}}
receivers:
  - {{name: default, webhook_configs: [{{url: '{hook}/default'}}]}}
  - {{name: quiet, webhook_configs: [{{url: '{hook}/quiet', send_resolved: false}}]}}
  - {{name: nested, webhook_configs: [{{url: '{hook}/nested'}}]}}
  - {{name: prod, webhook_configs: [{{url: '{hook}/prod'}}, {{url: '{hook}/prod-too', send_resolved: false}}]}}
  - {{name: second, webhook_configs: [{{url: '{hook}/second'}}]}}
  - {{name: capped, webhook_configs: [{{url: '{hook}/capped', max_alerts: 2}}]}}
  - {{name: all, webhook_configs: [{{url: '{hook}/all'}}]}}
  - {{name: never, webhook_configs: [{{url: '{hook}/never'}}]}}
inhibit_rules:
  - source_matchers: ['level="source"']
    target_matchers: ['level="target"']
    equal: [dc, alertname]
"""


def silences(now):
    def rfc3339(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))

    def silence(begin, end, *matchers):
        return {"matchers": [{"name": n, "value": v, "isRegex": r, "isEqual": e} for n, v, r, e in matchers],
                "startsAt": rfc3339(now + begin), "endsAt": rfc3339(now + end), "createdBy": "differential",
                "comment": "a silence of the run"}

    return [silence(0, 3600, ("team", "silenced", False, True)),
            silence(0, 3600, ("alertname", "Odd|Const.*|Scalar", True, True)),
            silence(0, 3600, ("alertname", "Labels", False, True), ("region", "x", False, False))]


def brief(payload):
    """One line of a notification, to compare what came in which order."""
    return payload["status"] + " " + " ".join(
        sorted(f"{one['fingerprint']}:{one['status']}" for one in payload["alerts"]))


# Differences that are known, with the reason; a piece of the line is enough.
EXPECTED = [("""{}:{alertname="Limited"}'): notifications in turn""", "see NOT_IN_VIEWS")]


def expected(difference):
    return any(piece in difference for piece, _ in EXPECTED)
