// States that nobody keeps and alerts of which nobody hears: for rules that are tried out.
//
// Threads: any.
#pragma once

#include "alerting/alert_sink.h"
#include "model/state_store.h"

namespace silverback::alerting {

class NoStates final : public StateStore {
 public:
  Status apply(const StateBatch&) override { return {}; }
  Status scan(std::string_view,
              const std::function<bool(std::string_view, std::string_view)>&) const override {
    return {};
  }
};

class NoSink final : public AlertSink {
 public:
  void prepare(std::span<const AlertEvent>, std::int64_t, StateBatch&) override {}
  void commit(std::span<const AlertEvent>, std::int64_t) override {}
};

}  // namespace silverback::alerting
