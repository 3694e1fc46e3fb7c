// Server: the rooms, introduced to one another, started bottom up and stopped top down.
//
//   Server server(settings, sources);
//   if (Status up = server.listen(); !up.ok()) ...        // from here on /-/ready answers 503
//   if (Status opened = server.open_store(); !opened.ok()) ...   // replays the log; may take seconds
//   ...
//   server.stop();                                        // nothing acknowledged is lost
//
// Threads: listen(), open_store() and stop() one after another, from any thread; reload() any, at any time.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "alerting/alerting.h"
#include "alerting/replay.h"
#include "api/http_server.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/status.h"
#include "kafka/kafka.h"
#include "query/engine.h"
#include "server/configuration.h"
#include "server/self_scrape.h"
#include "server/settings.h"
#include "server/store_door.h"
#include "storage/state_db.h"
#include "storage/tsdb.h"

namespace silverback::server {

class Server {
 public:
  Server(Settings settings, Sources sources);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// @returns Unavailable when the port is taken, with the address
  Status listen();
  /// @returns what Tsdb::open() says, with the directory
  Status open_store();
  /// Idempotent; the destructor calls it.
  void stop();

  /// Reads the file again. What can change at once does, what needs a restart is logged.
  /// @returns InvalidArgument when the file is not right: everything stays as it was
  Status reload() EXCLUDES(mutex_);

  /// Reads and writes are served; open_store() may still be about to return.
  bool is_open() const { return store_.is_open(); }
  std::uint16_t port() const { return http_->port(); }
  std::chrono::milliseconds shutdown_timeout() const EXCLUDES(mutex_);

 private:
  api::ApiContext api_context();
  void register_metrics();
  Result<alerting::ReplayReport> replay(alerting::ReplayJob job, const alerting::ReplayLimits& limits,
                                        const std::stop_token& cancel);
  Status open_states() REQUIRES(mutex_);  // and Kafka, which has dead letters in them
  Status configure_alerting(const alerting::AlertingConfig& config, bool has_producer) REQUIRES(mutex_);
  Status open_producer(const kafka::KafkaConfig& config) REQUIRES(mutex_);
  Status configure_kafka(const kafka::KafkaConfig& config) REQUIRES(mutex_);

  // Fixed after construction.
  const Settings settings_;  // as started
  const Sources sources_;
  const SystemClock clock_;

  mutable Mutex mutex_;  // held for a whole reload: two do not mix
  Settings in_force_ GUARDED_BY(mutex_);

  // Bottom first, so that destruction goes from the top.
  StoreDoor store_;
  std::unique_ptr<storage::Tsdb> tsdb_;
  query::Engine engine_;
  query::Engine rule_engine_;  // so that dashboards do not hold up rules
  std::unique_ptr<storage::StateDb> states_;
  std::unique_ptr<kafka::Kafka> kafka_;
  std::atomic<kafka::Kafka*> open_kafka_{nullptr};  // as open_alerting_
  std::unique_ptr<alerting::Alerting> alerting_;
  std::atomic<alerting::Alerting*> open_alerting_{nullptr};  // what the API sees; set once it is configured
  std::atomic<bool> replaying_{false};                       // one at a time
  std::vector<Metrics::Handle> metrics_;
  std::unique_ptr<api::HttpServer> http_;
  Mutex self_scrape_mutex_;  // a reload may come while the store is opened or closed
  std::unique_ptr<SelfScrape> self_scrape_ GUARDED_BY(self_scrape_mutex_);
};

}  // namespace silverback::server
