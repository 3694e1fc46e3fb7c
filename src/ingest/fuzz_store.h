// What the fuzz targets write into: it asks for the labels of every run, and checks what it is given.
#pragma once

#include <cstdlib>
#include <map>
#include <string>
#include <tuple>
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
      if (!agrees(*made)) {
        outcome.refused.push_back({run, r.count, {Code::InvalidArgument, "field type conflict"}});
        continue;
      }
      if (made->type == ValueType::String) {
        if ((batch.bits[r.first] >> 32) > batch.strings.size()) std::abort();
        if (!valid_utf8(batch.string_at(r.first))) std::abort();
      }
      std::string samples = samples_of(batch, r, made->type);
      seen.push_back({std::move(*made), {r.key.lo ^ extras.key_salt, r.key.hi}, std::move(samples)});
      outcome.stored += r.count;
    }
    if (next != batch.bits.size()) std::abort();
    if (outcome.refused.empty()) progress += extras.progress.size();
    return outcome;
  }
  Status put(Tenant, std::vector<Metadata> entries) override {
    for (const Metadata& entry : entries) {
      if (entry.metric.empty() || !valid_utf8(entry.metric) || !valid_utf8(entry.help)) std::abort();
    }
    if (remembers) metadata.insert(metadata.end(), entries.begin(), entries.end());
    return {};
  }
  std::vector<Metadata> get(Tenant, std::string_view, std::size_t) const override { return {}; }
  bool has_database(Tenant, std::string_view) const override { return true; }
  Status create_database(Tenant, std::string_view) override { return {}; }
  std::vector<std::string> databases(Tenant) const override { return {}; }
  std::optional<ValueType> field_type(Tenant, std::string_view database, std::string_view measurement,
                                      std::string_view field) const override {
    const auto it = types.find({std::string(database), std::string(measurement), std::string(field)});
    return it == types.end() ? std::nullopt : std::optional(it->second);
  }

  struct Seen {
    NewSeries series;
    Hash128 key;
    std::string samples;  // times and values, as bytes
  };
  std::vector<Seen> seen;
  std::size_t progress = 0;  // positions kept
  bool remembers = false;    // what is below; else a field may have any type
  std::vector<Metadata> metadata;
  std::map<std::tuple<std::string, std::string, std::string>, ValueType> types;

 private:
  bool agrees(const NewSeries& made) {
    if (!remembers || made.measurement.empty()) return true;
    const auto [it, fresh] = types.try_emplace({made.database, made.measurement, made.field}, made.type);
    return fresh || it->second == made.type;
  }
  static std::string samples_of(const Batch& batch, const SeriesRun& run, ValueType type) {
    std::string out;
    for (std::size_t i = run.first; i < run.first + run.count; ++i) {
      out += std::to_string(batch.times_ns[i]) + " ";
      out += type == ValueType::String ? std::string(batch.string_at(i)) : std::to_string(batch.bits[i]);
      out += '\n';
    }
    return out;
  }
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
