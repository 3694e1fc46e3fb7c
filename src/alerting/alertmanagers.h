// Alertmanagers: alerts posted to `/api/v2/alerts` of each configured Alertmanager, as Prometheus does it.
//
// One queue and one thread per Alertmanager, so that one that is slow or down holds up no other. A queue
// holds 10,000 alerts; beyond, the oldest go and are counted, and so do those of a request that failed: an
// alert that still fires comes again after the resend delay, one that is over comes for 15 minutes. Source:
// https://prometheus.io/docs/alerting/latest/clients/
//
// Threads: any.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "alerting/alert_sink.h"
#include "alerting/http_client.h"
#include "alerting/relabel.h"
#include "alerting/told_labels.h"
#include "base/metrics.h"
#include "base/mutex.h"

namespace silverback::alerting {

struct AlertmanagerTarget {
  std::string url;  // "http://127.0.0.1:9093/api/v2/alerts"
  std::int64_t timeout_ms = 10'000;
  HttpSettings http;
  std::vector<RelabelRule> alert_relabel;  // for this one alone
  friend bool operator==(const AlertmanagerTarget&, const AlertmanagerTarget&) = default;
};

class Alertmanagers {
 public:
  /// @param labels  under which alerts are told
  /// @param external_url  before "/graph?g0.expr=..." in generatorURL
  Alertmanagers(std::vector<AlertmanagerTarget> targets, std::shared_ptr<const ToldLabels> labels,
                std::string external_url);
  /// Sends what waits, for at most five seconds.
  ~Alertmanagers();
  Alertmanagers(const Alertmanagers&) = delete;
  Alertmanagers& operator=(const Alertmanagers&) = delete;

  /// Queues those that are due.
  void post(std::span<const AlertEvent> events);

  std::vector<std::string> urls() const;

 private:
  class Sender;
  struct Told;

  // Fixed after construction.
  const std::shared_ptr<const ToldLabels> labels_;
  const std::string external_url_;
  std::vector<std::unique_ptr<Sender>> senders_;
};

/// An alert as the API takes it: {"labels":{...},"annotations":{...},"startsAt":...}.
std::string alert_json(const Alert& alert, const Labels& labels, std::string_view generator_url);

}  // namespace silverback::alerting
