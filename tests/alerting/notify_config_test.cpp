#include "alerting/notify/config.h"

#include <gtest/gtest.h>

#include "alerting/alerting_config.h"
#include "alerting/notify/route.h"

namespace silverback::notify {
namespace {

constexpr std::string_view kWhole = R"(
global:
  resolve_timeout: 10m
  smtp_smarthost: 'mail.example.org:587'
  smtp_from: alerts@example.org
  smtp_auth_username: alerts
  smtp_auth_password: hunter2
  slack_api_url: https://hooks.slack.com/services/T0/B0/abcdef
  http_config: {proxy_url: 'http://proxy:tunnel@proxy.example.org:3128', follow_redirects: false}
  pagerduty_url: https://events.pagerduty.com/v2/enqueue
  opsgenie_api_key: unused
templates: ['templates/*.tmpl', /etc/more.tmpl]
route:
  receiver: mail
  group_by: [job, alertname]
  group_wait: 0s
  routes:
    - match: {severity: page}
      match_re: {service: 'db|cache'}
      matchers: ['team != "ops"']
      receiver: hooks
      continue: true
      group_interval: 1m
      mute_time_intervals: [nights, holidays]
      routes:
        - {matchers: ['{zone=eu}'], group_by: ['...']}
        - {matchers: [zone=us], group_by: [], active_time_intervals: [nights]}
    - {matchers: [a=b], receiver: chat, repeat_interval: 1d}
inhibit_rules:
  - {source_match: {severity: page}, target_matchers: ['severity=~"warn|info"'], equal: [alertname, zone]}
mute_time_intervals:
  - {name: holidays, time_intervals: [{months: [december], days_of_month: ['24:26']}]}
time_intervals:
  - name: nights
    time_intervals: [{times: [{start_time: '22:00', end_time: '24:00'}], location: Europe/Berlin}]
receivers:
  - name: mail
    email_configs:
      - to: ops@example.org
        headers: {subject: 'About {{ .GroupLabels }}', X-Team: ops}
        tls_config: {ca_file: ca.pem, insecure_skip_verify: true}
  - name: hooks
    webhook_configs:
      - url: http://user:sesame@127.0.0.1:8080/hook
        max_alerts: 5
        timeout: 3s
        signature: {secret_file: keys/hook, header: X-Sig}
        http_config: {basic_auth: {username: u, password: p4ss}}
      - url: 'http://10.0.0.1/{{ .GroupLabels.team }}'
        send_resolved: false
      - url_file: keys/url
  - name: chat
    slack_configs:
      - channel: '#ops'
        title: It's "down"
        send_resolved: true
        fields: [{title: Team, value: ops, short: true}, {title: Zone, value: eu}]
        actions: [{type: button, text: Look, url: 'https://example.org', name: gone}]
      - {api_url_file: keys/slack, channel: '#all'}
      - {app_token: xoxb-1, channel: C1, http_config: {}}
  - name: 'null'
egress: {allow: [127.0.0.0/8, 10.0.0.0/8]}
)";

NotifyConfig config_of(std::string_view text) {
  const auto node = yaml::parse(text, "n.yml");
  EXPECT_TRUE(node) << node.status().message();
  yaml::Problems problems("n.yml");
  NotifyConfig out = read_notifications(*node, "/etc/silverback", problems);
  EXPECT_TRUE(problems.empty()) << problems.status().message();
  return out;
}

std::string problems_of(std::string_view text) {
  const auto node = yaml::parse(text, "n.yml");
  if (!node) return std::string(node.status().message());
  yaml::Problems problems("n.yml");
  (void)read_notifications(*node, "/etc", problems);
  return std::string(problems.status().message());
}

template <typename Spec>
const Spec& spec(const NotifyConfig& config, std::size_t receiver, std::size_t integration) {
  return std::get<Spec>(config.receivers.at(receiver).integrations.at(integration).what);
}

TEST(NotifyConfig, RoutesInheritFromTheirParents) {
  const RouteSpec root = config_of(kWhole).route;

  EXPECT_EQ(root.receiver, "mail");
  EXPECT_EQ(root.group_by, (std::vector<std::string>{"alertname", "job"}));
  EXPECT_EQ(root.group_wait_ms, 0);
  EXPECT_EQ(root.group_interval_ms, 300'000);
  EXPECT_EQ(root.repeat_interval_ms, 14'400'000);
  const RouteSpec& page = root.routes.at(0);
  EXPECT_EQ(matchers_text(page.matchers), R"x({service=~"^(?:db|cache)$",severity="page",team!="ops"})x");
  EXPECT_TRUE(page.goes_on);
  EXPECT_EQ(page.group_by, root.group_by);
  EXPECT_EQ(page.group_wait_ms, 0);
  EXPECT_EQ(page.group_interval_ms, 60'000);
  EXPECT_EQ(page.mute_time_intervals, (std::vector<std::string>{"nights", "holidays"}));
  const RouteSpec& eu = page.routes.at(0);
  EXPECT_EQ(eu.receiver, "hooks");
  EXPECT_TRUE(eu.group_by_all);
  EXPECT_FALSE(eu.goes_on);
  EXPECT_EQ(eu.group_interval_ms, 60'000);
  EXPECT_TRUE(eu.mute_time_intervals.empty());
  const RouteSpec& us = page.routes.at(1);
  EXPECT_FALSE(us.group_by_all);
  EXPECT_TRUE(us.group_by.empty());
  EXPECT_EQ(us.active_time_intervals, (std::vector<std::string>{"nights"}));
  EXPECT_EQ(root.routes.at(1).repeat_interval_ms, 86'400'000);
}

TEST(NotifyConfig, WebhooksHaveTheirOwnWayOrTheGlobalOne) {
  const NotifyConfig config = config_of(kWhole);

  const auto& first = spec<WebhookSpec>(config, 1, 0);
  EXPECT_EQ(first.url, "http://user:sesame@127.0.0.1:8080/hook");
  EXPECT_EQ(first.max_alerts, 5U);
  EXPECT_EQ(first.timeout_ms, 3000);
  EXPECT_EQ(first.signature_secret_file, "/etc/silverback/keys/hook");
  EXPECT_EQ(first.signature_header, "X-Sig");
  EXPECT_EQ(first.http.username, "u");
  EXPECT_EQ(first.http.proxy_url, "");
  EXPECT_TRUE(first.http.follow_redirects);
  EXPECT_TRUE(config.receivers[1].integrations[0].send_resolved);
  const auto& second = spec<WebhookSpec>(config, 1, 1);
  EXPECT_EQ(second.http.proxy_url, "http://proxy:tunnel@proxy.example.org:3128");
  EXPECT_FALSE(second.http.follow_redirects);
  EXPECT_FALSE(config.receivers[1].integrations[1].send_resolved);
  EXPECT_EQ(config.receivers[1].integrations[1].index, 1U);
  EXPECT_EQ(spec<WebhookSpec>(config, 1, 2).url_file, "/etc/silverback/keys/url");
  EXPECT_TRUE(config.receivers[3].integrations.empty());
}

TEST(NotifyConfig, SlackHasAlertmanagersTextsAndThreeWaysIn) {
  const NotifyConfig config = config_of(kWhole);

  const auto& first = spec<SlackSpec>(config, 2, 0);
  EXPECT_EQ(config.receivers[2].integrations[0].kind(), "slack");
  EXPECT_TRUE(config.receivers[2].integrations[0].send_resolved);
  EXPECT_FALSE(config.receivers[2].integrations[1].send_resolved);
  EXPECT_EQ(first.api_url, "https://hooks.slack.com/services/T0/B0/abcdef");
  EXPECT_EQ(first.title, "It's \"down\"");
  EXPECT_EQ(first.text, R"({{ template "slack.default.text" . }})");
  EXPECT_EQ(first.fields.at(0).is_short, true);
  EXPECT_EQ(first.fields.at(1).is_short, std::nullopt);
  EXPECT_EQ(first.actions.at(0).name, "");  // a link has none
  EXPECT_EQ(spec<SlackSpec>(config, 2, 1).api_url, "");
  EXPECT_EQ(spec<SlackSpec>(config, 2, 1).api_url_file, "/etc/silverback/keys/slack");
  const auto& app = spec<SlackSpec>(config, 2, 2);
  EXPECT_EQ(app.api_url, "https://slack.com/api/chat.postMessage");
  EXPECT_EQ(app.http.credentials, "xoxb-1");
  EXPECT_EQ(app.http.authorization_type, "Bearer");
}

TEST(NotifyConfig, MailTakesTheGlobalServer) {
  const NotifyConfig config = config_of(kWhole);

  const auto& mail = spec<EmailSpec>(config, 0, 0);
  EXPECT_EQ(mail.smarthost, "mail.example.org:587");
  EXPECT_EQ(mail.hello, "localhost");
  EXPECT_EQ(mail.auth_password, "hunter2");
  EXPECT_TRUE(mail.require_tls);
  EXPECT_EQ(mail.ca_file, "/etc/silverback/ca.pem");
  EXPECT_TRUE(mail.insecure_skip_verify);
  EXPECT_EQ(mail.html, R"({{ template "email.default.html" . }})");
  EXPECT_EQ(mail.text, "");
  EXPECT_EQ(mail.headers, (TextPairs{{"From", "alerts@example.org"},
                                     {"Subject", "About {{ .GroupLabels }}"},
                                     {"To", "ops@example.org"},
                                     {"X-Team", "ops"}}));
}

TEST(NotifyConfig, TheRestOfTheSectionIsRead) {
  const NotifyConfig config = config_of(kWhole);

  EXPECT_EQ(config.resolve_timeout_ms, 600'000);
  EXPECT_EQ(config.templates,
            (std::vector<std::string>{"/etc/silverback/templates/*.tmpl", "/etc/more.tmpl"}));
  ASSERT_EQ(config.inhibit_rules.size(), 1U);
  EXPECT_EQ(matchers_text(config.inhibit_rules[0].source), R"({severity="page"})");
  EXPECT_EQ(matchers_text(config.inhibit_rules[0].target), R"({severity=~"warn|info"})");
  EXPECT_EQ(config.inhibit_rules[0].equal, (std::vector<std::string>{"alertname", "zone"}));
  EXPECT_EQ(config.time_intervals.size(), 2U);
  EXPECT_NE(config.egress, Egress());
}

TEST(NotifyConfig, IsShownWithoutSecretsAndReadAgain) {
  const NotifyConfig config = config_of(kWhole);

  for (const std::string_view secret : {"hunter2", "abcdef", "sesame", "tunnel", "p4ss", "xoxb", "unused"}) {
    EXPECT_EQ(config.shown.find(secret), std::string::npos) << secret << " in\n" << config.shown;
  }
  // Slack's URL is <secret>, which Alertmanager's reader takes and ours has no reason to.
  std::string text = config.shown;
  for (std::size_t at = 0; (at = text.find("api_url: '<secret>'", at)) != text.npos;) {
    text.replace(at, 19, "api_url: 'http://<secret>'");
  }
  const NotifyConfig again = config_of(text);
  EXPECT_EQ(again.route, config.route);
  EXPECT_EQ(again.inhibit_rules, config.inhibit_rules);
  EXPECT_EQ(again.time_intervals, config.time_intervals);
  EXPECT_EQ(again.templates, config.templates);
  EXPECT_EQ(spec<SlackSpec>(again, 2, 0).title, spec<SlackSpec>(config, 2, 0).title);
  EXPECT_EQ(spec<EmailSpec>(again, 0, 0).headers, spec<EmailSpec>(config, 0, 0).headers);
}

TEST(NotifyConfig, TextsOfAnyKindAreShownAsTheyAre) {
  const std::string odd = "'\"\\ \n\t\x7f \xc2\x85 \xe2\x80\xa8 \xf0\x9f\x90\xb5 #: {}[]";
  std::string quoted;
  for (const char c : odd)
    quoted += c == '\n' ? "\\n" : c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);

  const NotifyConfig config =
      config_of("{route: {receiver: \"" + quoted + "\"}, receivers: [{name: \"" + quoted + "\"}]}");

  ASSERT_EQ(config.route.receiver, odd);
  EXPECT_EQ(config_of(config.shown).route.receiver, odd);
}

struct Case {
  std::string_view text, problem;
};

TEST(NotifyConfig, NamesWhatIsWrongInRoutes) {
  constexpr Case kCases[] = {
      {"receivers: [{name: a}]", "n.yml:1: notifications: no route provided in config"},
      {"\nroute: {group_by: [x]}", "n.yml:2: route: root route must specify a default receiver"},
      {"route: {receiver: a}", "n.yml:1: undefined receiver \"a\" used in route"},
      {"receivers: [{name: a}]\nroute: {receiver: a, matchers: [x=y]}",
       "n.yml:2: route: root route must not have any matchers"},
      {"receivers: [{name: a}]\nroute: {receiver: a, continue: true}",
       "n.yml:2: route: cannot have continue in root route"},
      {"receivers: [{name: a}]\ntime_intervals: [{name: t, time_intervals: []}]\nroute: {receiver: a, "
       "mute_time_intervals: [t]}",
       "n.yml:3: route: root route must not have any mute time intervals"},
      {"receivers: [{name: a}]\nroute:\n  receiver: a\n  routes:\n  - mute_time_intervals:\n    - t\n",
       "n.yml:6: undefined time interval \"t\" used in route"},
      {"receivers: [{name: a}]\nroute:\n  receiver: a\n  group_by:\n  - x\n  - y\n  - x",
       "n.yml:7: duplicated label \"x\" in group_by"},
      {"receivers: [{name: a}]\nroute: {receiver: a, group_by: ['...', x]}",
       "n.yml:2: route: cannot have wildcard group_by (`...`) and other labels at the same time"},
      {"receivers: [{name: a}]\nroute: {receiver: a, group_interval: 0s}",
       "n.yml:2: group_interval cannot be zero"},
      {"receivers: [{name: a}]\nroute: {receiver: a, repeat_interval: soon}",
       "n.yml:2: route: repeat_interval: expected a duration such as 1m30s, found \"soon\""},
      {"receivers: [{name: a}]\nroute: {receiver: a, routes: [{matchers: ['x=\"']}]}",
       "n.yml:2: bad matcher format: x=\": column 3: expected a label value; a quote is not closed"},
      {"receivers: [{name: a}]\nroute: {receiver: a, routes: [{match: {a-b: c}}]}",
       "n.yml:2: match: invalid label name \"a-b\""},
      {"receivers: [{name: a}]\nroute: {receiver: a, route: []}",
       "n.yml:2: unknown field \"route\" in route"},
      {"receivers: [{name: a}]\nroute: {receiver: a}\ninhibit_rules: [{equal: ['']}]",
       "n.yml:3: invalid label name \"\" in equal list"},
      {"receivers: [{name: a}]\nroute: {receiver: a}\ntime_intervals:\n- {name: t}\n- {name: t}",
       "n.yml:5: time_intervals: time interval \"t\" is not unique"},
  };
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.text);
    EXPECT_EQ(problems_of(one.text), one.problem);
  }
}

TEST(NotifyConfig, NamesWhatIsWrongInReceivers) {
  constexpr std::string_view kRoute = "route: {receiver: a}\nreceivers:\n";
  constexpr Case kCases[] = {
      {"- {name: a}\n- {}", "n.yml:4: receivers: missing name in receiver"},
      {"- {name: a}\n- {name: a}", "n.yml:4: receivers: notification config name \"a\" is not unique"},
      {"- {name: a, pagerduty_configs: [{service_key: x}]}",
       "n.yml:3: pagerduty_configs is not supported here: use webhook_configs"},
      {"- {name: a, webhook_configs: [{}]}",
       "n.yml:3: webhook_configs: one of url or url_file must be configured"},
      {"- {name: a, webhook_configs: [{url: 'http://h', url_file: f}]}",
       "n.yml:3: webhook_configs: at most one of url & url_file must be configured"},
      {"- {name: a, webhook_configs: [{url: 'ftp://secret/x'}]}",
       "n.yml:3: webhook_configs: url: unsupported scheme \"ftp\" for URL: expected http or https"},
      {"- {name: a, webhook_configs: [{url: 'http:///x'}]}",
       "n.yml:3: webhook_configs: url: missing host for URL"},
      {"- {name: a, webhook_configs: [{url: 'http://h', http_config: {oauth2: {client_id: x}}}]}",
       "n.yml:3: oauth2 is not supported here: use authorization with a token that is renewed in "
       "credentials_file"},
      {"- {name: a, webhook_configs: [{url: 'http://h', http_config: {basic_auth: {username: u}, "
       "bearer_token: "
       "t}}]}",
       "n.yml:3: http_config: at most one of basic_auth, authorization & bearer_token must be configured"},
      {"- {name: a, webhook_configs: [{url: 'http://h', http_config: {tls_config: {cert_file: c}}}]}",
       "n.yml:3: tls_config: cert_file and key_file must be given together"},
      {"- {name: a, webhook_configs: [{url: 'http://h', signature: {}}]}",
       "n.yml:3: signature: one of secret and secret_file must be configured"},
      {"- {name: a, webhook_configs: [{url: 'http://h', signature: {secret: s, header: 'a: b'}}]}",
       "n.yml:3: signature: header: \"a: b\" is not the name of a header"},
      {"- {name: a, slack_configs: [{channel: c}]}",
       "n.yml:3: slack_configs: no Slack API URL nor App token set either inline or in a file"},
      {"- {name: a, slack_configs: [{api_url: 'http://h', fields: [{title: t}]}]}",
       "n.yml:3: fields: missing value in Slack field configuration"},
      {"- {name: a, slack_configs: [{api_url: 'http://h', app_token: t}]}",
       "n.yml:3: slack_configs: at most one of api_url/api_url_file & app_token/app_token_file must be "
       "configured"},
      {"- {name: a, email_configs: [{smarthost: 'h:25', from: f}]}",
       "n.yml:3: email_configs: missing to address in email config"},
      {"- {name: a, email_configs: [{to: t, from: f}]}",
       "n.yml:3: email_configs: no global SMTP smarthost set"},
      {"- {name: a, email_configs: [{to: t, from: f, smarthost: mail}]}",
       "n.yml:3: email_configs: smarthost: address mail: missing port in address"},
      {"- {name: a, email_configs: [{to: t, from: f, smarthost: 'm:25', headers: {subject: a, Subject: b}}]}",
       "n.yml:3: email_configs: duplicate header \"Subject\" in email config"},
      {"- {name: a, email_configs: [{to: t, from: f, smarthost: 'm:25', auth_secret: x}]}",
       "n.yml:3: auth_secret is not supported here: use auth_password, which serves for CRAM-MD5 as well"},
      {"- {name: a, webhook_config: []}", "n.yml:3: unknown field \"webhook_config\" in receivers"},
  };
  for (const Case& one : kCases) {
    SCOPED_TRACE(one.text);
    EXPECT_EQ(problems_of(std::string(kRoute) + std::string(one.text)), one.problem);
  }
}

TEST(NotifyConfig, IsASectionOfTheConfiguration) {
  const auto good = yaml::parse("notifications: {route: {receiver: a}, receivers: [{name: a}]}", "c.yml");
  const auto bad = yaml::parse("\nnotifications: {route: {receiver: b}, receivers: [{name: a}]}", "c.yml");
  const auto none = yaml::parse("notifications:\nglobal: {}", "c.yml");

  const auto config = alerting::parse_alerting_config(*good, "c.yml", "/etc");
  ASSERT_TRUE(config) << config.status().message();
  EXPECT_EQ(config->notifications->route.receiver, "a");
  EXPECT_EQ(alerting::parse_alerting_config(*bad, "c.yml", "/etc").status().message(),
            "c.yml:2: undefined receiver \"b\" used in route");
  EXPECT_FALSE(alerting::parse_alerting_config(*none, "c.yml", "/etc")->notifications);
}

}  // namespace
}  // namespace silverback::notify
