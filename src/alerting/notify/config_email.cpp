// email_configs.
#include <algorithm>
#include <utility>

#include "alerting/notify/config_parts.h"
#include "query/promql/text.h"

namespace silverback::notify {
namespace {

using query::promql::quote;

bool is_token_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

// content-type is Content-Type, so that one header is not given twice.
std::string canonical(std::string_view name) {
  std::string out(name);
  bool first = true;
  for (char& c : out) {
    if (first && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!first && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    first = c == '-';
  }
  return out;
}

void read_headers(yaml::Fields& fields, EmailSpec& out) {
  TextPairs given;
  fields.text_map("headers", given);
  const auto has = [&](std::string_view name) {
    return std::ranges::find(out.headers, name, [](const auto& one) -> std::string_view {
             return one.first;
           }) != out.headers.end();
  };
  for (auto& [name, value] : given) {
    std::string canon = canonical(name);
    if (canon.empty() || !std::ranges::all_of(canon, is_token_byte)) {
      fields.problem("headers: " + quote(name) + " is not the name of a header");
      continue;
    }
    if (has(canon)) {
      fields.problem("duplicate header " + quote(canon) + " in email config");
      continue;
    }
    out.headers.emplace_back(std::move(canon), std::move(value));
  }
  if (!has("Subject")) out.headers.emplace_back("Subject", R"({{ template "email.default.subject" . }})");
  if (!has("To")) out.headers.emplace_back("To", out.to);
  if (!has("From")) out.headers.emplace_back("From", out.from);
  std::ranges::sort(out.headers);
}

// host:port, with the host of IPv6 in brackets. Empty, or what is wrong.
std::string wrong_host_port(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == address.npos) return "address " + address + ": missing port in address";
  if (colon + 1 == address.size()) return "address " + quote(address) + ": port cannot be empty";
  const std::string_view host = std::string_view(address).substr(0, colon);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (!brackets && host.find_first_of(":[]") != host.npos) {
    return "address " + address + ": too many colons in address";
  }
  return {};
}

}  // namespace

EmailSpec default_email() {
  EmailSpec out;
  out.html = R"({{ template "email.default.html" . }})";
  return out;
}

void read_mail_server(yaml::Fields& fields, std::string_view prefix, const Reading& reading, EmailSpec& out) {
  const std::string start(prefix);
  // An empty text is none: the global one stays.
  const auto text = [&](const std::string& name, std::string& into) {
    std::string value;
    if (fields.text(start + name, value) && !value.empty()) into = std::move(value);
  };
  text("from", out.from);
  text("hello", out.hello);
  text("smarthost", out.smarthost);
  text("auth_username", out.auth_username);
  text("auth_identity", out.auth_identity);
  std::string password;
  std::string password_file;
  fields.text(start + "auth_password", password);
  fields.text(start + "auth_password_file", password_file);
  at_most_one(fields, start + "auth_password", start + "auth_password_file");
  if (!password.empty() || !password_file.empty()) {
    out.auth_password = std::move(password);
    out.auth_password_file = alerting::from_folder(reading.folder, password_file);
  }
  for (const std::string& name : {start + "auth_secret", start + "auth_secret_file"}) {
    refuse(fields, name, "use " + start + "auth_password, which serves for CRAM-MD5 as well", reading);
  }
  fields.boolean(start + "require_tls", out.require_tls);
  if (!out.smarthost.empty()) {
    if (const std::string why = wrong_host_port(out.smarthost); !why.empty()) {
      fields.problem(start + "smarthost: " + why);
    }
  }
  // By the port, as Alertmanager does it, too, when it is not told otherwise.
  bool implicit = out.smarthost.ends_with(":465");
  const bool by_port = implicit;
  if (fields.boolean(start + "force_implicit_tls", implicit) && implicit != by_port) {
    fields.problem(start + "force_implicit_tls: TLS from the first byte is for port 465, and only there");
  }
  alerting::TlsFiles tls;
  if (read_tls_config(fields, start + "tls_config", reading.folder, reading.problems, tls)) {
    out.ca_file = std::move(tls.ca_file);
    out.cert_file = std::move(tls.cert_file);
    out.key_file = std::move(tls.key_file);
    out.insecure_skip_verify = tls.insecure_skip_verify;
  }
}

IntegrationSpec read_email(const yaml::Node& node, const Globals& globals, const Reading& reading) {
  IntegrationSpec integration;
  integration.send_resolved = false;
  EmailSpec out = globals.email;
  yaml::Fields fields(node, "email_configs", reading.problems);
  fields.boolean("send_resolved", integration.send_resolved);
  fields.text("to", out.to);
  read_mail_server(fields, "", reading, out);
  fields.text("html", out.html);
  fields.text("text", out.text);
  read_headers(fields, out);
  if (const yaml::Node* threading = fields.any("threading")) {
    if (const yaml::Node* enabled = threading->find("enabled");
        enabled != nullptr && enabled->text != "false") {
      reading.problems.add(*enabled, "threading is not supported here");
    }
  }
  fields.done();
  if (out.to.empty()) fields.problem("missing to address in email config");
  if (out.smarthost.empty()) fields.problem("no global SMTP smarthost set");
  if (out.from.empty()) fields.problem("no global SMTP from set");
  integration.what = std::move(out);
  return integration;
}

}  // namespace silverback::notify
