// Labels: the sorted name/value pairs that are a series' identity.
//
// One string holds them all: for each pair varint(name size) name varint(value size) value,
// sorted by name bytes. So a copy is one allocation, equality and hash are of bytes, and the same
// bytes stand in the WAL and in the registry (docs/format/labels.md).
//
// Hidden labels begin with two underscores, end with two, and are not Prometheus' own
// (see kHiddenLabels): PromQL neither shows nor matches them.
//
// Invariants: names strictly increase; no name and no value is empty.
//
// Threads: a value.
#pragma once

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace silverback {

inline constexpr std::string_view kMetricName = "__name__";

// From line protocol. `db` is visible; the others are hidden.
inline constexpr std::string_view kDatabaseLabel = "db";
inline constexpr std::string_view kFieldLabel = "__field__";  // field key, so that "a_b"+"c" is not "a"+"b_c"
inline constexpr std::string_view kRetentionPolicyLabel = "__rp__";  // only when not the default policy

// A tag of line protocol whose name is one of those above (or `__name__`), or begins with this, is the label
// kTagPrefix + name: db becomes __tag_db. Whoever shows tags again takes one such prefix away.
inline constexpr std::string_view kTagPrefix = "__tag_";

constexpr bool is_hidden_label(std::string_view name) {
  return name == kFieldLabel || name == kRetentionPolicyLabel;
}

struct LabelView {
  std::string_view name;
  std::string_view value;
  friend auto operator<=>(const LabelView&, const LabelView&) = default;
};

class Labels {
 public:
  Labels() = default;
  Labels(std::initializer_list<LabelView> pairs);

  /// Sorts; drops pairs with an empty value. @returns InvalidArgument for a repeated or an empty name
  static Result<Labels> from_pairs(std::vector<LabelView> pairs);
  /// Takes canonical bytes as they stand. @returns DataLoss when they are not canonical
  static Result<Labels> from_bytes(std::string bytes);
  /// The same for bytes that were checked before, when they were stored.
  static Labels from_checked_bytes(std::string bytes) {
    Labels labels;
    labels.bytes_ = std::move(bytes);
    return labels;
  }

  class Iterator {
   public:
    using value_type = LabelView;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    Iterator() = default;
    explicit Iterator(std::string_view rest) : rest_(rest) { read(); }
    const LabelView& operator*() const { return current_; }
    const LabelView* operator->() const { return &current_; }
    Iterator& operator++() {
      rest_.remove_prefix(width_);
      read();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.rest_.data() == b.rest_.data(); }

   private:
    void read();
    std::string_view rest_;
    LabelView current_;
    std::size_t width_ = 0;
  };
  Iterator begin() const { return Iterator(bytes_); }
  Iterator end() const { return Iterator(std::string_view(bytes_).substr(bytes_.size())); }

  bool empty() const { return bytes_.empty(); }
  std::size_t size() const;
  /// Empty when there is no such label, which in Prometheus' model is the same thing.
  std::string_view get(std::string_view name) const;
  std::string_view bytes() const { return bytes_; }

  /// {__name__="up", job="x"} is up{job="x"}; escapes as Prometheus does.
  std::string to_string() const;

  friend bool operator==(const Labels&, const Labels&) = default;
  /// By pairs, name before value: the order of Prometheus' results.
  friend std::strong_ordering operator<=>(const Labels& a, const Labels& b);

 private:
  friend class LabelsBuilder;
  std::string bytes_;
};

/// Collects pairs in any order; set() replaces, an empty value removes.
class LabelsBuilder {
 public:
  LabelsBuilder() = default;
  explicit LabelsBuilder(const Labels& from);
  void set(std::string_view name, std::string_view value);
  void remove(std::string_view name) { set(name, {}); }
  std::string_view get(std::string_view name) const;
  void clear() { pairs_.clear(); }
  Labels build() const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;  // sorted by name
};

/// Appends one pair to canonical bytes; the caller keeps the order.
void append_label(std::string& bytes, std::string_view name, std::string_view value);

struct LabelsHash {
  std::size_t operator()(const Labels& labels) const;
};

}  // namespace silverback
