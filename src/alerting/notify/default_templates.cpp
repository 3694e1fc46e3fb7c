// The names are Alertmanager's, and texts come out as its own do; the mail in HTML looks different.
#include "alerting/notify/templates.h"

namespace silverback::notify {

const std::string_view kDefaultTextTemplates = R"tmpl(
{{- define "__alertmanager" }}Alertmanager{{ end }}
{{- define "__alertmanagerURL" }}
  {{- printf "%s/#/alerts?receiver=%s" .ExternalURL (urlquery .Receiver) }}
{{- end }}
{{- define "__description" }}{{ end }}

{{- /* [FIRING:2] values of the group (values of the other common labels) */ -}}
{{- define "__subject" }}
  {{- $count := "" }}
  {{- if eq .Status "firing" }}{{ $count = .Alerts.Firing | len | printf ":%d" }}{{ end }}
  {{- printf "[%s%s] %s " (toUpper .Status) $count (join " " .GroupLabels.SortedPairs.Values) }}
  {{- if lt (len .GroupLabels) (len .CommonLabels) }}
    {{- print "(" }}{{ with .CommonLabels.Remove .GroupLabels.Names }}{{ join " " .Values }}{{ end }}{{ print ")" }}
  {{- end }}
{{- end }}

{{- define "__text_alert_list" }}
  {{- range . }}
    {{- println "Labels:" }}
    {{- range .Labels.SortedPairs }}{{ printf " - %s = %s\n" .Name .Value }}{{ end }}
    {{- println "Annotations:" }}
    {{- range .Annotations.SortedPairs }}{{ printf " - %s = %s\n" .Name .Value }}{{ end }}
    {{- printf "Source: %s\n" .GeneratorURL }}
  {{- end }}
{{- end }}

{{- define "__text_alert_list_markdown" }}
  {{- range . }}
    {{- print "\nLabels:\n" }}
    {{- range .Labels.SortedPairs }}{{ printf "  - %s = %s\n" .Name .Value }}{{ end }}
    {{- print "\nAnnotations:\n" }}
    {{- range .Annotations.SortedPairs }}{{ printf "  - %s = %s\n" .Name .Value }}{{ end }}
    {{- printf "\nSource: %s\n" .GeneratorURL }}
  {{- end }}
  {{- print "\n" }}
{{- end }}

{{- define "slack.default.title" }}{{ template "__subject" . }}{{ end }}
{{- define "slack.default.titlelink" }}{{ template "__alertmanagerURL" . }}{{ end }}
{{- define "slack.default.fallback" }}
  {{- template "slack.default.title" . }}{{ print " | " }}{{ template "slack.default.titlelink" . }}
{{- end }}
{{- define "slack.default.username" }}{{ template "__alertmanager" . }}{{ end }}
{{- define "slack.default.color" }}{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}{{ end }}
{{- define "slack.default.callbackid" }}{{ end }}
{{- define "slack.default.pretext" }}{{ end }}
{{- define "slack.default.text" }}{{ end }}
{{- define "slack.default.footer" }}{{ end }}
{{- define "slack.default.iconemoji" }}{{ end }}
{{- define "slack.default.iconurl" }}{{ end }}
)tmpl";

const std::string_view kDefaultEmailTemplates = R"tmpl(
{{- define "email.default.subject" }}{{ template "__subject" . }}{{ end }}

{{- define "__silverback_alert_rows" }}
{{- range . }}
<tr><td style="padding:8px 20px;border-top:1px solid #e4e4e4">
{{- range .Labels.SortedPairs }}<b>{{ .Name }}</b> = {{ .Value }}<br>
{{ end }}
{{- range .Annotations.SortedPairs }}<i>{{ .Name }}</i>: {{ .Value }}<br>
{{ end }}
{{- if .GeneratorURL }}<a href="{{ .GeneratorURL }}" style="color:#1a6fb5">Source</a>{{ end -}}
</td></tr>
{{- end }}
{{- end }}

{{- define "email.default.html" -}}
<!DOCTYPE html>
<html>
<head>
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<meta name="viewport" content="width=device-width">
<title>{{ template "__subject" . }}</title>
</head>
<body style="margin:0;padding:16px;background:#f2f2f2;font:14px/1.5 sans-serif;color:#222">
<table align="center" cellpadding="0" cellspacing="0" style="width:100%;max-width:640px;background:#fff;border:1px solid #e4e4e4">
<tr><td style="padding:16px 20px;color:#fff;background:{{ if .Alerts.Firing }}#c7391f{{ else }}#4b8a0f{{ end }}">
{{- len .Alerts }} alert{{ if ne (len .Alerts) 1 }}s{{ end }}
{{- with .GroupLabels.SortedPairs }} for {{ range $i, $pair := . }}{{ if $i }}, {{ end }}{{ $pair.Name }}={{ $pair.Value }}{{ end }}{{ end -}}
</td></tr>
{{- with .Alerts.Firing }}
<tr><td style="padding:12px 20px 4px"><b>[{{ len . }}] Firing</b></td></tr>
{{- template "__silverback_alert_rows" . }}
{{- end }}
{{- with .Alerts.Resolved }}
<tr><td style="padding:12px 20px 4px"><b>[{{ len . }}] Resolved</b></td></tr>
{{- template "__silverback_alert_rows" . }}
{{- end }}
<tr><td style="padding:12px 20px;border-top:1px solid #e4e4e4;font-size:12px"><a href="{{ template "__alertmanagerURL" . }}" style="color:#666">Sent by Silverback</a></td></tr>
</table>
</body>
</html>
{{ end }}
)tmpl";

}  // namespace silverback::notify
