// LabelIndex: label sets to series refs and back; matchers to sorted refs.
//
// A series is stored as its shape (tenant, type, label names) and its values, all as symbol numbers in
// varints: some 18 bytes for 12 labels. Those bytes are its identity: they are hashed and compared to
// find a series by its labels, and stand in the registry as they are. For each tenant, label name and
// value there is one Postings. Measured figures: docs/performance.md, "Index".
//
// Refs are handed out from 1 on in the order of creation, across tenants. Symbols stay when their last
// series goes; they leave memory at the next start.
//
// Threads: any; one writer at a time, readers together. Views returned by label_value() stay good for
// the life of the index.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "model/admin.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "model/sample.h"
#include "storage/postings.h"
#include "storage/symbols.h"

namespace silverback::storage {

/// A series to find or to create; the last two are answers.
struct SeriesToAdd {
  const Labels* labels = nullptr;  // canonical, not null
  ValueType type = ValueType::Float64;
  SeriesRef ref = kNoSeries;  // stays kNoSeries when the tenant is at its limit
  bool created = false;
};

struct IndexSelect {
  bool hide_hidden = true;   // PromQL: hidden labels count as absent
  bool skip_strings = true;  // leave out series of type String
};

struct IndexMemory {
  std::size_t series_bytes = 0;    // stored series and their offsets
  std::size_t lookup_bytes = 0;    // labels to ref
  std::size_t postings_bytes = 0;  // lists and the maps that find them
  std::size_t symbol_bytes = 0;    // strings included
  std::size_t total() const { return series_bytes + lookup_bytes + postings_bytes + symbol_bytes; }
};

class LabelIndex {
 public:
  LabelIndex();
  ~LabelIndex();
  LabelIndex(const LabelIndex&) = delete;
  LabelIndex& operator=(const LabelIndex&) = delete;

  /// Finds or creates them all under one lock. Creation stops at `max_series` of this tenant (0: no limit):
  /// what is beyond keeps kNoSeries, what exists is still found.
  void add(Tenant tenant, std::span<SeriesToAdd> series, std::uint64_t max_series = 0) EXCLUDES(mutex_);

  /// For replay: the series under the ref it had. A known ref is left as it is.
  /// @returns the ref under which these labels are known: `ref`, or an earlier one;
  ///          DataLoss when `ref` belongs to other labels
  Result<SeriesRef> restore(SeriesRef ref, Tenant tenant, ValueType type, const Labels& labels)
      EXCLUDES(mutex_);

  /// Refs up to this one are never handed out again, though no series is known under them.
  void skip_refs(SeriesRef upto) EXCLUDES(mutex_);

  /// Forgets series; unknown refs are ignored. Their numbers are never reused.
  void remove(std::span<const SeriesRef> refs) EXCLUDES(mutex_);

  SeriesRef find(Tenant tenant, const Labels& labels, ValueType type) const EXCLUDES(mutex_);
  bool contains(SeriesRef ref) const EXCLUDES(mutex_);
  /// Hidden labels included. Empty for an unknown ref.
  Labels labels(SeriesRef ref) const EXCLUDES(mutex_);
  /// One lock for all of them; out[i] belongs to refs[i].
  void labels(std::span<const SeriesRef> refs, std::vector<Labels>& out) const EXCLUDES(mutex_);
  /// For each of `refs` a hash of its label set, without value type and, if asked, without hidden labels:
  /// equal for series that look alike. Far quicker than the labels. Zero for an unknown ref.
  void label_hashes(std::span<const SeriesRef> refs, bool hide_hidden, std::vector<Hash128>& out) const
      EXCLUDES(mutex_);
  /// Whether two of the tenant's series can have the same visible labels: when some have hidden ones, or when
  /// there are several types.
  bool may_look_alike(Tenant tenant) const EXCLUDES(mutex_);
  ValueType type(SeriesRef ref) const EXCLUDES(mutex_);
  Tenant tenant(SeriesRef ref) const EXCLUDES(mutex_);
  /// Empty when the series has no such label.
  std::string_view label_value(SeriesRef ref, std::string_view name) const EXCLUDES(mutex_);

  /// Ascending refs of the tenant's series that match all of `matchers`.
  std::vector<SeriesRef> select(Tenant tenant, std::span<const Matcher> matchers,
                                const IndexSelect& how = {}) const EXCLUDES(mutex_);

  /// Sorted, without hidden names. With `among`, only what these series (ascending) have.
  std::vector<std::string> label_names(Tenant tenant) const EXCLUDES(mutex_);
  std::vector<std::string> label_names(Tenant tenant, std::span<const SeriesRef> among) const
      EXCLUDES(mutex_);
  /// A series, ascending, for every set of label names and type that the tenant's series have: the newest.
  /// Empty when that is not known.
  std::vector<SeriesRef> newest_of_shapes(Tenant tenant) const EXCLUDES(mutex_);
  std::vector<std::string> label_values(Tenant tenant, std::string_view name) const EXCLUDES(mutex_);
  std::vector<std::string> label_values(Tenant tenant, std::string_view name,
                                        std::span<const SeriesRef> among) const EXCLUDES(mutex_);

  /// Every series in order of their refs, under one lock: `use` must not call the index.
  void for_each_series(const std::function<void(SeriesRef, ValueType)>& use) const EXCLUDES(mutex_);
  std::uint64_t series_count() const EXCLUDES(mutex_);
  std::uint64_t series_count(Tenant tenant) const EXCLUDES(mutex_);
  /// The ref that the next new series gets.
  SeriesRef next_ref() const EXCLUDES(mutex_);
  /// Fills total_series, label_pairs and, with `top` > 0, the two lists.
  void fill_stats(Tenant tenant, std::size_t top, StorageStats& stats) const EXCLUDES(mutex_);
  IndexMemory memory() const EXCLUDES(mutex_);

 private:
  friend class Registry;        // reads rows and puts them back, under the lock
  friend class LabelSelection;  // works under the lock that select() holds
  struct State;
  mutable SharedMutex mutex_;
  std::unique_ptr<State> state_ PT_GUARDED_BY(mutex_);
};

}  // namespace silverback::storage
