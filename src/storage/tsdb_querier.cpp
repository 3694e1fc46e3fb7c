#include "storage/tsdb_querier.h"

#include <algorithm>

#include "storage/tsdb_cursor.h"

namespace silverback::storage {

Result<std::unique_ptr<SeriesCursor>> TsdbQuerier::select(std::span<const Matcher> matchers,
                                                          const Select& select) {
  auto refs = engine_.index().select(tenant_, matchers, {!select.show_hidden, select.as_floats});
  if (select.hold) {
    if (Status refused = select.hold(SeriesGroups::bytes_to_find(refs.size())); !refused.ok()) return refused;
  }
  SeriesGroups groups(std::move(refs), engine_.index(), tenant_, !select.show_hidden);
  if (select.max_series != 0 && groups.size() > select.max_series) {
    return Status(Code::ResourceExhausted, "the selector matches " + std::to_string(groups.size()) +
                                               " series, more than the limit of " +
                                               std::to_string(select.max_series) +
                                               "; add matchers, or raise the limit");
  }
  return std::unique_ptr<SeriesCursor>(
      std::make_unique<TsdbCursor>(engine_, std::move(groups), range_, select));
}

namespace {

/// Which of some ascending refs are live.
struct Live {
  explicit Live(std::span<const SeriesRef> of) : refs(of), marks(of.size()) {}

  void mark(std::size_t i) {
    count += marks[i] != 0 ? 0 : 1;
    marks[i] = 1;
  }
  bool all() const { return count == refs.size(); }

  /// By the live-series records of the windows.
  Status mark_stored(const ChunkStore& store, const WindowTable& table, TimeRange range) {
    const auto [first, last] = table.overlapping(range);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
    for (std::size_t w = last; w-- > first && !all();) {
      runs.clear();
      if (Status bad = store.live_series(table.windows[w], runs); !bad.ok()) return bad;
      for (const auto& [begin, size] : runs) {
        auto at = std::lower_bound(refs.begin(), refs.end(), SeriesRef{begin});
        for (; at != refs.end() && static_cast<std::uint32_t>(*at) - begin < size; ++at) {
          mark(static_cast<std::size_t>(at - refs.begin()));
        }
      }
    }
    return {};
  }

  const std::span<const SeriesRef> refs;
  std::vector<std::uint8_t> marks;
  std::size_t count = 0;
};

}  // namespace

// The windows' records name series by runs, so they come first and the head is asked about the others alone.
// What a flush moved to the store meanwhile shows in a table that is new.
Status TsdbQuerier::keep_live(std::vector<SeriesRef>& refs) {
  Live live(refs);
  const ChunkStore& store = engine_.store();
  const auto table = store.table();
  if (Status bad = live.mark_stored(store, *table, range_); !bad.ok()) return bad;
  if (live.all()) return {};

  std::vector<SeriesRef> others;
  std::vector<std::size_t> places;
  others.reserve(refs.size() - live.count);
  places.reserve(refs.size() - live.count);
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (live.marks[i] != 0) continue;
    others.push_back(refs[i]);
    places.push_back(i);
  }
  engine_.head().visit(others,
                       [&](std::size_t i, HeadShard& shard, HeadSeries& series) NO_THREAD_SAFETY_ANALYSIS {
                         if (shard.may_have(series, range_)) live.mark(places[i]);
                       });
  if (live.all()) return {};
  if (const auto now = store.table(); now != table) {
    if (Status bad = live.mark_stored(store, *now, range_); !bad.ok()) return bad;
  }
  std::size_t kept = 0;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (live.marks[i] != 0) refs[kept++] = refs[i];
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
  if (query.selectors.empty()) {
    // Nearly always the newest series of each set of names is live, and then the others need no look.
    std::vector<SeriesRef> newest = engine_.index().newest_of_shapes(tenant_);
    const std::size_t shapes = newest.size();
    if (Status bad = keep_live(newest); !bad.ok()) return bad;
    if (shapes > 0 && newest.size() == shapes)
      return limited(engine_.index().label_names(tenant_, newest), query.limit);
  }
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
  const SeriesGroups groups(std::move(*refs), engine_.index(), tenant_, true);
  truncated = query.limit != 0 && groups.size() > query.limit;
  std::vector<Labels> out;
  const std::size_t count = truncated ? query.limit : groups.size();
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(visible(engine_.index().labels(groups.group(i).front())));
  return out;
}

}  // namespace silverback::storage
