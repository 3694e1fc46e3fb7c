#include "storage/tsdb_querier.h"

#include <algorithm>

#include "storage/tsdb_cursor.h"

namespace silverback::storage {

Result<std::unique_ptr<SeriesCursor>> TsdbQuerier::select(std::span<const Matcher> matchers,
                                                          const Select& select) {
  auto refs = engine_.index().select(tenant_, matchers, {!select.show_hidden, select.as_floats});
  SeriesGroups groups(std::move(refs), engine_.index(), !select.show_hidden);
  if (select.max_series != 0 && groups.size() > select.max_series) {
    return Status(Code::ResourceExhausted, "the selector matches " + std::to_string(groups.size()) +
                                               " series, more than the limit of " +
                                               std::to_string(select.max_series) +
                                               "; add matchers, or raise the limit");
  }
  return std::unique_ptr<SeriesCursor>(
      std::make_unique<TsdbCursor>(engine_, std::move(groups), range_, select));
}

Status TsdbQuerier::keep_live(std::vector<SeriesRef>& refs) {
  // Head first, as for samples.
  std::vector<bool> live(refs.size());
  std::size_t count = 0;
  const auto mark = [&](std::size_t i) {
    count += live[i] ? 0 : 1;
    live[i] = true;
  };
  engine_.head().visit(refs,
                       [&](std::size_t i, HeadShard& shard, HeadSeries& series) NO_THREAD_SAFETY_ANALYSIS {
                         if (shard.may_have(series, range_)) mark(i);
                       });
  const auto table = engine_.store().table();
  const auto [first, last] = table->overlapping(range_);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
  for (std::size_t w = last; w-- > first && count < refs.size();) {
    runs.clear();
    if (Status bad = engine_.store().live_series(table->windows[w], runs); !bad.ok()) return bad;
    for (const auto& [begin, size] : runs) {
      auto at = std::lower_bound(refs.begin(), refs.end(), SeriesRef{begin});
      for (; at != refs.end() && static_cast<std::uint32_t>(*at) - begin < size; ++at) {
        mark(static_cast<std::size_t>(at - refs.begin()));
      }
    }
  }
  if (count == refs.size()) return {};
  std::size_t kept = 0;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (live[i]) refs[kept++] = refs[i];
  }
  refs.resize(kept);
  return {};
}

Result<std::vector<SeriesRef>> TsdbQuerier::matching(const LabelQuery& query, bool& all) {
  const LabelIndex& index = engine_.index();
  std::vector<SeriesRef> refs;
  const IndexSelect how{true, false};
  if (query.selectors.empty()) {
    refs = index.select(tenant_, {}, how);
  } else {
    for (const auto& matchers : query.selectors) {
      const auto more = index.select(tenant_, matchers, how);
      const auto middle = static_cast<std::ptrdiff_t>(refs.size());
      refs.insert(refs.end(), more.begin(), more.end());
      std::inplace_merge(refs.begin(), refs.begin() + middle, refs.end());
    }
    refs.erase(std::unique(refs.begin(), refs.end()), refs.end());
  }
  if (Status bad = keep_live(refs); !bad.ok()) return bad;
  all = refs.size() == index.series_count(tenant_);
  return refs;
}

namespace {

LabelAnswer limited(std::vector<std::string> values, std::size_t limit) {
  LabelAnswer answer{std::move(values), false};
  if (limit != 0 && answer.values.size() > limit) {
    answer.values.resize(limit);
    answer.truncated = true;
  }
  return answer;
}

}  // namespace

Result<LabelAnswer> TsdbQuerier::label_names(const LabelQuery& query) {
  bool all = false;
  const auto refs = matching(query, all);
  if (!refs) return refs.status();
  const LabelIndex& index = engine_.index();
  return limited(all ? index.label_names(tenant_) : index.label_names(tenant_, *refs), query.limit);
}

Result<LabelAnswer> TsdbQuerier::label_values(std::string_view name, const LabelQuery& query) {
  bool all = false;
  const auto refs = matching(query, all);
  if (!refs) return refs.status();
  const LabelIndex& index = engine_.index();
  return limited(all ? index.label_values(tenant_, name) : index.label_values(tenant_, name, *refs),
                 query.limit);
}

Result<std::vector<Labels>> TsdbQuerier::series(const LabelQuery& query, bool& truncated) {
  bool all = false;
  auto refs = matching(query, all);
  if (!refs) return refs.status();
  const SeriesGroups groups(std::move(*refs), engine_.index(), true);
  truncated = query.limit != 0 && groups.size() > query.limit;
  std::vector<Labels> out;
  const std::size_t count = truncated ? query.limit : groups.size();
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(visible(engine_.index().labels(groups.group(i).front())));
  return out;
}

}  // namespace silverback::storage
