// Matchers to refs, and the questions about label names and values.
//
// A matcher that an absent label cannot satisfy narrows: the series are in the union of its values' lists.
// Any other one excludes: the series in the lists of the values that do not match go. Cheap matchers (one
// value, or a few alternatives) come first; a regular expression is then tried on the values that the
// remaining series have, or on all values of its label, whichever are fewer, and on each value once.
#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "storage/label_index_state.h"

namespace silverback::storage {
namespace {

using List = const Postings*;

RefSet union_of(std::span<const List> lists) {
  RefSet set;
  std::vector<std::uint32_t> few;
  for (const List list : lists) {
    if (list->size() > Postings::kMaxSmall) {
      list->unite_into(set);
    } else {
      list->append_to(few);
    }
  }
  std::sort(few.begin(), few.end());
  set.add_many(few);
  return set;
}

/// The refs of `set` that are in any of the lists, which have none in common.
RefSet common(const RefSet& set, std::span<const List> lists) {
  std::vector<std::uint32_t> refs;
  for (const List list : lists) list->append_common(set, refs);
  std::sort(refs.begin(), refs.end());
  RefSet both;
  both.add_many(refs);
  return both;
}

}  // namespace

/// One selection under the reader's lock.
class LabelSelection {
 public:
  using State = LabelIndex::State;
  LabelSelection(const State& state, const State::OfTenant& tenant, const IndexSelect& how)
      : state_(state), tenant_(tenant), how_(how) {}

  std::vector<SeriesRef> run(std::span<const Matcher> matchers) {
    for (const Matcher& matcher : matchers) {
      if (!sort_in(matcher)) return {};
    }
    start();
    for (const Scan& scan : scans_) {
      if (set_->empty()) return {};
      apply(scan);
    }
    for (const List list : excluded_) {
      if (set_->empty()) return {};
      list->subtract_from(*set_);
    }
    if (how_.skip_strings && tenant_.strings.size() > 0) tenant_.strings.subtract_from(*set_);
    return set_->to_vector();
  }

 private:
  struct Narrowing {
    std::vector<List> lists;
    std::uint64_t series = 0;
  };
  struct Scan {
    const Matcher* matcher;
    std::uint32_t name;                       // symbol
    const std::vector<std::uint32_t>* lists;  // of that name
    bool excludes;                            // an absent label matches
  };

  static bool anything(const Matcher& matcher, std::string_view pattern) {
    return (matcher.op() == MatchOp::Regex || matcher.op() == MatchOp::NotRegex) &&
           matcher.value() == pattern;
  }

  /// @returns false when nothing can match
  bool sort_in(const Matcher& matcher) {
    const bool absent_matches = matcher.matches({});
    const std::uint32_t name = state_.symbols.find(matcher.name());
    const auto lists = tenant_.lists_of_name.find(name);
    const bool hidden = how_.hide_hidden && is_hidden_label(matcher.name());
    if (hidden || name == Symbols::kNone || lists == tenant_.lists_of_name.end()) return absent_matches;
    if (anything(matcher, ".*")) return absent_matches;

    const std::span<const std::string> values = values_of(matcher);
    if (!values.empty() && !(absent_matches && positive(matcher)))
      return narrow_or_exclude(matcher, name, values);
    scans_.push_back({&matcher, name, &lists->second, absent_matches});
    return true;
  }

  static bool positive(const Matcher& matcher) {
    return matcher.op() == MatchOp::Equal || matcher.op() == MatchOp::Regex;
  }

  static std::span<const std::string> values_of(const Matcher& matcher) {
    if (matcher.op() == MatchOp::Equal || matcher.op() == MatchOp::NotEqual) return {&matcher.value(), 1};
    return matcher.literals();
  }

  bool narrow_or_exclude(const Matcher& matcher, std::uint32_t name, std::span<const std::string> values) {
    Narrowing found;
    for (const std::string& value : values) {
      if (value.empty()) {
        // {x!=""}: what has the label at all.
        scans_.push_back({&matcher, name, &tenant_.lists_of_name.find(name)->second, false});
        return true;
      }
      const State::List* const list = tenant_.find(name, state_.symbols.find(value));
      if (list == nullptr || list->postings.size() == 0) continue;
      found.lists.push_back(&list->postings);
      found.series += list->postings.size();
    }
    if (!positive(matcher)) {
      excluded_.insert(excluded_.end(), found.lists.begin(), found.lists.end());
      return true;
    }
    const bool possible = !found.lists.empty();
    narrowings_.push_back(std::move(found));
    return possible;
  }

  void start() {
    std::sort(narrowings_.begin(), narrowings_.end(),
              [](const auto& a, const auto& b) { return a.series < b.series; });
    std::sort(scans_.begin(), scans_.end(),
              [](const Scan& a, const Scan& b) { return a.lists->size() < b.lists->size(); });
    for (const Narrowing& narrowing : narrowings_) {
      const bool one = narrowing.lists.size() == 1;
      if (!set_) {
        set_ = one ? narrowing.lists[0]->to_set() : union_of(narrowing.lists);
      } else if (one) {
        narrowing.lists[0]->intersect_into(*set_);
      } else {
        set_ = common(*set_, narrowing.lists);
      }
    }
    if (set_) return;
    const auto narrows =
        std::find_if(scans_.begin(), scans_.end(), [](const Scan& scan) { return !scan.excludes; });
    if (narrows == scans_.end()) {
      set_ = tenant_.all.to_set();
      return;
    }
    set_ = union_of(lists_of(*narrows));
    scans_.erase(narrows);
  }

