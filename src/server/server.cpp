#include "server/server.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/duration.h"
#include "base/log.h"
#include "server/alerting_setup.h"
#include "server/kafka_setup.h"
#include "server/listen_address.h"
#include "server/options.h"
#include "server/process.h"
#include "server/version.h"

namespace silverback::server {
namespace {

Gauge& reload_successful() {
  static Gauge& gauge = metrics().gauge("prometheus_config_last_reload_successful",
                                        "Whether the last attempt to load the configuration succeeded.");
  return gauge;
}
Gauge& reload_time() {
  static Gauge& gauge = metrics().gauge("prometheus_config_last_reload_success_timestamp_seconds",
                                        "When the configuration was last loaded with success, Unix time.");
  return gauge;
}

double unix_seconds(const Clock& clock) { return static_cast<double>(clock.now_ns() / kNsPerMs) / 1e3; }

}  // namespace

Server::Server(Settings settings, Sources sources)
    : settings_(std::move(settings)),
      sources_(std::move(sources)),
      in_force_(settings_),
      engine_(store_, engine_options(settings_)),
      rule_engine_(store_, rule_engine_options(settings_)) {
  reload_successful().set(1);
  reload_time().set(unix_seconds(clock_));
  register_metrics();
}

Server::~Server() { stop(); }

void Server::register_metrics() {
  metrics_ = register_process_metrics(metrics());
  const auto add = [this](std::string_view name, std::string_view help, MetricLabels labels,
                          std::function<double()> read) {
    metrics_.push_back(metrics().callback(MetricType::Gauge, name, help, std::move(labels), std::move(read)));
  };
  const api::BuildInfo build = build_info();
  const MetricLabels labels = {{"version", build.version},
                               {"revision", build.revision},
                               {"branch", build.branch},
                               {"compiler", build.compiler}};
  add("silverback_build_info", "Which build this is; always 1.", labels, [] { return 1.0; });
  add("prometheus_build_info", "Which build this is, under the name that dashboards look for; always 1.",
      labels, [] { return 1.0; });
  add("prometheus_ready", "Whether queries and writes are taken.", {},
      [this] { return store_.is_open() ? 1.0 : 0.0; });
  add("silverback_storage_writable", "Whether the store can take writes: 0 while its disk is full or fails.",
      {}, [this] { return store_.writable().ok() ? 1.0 : 0.0; });
  const auto space = [path = settings_.storage_path](std::uintmax_t std::filesystem::space_info::*figure) {
    std::error_code missing;
    const auto info = std::filesystem::space(path, missing);
    return missing ? 0.0 : static_cast<double>(info.*figure);
  };
  add("silverback_storage_disk_free_bytes", "Free space of the disk that holds the store.", {},
      [space] { return space(&std::filesystem::space_info::available); });
  add("silverback_storage_disk_size_bytes", "Size of the disk that holds the store.", {},
      [space] { return space(&std::filesystem::space_info::capacity); });
  add("silverback_process_memory_limit_bytes",
      "Memory that this process may use: the machine's, or its control group's when that is less.", {},
      [limit = static_cast<double>(machine_memory())] { return limit; });
}

api::ApiContext Server::api_context() {
  api::ApiContext context{
      .appender = store_,
      .queryable = store_,
      .metadata = store_,
      .catalog = store_,
      .storage = store_,
      .engine = engine_,
      .metrics = metrics(),
      .clock = clock_,
      .write_limits = write_limits(settings_),
      .create_databases = settings_.create_databases,
      .build = build_info(),
      .flags = {},
      .storage_retention = {},
      .start_time_ns = clock_.now_ns(),
      .config_yaml =
          [this] {
            const MutexLock lock(mutex_);
            return to_yaml(in_force_);
          },
      .config_state =
          [] {
            return api::ConfigState{
                .last_reload_ok = reload_successful().value() != 0,
                .loaded_at_ns = static_cast<std::int64_t>(reload_time().value() * 1e3) * kNsPerMs};
          },
      .alerting = [this] { return open_alerting_.load(std::memory_order_acquire); },
      .kafka = [this] { return open_kafka_.load(std::memory_order_acquire); },
      .replay = [this](alerting::ReplayJob job, const alerting::ReplayLimits& limits,
                       const std::stop_token& cancel) { return replay(std::move(job), limits, cancel); },
      .reload = {}};
  for (const Setting& setting : all_settings()) {
    context.flags.emplace_back(std::string(setting.name), text_of(settings_, setting));
  }
  if (settings_.retention.count() != 0)
    context.storage_retention = format_duration_ms(settings_.retention.count());
  if (settings_.enable_lifecycle) context.reload = [this] { return reload(); };
  return context;
}

Status Server::listen() {
  auto http = api::HttpServer::start(http_options(settings_), api_context());
  if (!http) return http.status();
  http_ = std::move(*http);
  log(LogLevel::Info, "listening", {{"address", settings_.listen_address}, {"port", port()}});
  return {};
}

Status Server::open_store() {
  log(LogLevel::Info, "opening the store", {{"path", settings_.storage_path}});
  const std::int64_t begin_ns = clock_.now_ns();
  auto tsdb = storage::Tsdb::open(tsdb_options(settings_), clock_);
  if (!tsdb) return tsdb.status().in(settings_.storage_path);
  {
    const MutexLock lock(mutex_);  // a reload may come meanwhile
    tsdb_ = std::move(*tsdb);
    const auto config = load_alerting(in_force_, port());
    if (!config) return config.status();
    const auto topics = load_kafka(in_force_.config_file);
    if (!topics) return topics.status();
    if (Status opened = open_producer(*topics); !opened.ok()) return opened;
    if (Status configured = configure_alerting(*config, topics->has_producer()); !configured.ok())
      return configured;
    store_.open(*tsdb_);
    if (Status configured = configure_kafka(*topics); !configured.ok()) return configured;
  }

  auto address = parse_listen_address(settings_.listen_address);
  const std::string host = address && !address->host.empty() ? address->host : "localhost";
  {
    const MutexLock lock(mutex_);
    const MutexLock scrape_lock(self_scrape_mutex_);
    self_scrape_ =
        std::make_unique<SelfScrape>(ingest::WriteTargets{store_, store_, store_, clock_}, metrics(),
                                     host + ":" + std::to_string(port()), in_force_.self_scrape_interval);
  }
  const auto stats = store_.stats(0);
  log(LogLevel::Info, "ready",
      {{"series", stats.total_series},
       {"took", format_duration_ms((clock_.now_ns() - begin_ns) / kNsPerMs)}});
  return {};
}

// With the settings of the rules that run here, and on their grid when they come from the file of that name.
Result<alerting::ReplayReport> Server::replay(alerting::ReplayJob job, const alerting::ReplayLimits& limits,
                                              const std::stop_token& cancel) {
  if (replaying_.exchange(true))
    return Status(Code::Unavailable, "another replay is running; try again when it is done");
  const auto over = [](std::atomic<bool>* flag) { flag->store(false); };
  const std::unique_ptr<std::atomic<bool>, decltype(over)> running(&replaying_, over);
  if (const alerting::Alerting* alerting = open_alerting_.load(std::memory_order_acquire)) {
    job.settings = alerting->rule_settings();
    const auto name = std::filesystem::path(job.file).filename();
    for (const auto& group : alerting->groups()) {
      if (std::filesystem::path(group->file()).filename() == name) job.file = group->file();
    }
  }
  constexpr std::uint64_t kMostBytes = 256ULL << 20;
  query::EngineOptions options = rule_engine_options(settings_);
  options.max_total_bytes = std::min(options.max_total_bytes, kMostBytes);
  return alerting::replay(store_, &store_, std::move(options), job, limits, cancel);
}

Status Server::open_states() {
  if (states_ != nullptr) return {};
  auto states = storage::StateDb::open(settings_.storage_path + "/state");
  if (!states) return states.status();
  const ingest::WriteTargets targets{store_, store_, store_, clock_};
  auto kafka = std::make_unique<kafka::Kafka>(
      kafka::KafkaTargets{{targets, write_limits(settings_), settings_.create_databases}, store_, **states});
  if (Status opened = kafka->open(); !opened.ok()) return opened;
  states_ = std::move(*states);
  kafka_ = std::move(kafka);
  return {};
}

// Rules and notifications need a store for their states; a server that never had any does without.
Status Server::configure_alerting(const alerting::AlertingConfig& config, bool has_producer) {
  if (alerting_ == nullptr) {
    if (config.rule_files.empty() && !config.notifications &&
        !std::filesystem::exists(settings_.storage_path + "/state"))
      return {};
    if (Status opened = open_states(); !opened.ok()) return opened;
    alerting_ = std::make_unique<alerting::Alerting>(rule_engine_, store_, *states_, clock_);
  }
  if (Status configured = alerting_->configure(config, has_producer ? &kafka_->sink() : nullptr);
      !configured.ok())
    return configured;
  open_alerting_.store(alerting_.get(), std::memory_order_release);
  return {};
}

// Dead letters may be there from before, also when nothing is consumed any more.
Status Server::configure_kafka(const kafka::KafkaConfig& config) {
  if (config == kafka::KafkaConfig() && states_ == nullptr) return {};
  if (Status opened = open_states(); !opened.ok()) return opened;
  Status configured = kafka_->configure(config);
  open_kafka_.store(kafka_.get(), std::memory_order_release);  // also of what could be configured
  return configured;
}

// A first one is there before rules that send through it. (Rules may still be refused; then it is idle.)
Status Server::open_producer(const kafka::KafkaConfig& config) {
  if (!config.has_producer()) return {};
  if (Status opened = open_states(); !opened.ok()) return opened;
  return kafka_->open_producer(config.producer);
}

void Server::stop() {
  if (http_ != nullptr) {
    http_->stop(shutdown_timeout() / 2);
    http_.reset();
  }
  std::unique_ptr<SelfScrape> self_scrape;
  {
    const MutexLock lock(self_scrape_mutex_);
    self_scrape = std::move(self_scrape_);
  }
  self_scrape.reset();
  open_kafka_.store(nullptr, std::memory_order_release);
  open_alerting_.store(nullptr, std::memory_order_release);
  if (kafka_ != nullptr) kafka_->stop_consumers();
  alerting_.reset();
  kafka_.reset();
  states_.reset();
  store_.close();
  tsdb_.reset();
}

Status Server::reload() {
  const MutexLock lock(mutex_);
  const auto refuse = [](const Status& why) {
    reload_successful().set(0);
    log(LogLevel::Error, "configuration not reloaded, the old one stays", {{"err", why.message()}});
    return why;
  };
  auto loaded = load_settings(sources_);
  if (!loaded) return refuse(loaded.status());
  const auto config = load_alerting(*loaded, port());
  if (!config) return refuse(config.status());
  const auto topics = load_kafka(loaded->config_file);
  if (!topics) return refuse(topics.status());
  if (tsdb_ != nullptr) {
    if (const Status producer = open_producer(*topics); !producer.ok()) return refuse(producer);
    const Status alerting = configure_alerting(*config, topics->has_producer());
    if (!alerting.ok()) return refuse(alerting);
    if (const Status configured = configure_kafka(*topics); !configured.ok()) return refuse(configured);
  }
  std::string needs_restart;
  for (const std::string& name : changed_settings(in_force_, *loaded)) {
    const Setting& setting = *find_setting(name);
    if (setting.reloadable) {
      [[maybe_unused]] const Status good = assign(in_force_, setting, text_of(*loaded, setting));
      continue;
    }
    if (!needs_restart.empty()) needs_restart += ", ";
    needs_restart += name;
  }
  configure_log(log_level(in_force_), log_format(in_force_));
  {
    const MutexLock scrape_lock(self_scrape_mutex_);
    if (self_scrape_ != nullptr) self_scrape_->set_interval(in_force_.self_scrape_interval);
  }
  reload_successful().set(1);
  reload_time().set(unix_seconds(clock_));
  log(LogLevel::Info, "configuration reloaded");
  if (!needs_restart.empty())
    log(LogLevel::Warn, "changed settings that need a restart", {{"settings", needs_restart}});
  return {};
}

std::chrono::milliseconds Server::shutdown_timeout() const {
  const MutexLock lock(mutex_);
  return in_force_.shutdown_timeout;
}

}  // namespace silverback::server
