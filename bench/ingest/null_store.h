// NullStore: what the benchmarks of parsers write into.
//
// Threads: any.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <string_view>
#include <vector>

#include "model/appender.h"

namespace silverback::ingest {

// Believes every key to be known: what a steady load looks like.
class NullStore final : public Appender, public MetadataStore, public Catalog {
 public:
  Result<AppendOutcome> append_with(Tenant, const Batch& batch, SeriesResolver&,
                                    const AppendExtras&) override {
    benchmark::DoNotOptimize(batch.runs.data());
    benchmark::DoNotOptimize(batch.bits.data());
    return AppendOutcome{batch.bits.size(), {}};
  }
  Status put(Tenant, std::vector<Metadata>) override { return {}; }
  std::vector<Metadata> get(Tenant, std::string_view, std::size_t) const override { return {}; }
  bool has_database(Tenant, std::string_view) const override { return true; }
  Status create_database(Tenant, std::string_view) override { return {}; }
  std::vector<std::string> databases(Tenant) const override { return {}; }
};

}  // namespace silverback::ingest
