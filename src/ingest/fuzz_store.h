// What the fuzz targets write into: it asks for the labels of every run, and checks what it is given.
#pragma once

#include <cstdlib>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/utf8.h"
#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

class FuzzStore final : public Appender, public MetadataStore, public Catalog {
 public:
  Result<AppendOutcome> append_with(Tenant, const Batch& batch, SeriesResolver& resolver,
                                    const AppendExtras& extras) override {
    AppendOutcome outcome;
    if (batch.bits.size() != batch.times_ns.size()) std::abort();
    std::uint32_t next = 0;
    for (std::uint32_t run = 0; run < batch.runs.size(); ++run) {
      const SeriesRun& r = batch.runs[run];
      if (r.first != next || r.count == 0) std::abort();  // runs follow each other without gaps
      next += r.count;
      auto made = resolver.resolve(run);
      if (!made) {
        outcome.refused.push_back({run, r.count, made.status()});
        continue;
      }
      check(made->labels);
      if (made->type == ValueType::String) {
        if ((batch.bits[r.first] >> 32) > batch.strings.size()) std::abort();
        if (!valid_utf8(batch.string_at(r.first))) std::abort();
      }
      seen.push_back({std::move(*made), {r.key.lo ^ extras.key_salt, r.key.hi}});
      outcome.stored += r.count;
    }
    if (next != batch.bits.size()) std::abort();
    return outcome;
  }
  Status put(Tenant, std::vector<Metadata> entries) override {
    for (const Metadata& entry : entries) {
      if (entry.metric.empty() || !valid_utf8(entry.metric) || !valid_utf8(entry.help)) std::abort();
    }
    return {};
  }
  std::vector<Metadata> get(Tenant, std::string_view, std::size_t) const override { return {}; }
  bool has_database(Tenant, std::string_view) const override { return true; }
  Status create_database(Tenant, std::string_view) override { return {}; }
  std::vector<std::string> databases(Tenant) const override { return {}; }

  struct Seen {
    NewSeries series;
    Hash128 key;
  };
  std::vector<Seen> seen;

 private:
  static void check(const Labels& labels) {
    if (labels.get(kMetricName).empty()) std::abort();
    const auto again = Labels::from_bytes(std::string(labels.bytes()));
    if (!again) std::abort();
    for (const LabelView& label : labels) {
      if (!valid_utf8(label.name) || !valid_utf8(label.value)) std::abort();
    }
  }
};

/// Counts agree with each other, and the texts can be put into an answer.
inline void check(const WriteReport& report) {
  if (report.complete() != report.message.empty()) std::abort();
  if (!valid_utf8(report.message)) std::abort();
  if (report.problems.size() > report.problem_count) std::abort();
  for (const WriteProblem& problem : report.problems) {
    if (!valid_utf8(problem.text)) std::abort();
  }
}

struct FuzzWorld {
  FuzzStore store;
  ManualClock clock{1'700'000'000'000'000'000};
  WriteTargets targets{store, store, store, clock};
};

}  // namespace silverback::ingest
