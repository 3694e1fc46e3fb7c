// ApiContext: everything the HTTP handlers lean on, introduced to them once by `server`.
//
// Invariants: what the references name outlives the HttpServer; the struct itself is copied in and
// never changes. Threads: the callbacks are called from any worker thread, several at once.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/status.h"
#include "ingest/write.h"
#include "model/admin.h"
#include "model/appender.h"
#include "model/querier.h"

namespace silverback::alerting {
class Alerting;
struct ReplayJob;
struct ReplayLimits;
struct ReplayReport;
}  // namespace silverback::alerting
namespace silverback::kafka {
class Kafka;
}
namespace silverback::query {
class Engine;
}

namespace silverback::api {

struct BuildInfo {
  std::string version;   // our own: "0.1.0"
  std::string revision;  // git commit, empty when unknown
  std::string branch;
  std::string build_date;  // RFC 3339, empty when unknown
  std::string compiler;
};

struct ConfigState {
  bool last_reload_ok = true;
  std::int64_t loaded_at_ns = 0;  // the configuration in force
};

struct ApiContext {
  Appender& appender;
  Queryable& queryable;
  MetadataStore& metadata;
  Catalog& catalog;
  StorageAdmin& storage;
  query::Engine& engine;
  Metrics& metrics;
  const Clock& clock;

  ingest::WriteLimits write_limits{};
  bool create_databases = true;  // a line-protocol write to an unknown database creates it

  BuildInfo build;
  std::vector<std::pair<std::string, std::string>> flags;  // as in force, without secrets
  std::string storage_retention;                           // "15d", or empty for "keep everything"
  std::int64_t start_time_ns = 0;
  std::function<std::string()> config_yaml;               // as in force, without secrets
  std::function<ConfigState()> config_state{};            // empty: as loaded at the start
  std::function<const alerting::Alerting*()> alerting{};  // gives null while the store is not open
  /// Empty, or gives null, without a section `kafka` and while the store is not open.
  std::function<kafka::Kafka*()> kafka{};
  /// Of rules over the store; empty: there is none. @returns Unavailable while another one runs
  std::function<Result<alerting::ReplayReport>(alerting::ReplayJob, const alerting::ReplayLimits&,
                                               std::stop_token)>
      replay{};
  std::function<Status()> reload;  // empty: /-/reload is switched off and says so
};

}  // namespace silverback::api
