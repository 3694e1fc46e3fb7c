// TsdbQuerier: one query's view of the store. See model/querier.h for the contract.
//
// Series are read in blocks: first what the head holds (under the shards' locks, copying references and a few
// bytes), then the windows on disk. A flush moves samples from the first to the second, so in this order
// nothing can be missed, and what is seen twice is the same sample twice.
//
// Threads: belongs to one. The engine outlives it.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/querier.h"
#include "storage/engine.h"

namespace silverback::storage {

class TsdbQuerier final : public Querier {
 public:
  TsdbQuerier(Engine& engine, Tenant tenant, TimeRange range)
      : engine_(engine), tenant_(tenant), range_(range) {}

  Result<std::unique_ptr<SeriesCursor>> select(std::span<const Matcher> matchers,
                                               const Select& select) override;
  Result<LabelAnswer> label_names(const LabelQuery& query) override;
  Result<LabelAnswer> label_values(std::string_view name, const LabelQuery& query) override;
  Result<std::vector<Labels>> series(const LabelQuery& query, bool& truncated) override;

 private:
  /// Ascending refs that match any of the selectors and may have samples in the range. @param all  set when
  /// that is every series of the tenant
  Result<std::vector<SeriesRef>> matching(const LabelQuery& query, bool& all);
  /// Leaves out series that have no samples near the range.
  Status keep_live(std::vector<SeriesRef>& refs);

  Engine& engine_;
  const Tenant tenant_;
  const TimeRange range_;
};

}  // namespace silverback::storage
