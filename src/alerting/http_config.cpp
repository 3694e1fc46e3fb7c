#include "alerting/http_config.h"

#include <algorithm>
#include <utility>

#include "query/promql/text.h"

namespace silverback::alerting {
namespace {

void refuse(yaml::Fields& fields, yaml::Problems& problems, std::string_view name, std::string_view remedy) {
  if (const yaml::Node* node = fields.any(name);
      node != nullptr && node->kind != yaml::Node::Kind::Null && node->text != "false") {
    problems.add(*node, std::string(name) + " is not supported here" + std::string(remedy));
  }
}

bool both(const std::string& a, const std::string& b) { return !a.empty() && !b.empty(); }

void read_basic_auth(const yaml::Node& node, yaml::Problems& problems, HttpSettings& out) {
  yaml::Fields basic(node, "basic_auth", problems);
  basic.text("username", out.username, yaml::Need::Required);
  basic.text("password", out.password);
  basic.text("password_file", out.password_file);
  refuse(basic, problems, "username_file", ": use username");
  basic.done();
  if (both(out.password, out.password_file)) {
    basic.problem("at most one of password & password_file must be configured");
  }
}

void read_authorization(const yaml::Node& node, yaml::Problems& problems, HttpSettings& out) {
  yaml::Fields header(node, "authorization", problems);
  header.text("type", out.authorization_type);
  header.text("credentials", out.credentials);
  header.text("credentials_file", out.credentials_file);
  header.done();
  if (both(out.credentials, out.credentials_file)) {
    header.problem("at most one of credentials & credentials_file must be configured");
  }
  std::string type = out.authorization_type;
  std::ranges::transform(type, type.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  if (type == "basic") header.problem("type cannot be set to \"basic\", use \"basic_auth\" instead");
  if (out.authorization_type.empty()) out.authorization_type = "Bearer";
}

}  // namespace

std::string from_folder(std::string_view folder, const std::string& path) {
  if (path.empty() || path.starts_with('/') || folder.empty()) return path;
  return std::string(folder) + "/" + path;
}

bool read_tls_config(yaml::Fields& fields, std::string_view name, std::string_view folder,
                     yaml::Problems& problems, TlsFiles& out) {
  const yaml::Node* node = fields.map(name);
  if (node == nullptr) return false;
  out = {};
  yaml::Fields tls(*node, std::string(name), problems);
  tls.text("ca_file", out.ca_file);
  tls.text("cert_file", out.cert_file);
  tls.text("key_file", out.key_file);
  tls.boolean("insecure_skip_verify", out.insecure_skip_verify);
  for (const std::string_view text : {"ca", "cert", "key"}) {
    refuse(tls, problems, text, ": put it into a file and name that in " + std::string(text) + "_file");
  }
  for (const std::string_view field : {"ca_ref", "cert_ref", "key_ref", "max_version"}) {
    refuse(tls, problems, field, "");
  }
  refuse(tls, problems, "server_name", ": write the name of the certificate into the URL");
  std::string version = "TLS12";
  if (tls.text("min_version", version) && version != "TLS12") {
    tls.problem("min_version: only TLS12 is supported here");
  }
  tls.done();
  if (out.cert_file.empty() != out.key_file.empty()) {
    tls.problem("cert_file and key_file must be given together");
  }
  for (std::string* path : {&out.ca_file, &out.cert_file, &out.key_file}) *path = from_folder(folder, *path);
  return true;
}

void read_http_fields(yaml::Fields& fields, std::string_view folder, yaml::Problems& problems,
                      HttpSettings& out) {
  int ways = 0;
  if (const yaml::Node* node = fields.map("basic_auth")) {
    ++ways;
    read_basic_auth(*node, problems, out);
  }
  if (const yaml::Node* node = fields.map("authorization")) {
    ++ways;
    read_authorization(*node, problems, out);
  }
  const bool token = fields.text("bearer_token", out.credentials);
  const bool token_file = fields.text("bearer_token_file", out.credentials_file);
  if (token && token_file) {
    fields.problem("at most one of bearer_token & bearer_token_file must be configured");
  }
  ways += token || token_file;
  if (ways > 1) fields.problem("at most one of basic_auth, authorization & bearer_token must be configured");
  refuse(fields, problems, "oauth2", ": use authorization with a token that is renewed in credentials_file");
  for (const std::string_view name : {"no_proxy", "proxy_from_environment", "proxy_connect_header"}) {
    refuse(fields, problems, name, ": use proxy_url where a proxy is wanted");
  }
  refuse(fields, problems, "http_headers", ": use authorization for credentials");
  TlsFiles tls;
  if (read_tls_config(fields, "tls_config", folder, problems, tls)) {
    out.ca_file = std::move(tls.ca_file);
    out.cert_file = std::move(tls.cert_file);
    out.key_file = std::move(tls.key_file);
    out.insecure_skip_verify = tls.insecure_skip_verify;
  }
  if (fields.text("proxy_url", out.proxy_url) && !out.proxy_url.empty()) {
    const std::size_t scheme = out.proxy_url.find("://");
    if (scheme == out.proxy_url.npos) fields.problem("proxy_url: expected scheme://host:port");
  }
  fields.boolean("follow_redirects", out.follow_redirects);
  bool http2 = true;  // what is spoken is agreed with the other side
  fields.boolean("enable_http2", http2);
  out.password_file = from_folder(folder, out.password_file);
  out.credentials_file = from_folder(folder, out.credentials_file);
}

void read_http_config(yaml::Fields& fields, std::string_view folder, yaml::Problems& problems,
                      HttpSettings& out) {
  const yaml::Node* node = fields.map("http_config");
  if (node == nullptr) return;
  out = {};
  yaml::Fields http(*node, "http_config", problems);
  read_http_fields(http, folder, problems, out);
  http.done();
}

std::string wrong_url(std::string_view url) {
  const std::size_t colon = url.find("://");
  const std::string scheme(colon == url.npos ? "" : url.substr(0, std::min<std::size_t>(colon, 20)));
  if (scheme != "http" && scheme != "https") {
    return "unsupported scheme " + query::promql::quote(scheme) + " for URL: expected http or https";
  }
  std::string_view host = url.substr(colon + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const std::size_t at = host.rfind('@'); at != host.npos) host.remove_prefix(at + 1);
  if (host.empty() || host.starts_with(':')) return "missing host for URL";
  const auto odd = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  if (std::ranges::any_of(url, odd)) return "a URL cannot hold spaces or control characters";
  return {};
}

}  // namespace silverback::alerting