  /// The lists that a scan keeps, or drops when it excludes.
  std::vector<List> lists_of(const Scan& scan) const {
    const bool all = anything(*scan.matcher, ".+") || scan.matcher->value().empty();
    std::vector<List> lists;
    for (const std::uint32_t id : *scan.lists) {
      const State::List& list = tenant_.lists[id];
      if (list.postings.size() == 0) continue;
      if (all || scan.matcher->matches(state_.symbols.get(list.value)) != scan.excludes)
        lists.push_back(&list.postings);
    }
    return lists;
  }

  void apply(const Scan& scan) {
    if (set_->size() < scan.lists->size()) {
      keep_matching(scan);
    } else if (const RefSet found = union_of(lists_of(scan)); scan.excludes) {
      set_->subtract(found);
    } else {
      set_->intersect(found);
    }
  }

  void keep_matching(const Scan& scan) {
    std::unordered_map<std::uint32_t, bool> known;
    RefSet kept;
    std::vector<std::uint32_t> refs;
    for (const SeriesRef ref : set_->to_vector()) {
      const std::uint32_t value = state_.value_of(ref, scan.name);
      const auto [at, fresh] = known.try_emplace(value, false);
      if (fresh)
        at->second =
            scan.matcher->matches(value == Symbols::kNone ? std::string_view() : state_.symbols.get(value));
      if (at->second) refs.push_back(static_cast<std::uint32_t>(ref));
    }
    kept.add_many(refs);
    set_ = std::move(kept);
  }

  const State& state_;
  const State::OfTenant& tenant_;
  const IndexSelect how_;
  std::vector<Narrowing> narrowings_;
  std::vector<Scan> scans_;
  std::vector<List> excluded_;
  std::optional<RefSet> set_;
};

std::vector<SeriesRef> LabelIndex::select(Tenant tenant, std::span<const Matcher> matchers,
                                          const IndexSelect& how) const {
  const ReaderLock lock(mutex_);
  const State::OfTenant* const of_tenant = state_->tenant(tenant);
  if (of_tenant == nullptr) return {};
  return LabelSelection(*state_, *of_tenant, how).run(matchers);
}

std::vector<std::string> LabelIndex::label_names(Tenant tenant) const {
  std::vector<std::string> names;
  const ReaderLock lock(mutex_);
  const State::OfTenant* const of_tenant = state_->tenant(tenant);
  if (of_tenant == nullptr) return names;
  for (const auto& [name, lists] : of_tenant->lists_of_name) {
    const std::string_view text = state_->symbols.get(name);
    const bool used = std::any_of(lists.begin(), lists.end(),
                                  [&](std::uint32_t id) { return of_tenant->lists[id].postings.size() > 0; });
    if (used && !is_hidden_label(text)) names.emplace_back(text);
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> LabelIndex::label_names(Tenant /*tenant*/, std::span<const SeriesRef> among) const {
  const ReaderLock lock(mutex_);
  std::vector<bool> seen(state_->shapes.size());
  std::unordered_set<std::uint32_t> symbols;
  for (const SeriesRef ref : among) {
    const char* row = state_->row(ref);
    if (row == nullptr) continue;
    const std::uint32_t shape = State::read_varint(row);
    if (seen[shape]) continue;
    seen[shape] = true;
    for (const State::Column& column : state_->shapes[shape].columns) symbols.insert(column.name);
  }
  std::vector<std::string> names;
  for (const std::uint32_t symbol : symbols) {
    if (!is_hidden_label(state_->symbols.get(symbol))) names.emplace_back(state_->symbols.get(symbol));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<SeriesRef> LabelIndex::newest_of_shapes(Tenant tenant) const {
  std::vector<SeriesRef> refs;
  const ReaderLock lock(mutex_);
  for (const State::Shape& shape : state_->shapes) {
    if (shape.tenant != tenant || shape.series == 0) continue;
    if (shape.newest == kNoSeries) return {};
    refs.push_back(shape.newest);
  }
  std::sort(refs.begin(), refs.end());
  return refs;
}

std::vector<std::string> LabelIndex::label_values(Tenant tenant, std::string_view name) const {
  std::vector<std::string> values;
  const ReaderLock lock(mutex_);
  const State::OfTenant* const of_tenant = state_->tenant(tenant);
  if (of_tenant == nullptr) return values;
  const auto lists = of_tenant->lists_of_name.find(state_->symbols.find(name));
  if (lists == of_tenant->lists_of_name.end()) return values;
  for (const std::uint32_t id : lists->second) {
    const State::List& list = of_tenant->lists[id];
    if (list.postings.size() > 0) values.emplace_back(state_->symbols.get(list.value));
  }
  std::sort(values.begin(), values.end());
  return values;
}

std::vector<std::string> LabelIndex::label_values(Tenant tenant, std::string_view name,
                                                  std::span<const SeriesRef> among) const {
  std::vector<std::string> values;
  const ReaderLock lock(mutex_);
  const State::OfTenant* const of_tenant = state_->tenant(tenant);
  if (of_tenant == nullptr) return values;
  const std::uint32_t symbol = state_->symbols.find(name);
  const auto lists = of_tenant->lists_of_name.find(symbol);
  if (lists == of_tenant->lists_of_name.end()) return values;

  // Reading a row costs about as much as testing a short list.
  if (among.size() <= lists->second.size()) {
    std::unordered_set<std::uint32_t> found;
    for (const SeriesRef ref : among) found.insert(state_->value_of(ref, symbol));
    found.erase(Symbols::kNone);
    for (const std::uint32_t value : found) values.emplace_back(state_->symbols.get(value));
  } else {
    const RefSet set(among);
    for (const std::uint32_t id : lists->second) {
      const State::List& list = of_tenant->lists[id];
      if (list.postings.intersects(set)) values.emplace_back(state_->symbols.get(list.value));
    }
  }
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace silverback::storage
