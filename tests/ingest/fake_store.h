// FakeStore: a store in two maps, for the writers' tests.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

struct FakeSeries {
  Labels labels;
  ValueType type = ValueType::Float64;
  std::map<std::int64_t, std::uint64_t> numbers;  // by time; the later write wins
  std::map<std::int64_t, std::string> strings;
};

class FakeStore final : public Appender, public MetadataStore, public Catalog {
 public:
  Result<AppendOutcome> append_with(Tenant, const Batch& batch, SeriesResolver& resolver,
                                    const AppendExtras& extras) override {
    ++appends;
    if (!failure.ok()) return failure;
    key_salt_ = extras.key_salt;
    AppendOutcome outcome;
    for (std::uint32_t run = 0; run < batch.runs.size(); ++run) {
      const SeriesRun& r = batch.runs[run];
      FakeSeries* const known = find(batch, run, resolver, outcome);
      for (std::uint32_t i = r.first; i < r.first + r.count; ++i) {
        if (known == nullptr) continue;
        ++outcome.stored;
        if (known->type == ValueType::String) {
          known->strings[batch.times_ns[i]] = batch.string_at(i);
        } else {
          known->numbers[batch.times_ns[i]] = batch.bits[i];
        }
      }
    }
    if (!outcome.refused.empty()) return outcome;
    for (const Progress& source : extras.progress) progress.push_back(source);
    return outcome;
  }

  Status put(Tenant, std::vector<Metadata> entries) override {
    for (Metadata& entry : entries) metadata.push_back(std::move(entry));
    return failure;
  }
  std::vector<Metadata> get(Tenant, std::string_view, std::size_t) const override { return metadata; }

  bool has_database(Tenant, std::string_view name) const override { return databases_.contains(name); }
  Status create_database(Tenant, std::string_view name) override {
    databases_.emplace(name, 0);
    return {};
  }
  std::vector<std::string> databases(Tenant) const override {
    std::vector<std::string> names;
    for (const auto& [name, unused] : databases_) names.push_back(name);
    return names;
  }
  std::optional<ValueType> field_type(Tenant, std::string_view database, std::string_view measurement,
                                      std::string_view field) const override {
    if (!knows_types) return std::nullopt;
    const auto it = types.find({std::string(database), std::string(measurement), std::string(field)});
    if (it == types.end()) return std::nullopt;
    return it->second;
  }

  /// By Labels::to_string(), hidden labels shown, and type.
  std::map<std::pair<std::string, ValueType>, FakeSeries> series;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::pair<std::string, ValueType>> keys;
  std::map<std::tuple<std::string, std::string, std::string>, ValueType> types;
  std::vector<Metadata> metadata;
  std::vector<Progress> progress;  // all that was ever kept
  std::size_t resolved = 0;
  std::size_t appends = 0;
  std::size_t max_series = 1'000'000;
  bool knows_types = true;
  Status failure;

 private:
  FakeSeries* find(const Batch& batch, std::uint32_t run, SeriesResolver& resolver, AppendOutcome& outcome) {
    const SeriesRun& r = batch.runs[run];
    const std::pair<std::uint64_t, std::uint64_t> key{r.key.lo ^ key_salt_, r.key.hi};
    if (const auto it = keys.find(key); it != keys.end()) return &series.at(it->second);
    ++resolved;
    auto made = resolver.resolve(run);
    Status why = made ? check(*made) : made.status();
    if (!why.ok()) {
      outcome.refused.push_back({run, r.count, std::move(why)});
      return nullptr;
    }
    const std::pair<std::string, ValueType> name{made->labels.to_string(), made->type};
    keys[key] = name;
    FakeSeries& at = series[name];
    at.labels = made->labels;
    at.type = made->type;
    return &at;
  }

  Status check(const NewSeries& made) {
    if (series.size() >= max_series && !series.contains({made.labels.to_string(), made.type})) {
      return {Code::ResourceExhausted, "tenant is at its limit of series"};
    }
    if (made.measurement.empty()) return {};
    const auto [it, fresh] = types.try_emplace({made.database, made.measurement, made.field}, made.type);
    if (fresh || it->second == made.type) return {};
    return {Code::InvalidArgument, "field type conflict: the store says so"};
  }

  std::map<std::string, int, std::less<>> databases_;
  std::uint64_t key_salt_ = 0;  // of the batch
};

/// A store, a clock that stands at 2023-11-14T22:13:20.123456789Z, and the writers in front of them.
struct Bench {
  explicit Bench(WriteLimits given = {}) : limits(given) {}

  WriteLimits limits;
  FakeStore store;
  ManualClock clock{1'700'000'000'123'456'789};
  WriteTargets targets{store, store, store, clock};
  RemoteWriter remote{targets, limits};
  LineWriter lines{targets, limits};
  TextWriter text{targets, limits};
  JsonWriter json{targets, limits};
};

}  // namespace silverback::ingest
