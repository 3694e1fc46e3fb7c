// The fields of Prometheus' http_config: who we are and how we get there.
// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#http_config
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "alerting/http_client.h"
#include "base/yaml.h"

namespace silverback::alerting {

/// Relative paths in a configuration begin in its folder.
std::string from_folder(std::string_view folder, const std::string& path);

struct TlsFiles {
  std::string ca_file, cert_file, key_file;
  bool insecure_skip_verify = false;
};
/// The map `name`, when it is there. @returns whether it is
bool read_tls_config(yaml::Fields& fields, std::string_view name, std::string_view folder,
                     yaml::Problems& problems, TlsFiles& out);

/// What is among `fields` of basic_auth, authorization, tls_config, proxy_url and so on; the caller's own
/// fields may stand beside them.
void read_http_fields(yaml::Fields& fields, std::string_view folder, yaml::Problems& problems,
                      HttpSettings& out);

/// The map `http_config`, when it is there: then nothing of what `out` was stays.
void read_http_config(yaml::Fields& fields, std::string_view folder, yaml::Problems& problems,
                      HttpSettings& out);

/// "http://host/path". Empty, or what is wrong with it, without the text: it may be a secret.
std::string wrong_url(std::string_view url);

}  // namespace silverback::alerting
