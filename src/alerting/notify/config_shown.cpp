// What Alertmanager's API shows of a configuration. Its clients read it with Alertmanager's own strict
// reader, of 0.25 and later, so it has the fields that all of these know, with the values that hold; what is
// ours alone (egress, signatures) and what is secret is left out; receivers that send to Kafka are a comment.
// Where a URL is asked for, http://<secret> is one.
#include <algorithm>
#include <utility>

#include "alerting/notify/config_parts.h"
#include "alerting/notify/yaml_writer.h"

namespace silverback::notify {
namespace {

void write_tls(YamlWriter& out, const std::string& ca, const std::string& cert, const std::string& key,
               bool insecure) {
  if (ca.empty() && cert.empty() && key.empty() && !insecure) return;
  out.map("tls_config", [&] {
    out.text_if("ca_file", ca);
    out.text_if("cert_file", cert);
    out.text_if("key_file", key);
    out.flag("insecure_skip_verify", insecure);
  });
}

// The password in http://user:password@host.
std::string without_password(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == url.npos ? 0 : scheme + 3;
  const std::size_t at = url.rfind('@', url.find('/', begin));
  if (at == url.npos || at < begin) return url;
  const std::size_t colon = url.find(':', begin);
  if (colon > at) return url;
  return url.substr(0, colon + 1) + "%3Csecret%3E" + url.substr(at);
}

void write_http(YamlWriter& out, const HttpSettings& http) {
  if (http == HttpSettings{}) return;
  out.map("http_config", [&] {
    if (!http.username.empty()) {
      out.map("basic_auth", [&] {
        out.text("username", http.username);
        out.secret_if("password", http.password);
        out.text_if("password_file", http.password_file);
      });
    }
    if (!http.credentials.empty() || !http.credentials_file.empty()) {
      out.map("authorization", [&] {
        out.text("type", http.authorization_type);
        out.secret_if("credentials", http.credentials);
        out.text_if("credentials_file", http.credentials_file);
      });
    }
    write_tls(out, http.ca_file, http.cert_file, http.key_file, http.insecure_skip_verify);
    if (!http.proxy_url.empty()) out.text("proxy_url", without_password(http.proxy_url));
    out.flag("follow_redirects", http.follow_redirects);
  });
}

void write(YamlWriter& out, const WebhookSpec& spec) {
  out.text("url", "http://<secret>");
  out.raw("max_alerts", std::to_string(spec.max_alerts));
  write_http(out, spec.http);
}

void write(YamlWriter& out, const SlackSpec& spec) {
  out.secret_if("api_url", spec.api_url);
  out.text_if("api_url_file", spec.api_url_file);
  out.text_if("channel", spec.channel);
  const std::pair<std::string_view, const std::string*> texts[] = {
      {"username", &spec.username},     {"color", &spec.color},       {"title", &spec.title},
      {"title_link", &spec.title_link}, {"pretext", &spec.pretext},   {"text", &spec.text},
      {"footer", &spec.footer},         {"fallback", &spec.fallback}, {"callback_id", &spec.callback_id},
      {"icon_emoji", &spec.icon_emoji}, {"icon_url", &spec.icon_url}, {"image_url", &spec.image_url},
      {"thumb_url", &spec.thumb_url}};
  for (const auto& [name, value] : texts) out.text(name, *value);
  out.flag("short_fields", spec.short_fields);
  out.flag("link_names", spec.link_names);
  if (!spec.mrkdwn_in.empty()) out.texts("mrkdwn_in", spec.mrkdwn_in);
  if (!spec.fields.empty()) {
    out.map("fields", [&] {
      for (const SlackField& field : spec.fields) {
        out.item([&] {
          out.text("title", field.title);
          out.text("value", field.value);
          if (field.is_short) out.flag("short", *field.is_short);
        });
      }
    });
  }
  if (!spec.actions.empty()) {
    out.map("actions", [&] {
      for (const SlackAction& action : spec.actions) {
        out.item([&] {
          out.text("type", action.type);
          out.text("text", action.text);
          out.text_if("url", action.url);
          out.text_if("style", action.style);
          out.text_if("name", action.name);
          out.text_if("value", action.value);
        });
      }
    });
  }
  write_http(out, spec.http);
}

void write(YamlWriter& out, const EmailSpec& spec) {
  out.text("to", spec.to);
  out.text("from", spec.from);
  out.text("hello", spec.hello);
  out.text("smarthost", spec.smarthost);
  out.text_if("auth_username", spec.auth_username);
  out.secret_if("auth_password", spec.auth_password);
  out.text_if("auth_password_file", spec.auth_password_file);
  out.text_if("auth_identity", spec.auth_identity);
  out.map("headers", [&] {
    for (const auto& [name, value] : spec.headers) out.text(yaml_quoted(name), value);
  });
  out.text("html", spec.html);
  out.text("text", spec.text);
  out.flag("require_tls", spec.require_tls);
  write_tls(out, spec.ca_file, spec.cert_file, spec.key_file, spec.insecure_skip_verify);
}

void write(YamlWriter& out, const KafkaSpec& spec) {
  out.text("topic", spec.topic);
  out.text_if("key", spec.key);
  out.raw("max_alerts", std::to_string(spec.max_alerts));
  if (spec.headers.empty()) return;
  out.map("headers", [&] {
    for (const auto& [name, value] : spec.headers) out.text(yaml_quoted(name), value);
  });
}

void write_integrations(YamlWriter& out, const ReceiverSpec& receiver, std::string_view kind) {
  const auto of_kind = [kind](const IntegrationSpec& one) { return one.kind() == kind; };
  if (std::ranges::none_of(receiver.integrations, of_kind)) return;
  out.map(std::string(kind) + "_configs", [&] {
    for (const IntegrationSpec& one : receiver.integrations) {
      if (!of_kind(one)) continue;
      out.item([&] {
        out.flag("send_resolved", one.send_resolved);
        std::visit([&](const auto& spec) { write(out, spec); }, one.what);
      });
    }
  });
}

void write_receiver(YamlWriter& out, const ReceiverSpec& receiver) {
  out.text("name", receiver.name);
  for (const std::string_view kind : {"webhook", "email", "slack"}) write_integrations(out, receiver, kind);
  out.comment([&] { write_integrations(out, receiver, "kafka"); });
}

void write_route(YamlWriter& out, const RouteSpec& route) {
  out.text("receiver", route.receiver);
  out.texts("group_by", route.group_by_all ? std::vector<std::string>{"..."} : route.group_by);
  out.matchers_if("matchers", route.matchers);
  if (!route.mute_time_intervals.empty()) out.texts("mute_time_intervals", route.mute_time_intervals);
  if (!route.active_time_intervals.empty()) out.texts("active_time_intervals", route.active_time_intervals);
  out.flag("continue", route.goes_on);
  out.duration("group_wait", route.group_wait_ms);
  out.duration("group_interval", route.group_interval_ms);
  out.duration("repeat_interval", route.repeat_interval_ms);
  if (route.routes.empty()) return;
  out.map("routes", [&] {
    for (const RouteSpec& child : route.routes) {
      out.item([&] { write_route(out, child); });
    }
  });
}

void write_inhibit_rule(YamlWriter& out, const InhibitRule& rule) {
  out.matchers_if("source_matchers", rule.source);
  out.matchers_if("target_matchers", rule.target);
  out.texts("equal", rule.equal);
}

void write_interval(YamlWriter& out, const std::string& name, const std::vector<TimeInterval>& intervals) {
  out.text("name", name);
  std::string all = "[";
  for (const TimeInterval& one : intervals) all += (all.size() > 1 ? ", " : "") + one.text();
  out.raw("time_intervals", all + "]");
}

template <typename List, typename Body>
void write_list(YamlWriter& out, std::string_view name, const List& list, Body body) {
  if (list.empty()) return;
  out.map(name, [&] {
    for (const auto& one : list) out.item([&] { body(one); });
  });
}

}  // namespace

std::string shown_text(const NotifyConfig& config) {
  YamlWriter out;
  out.map("global", [&] { out.duration("resolve_timeout", config.resolve_timeout_ms); });
  out.map("route", [&] { write_route(out, config.route); });
  write_list(out, "inhibit_rules", config.inhibit_rules,
             [&](const InhibitRule& rule) { write_inhibit_rule(out, rule); });
  write_list(out, "receivers", config.receivers,
             [&](const ReceiverSpec& receiver) { write_receiver(out, receiver); });
  out.texts("templates", config.templates);
  write_list(out, "time_intervals", config.time_intervals,
             [&](const auto& one) { write_interval(out, one.first, one.second); });
  return out.take();
}

}  // namespace silverback::notify
