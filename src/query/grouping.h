// Grouping: from a series' labels to the number of its group, for aggregations and for vector matching.
//
// The key of a group is the canonical bytes of the labels that define it, so a group's labels are its
// key, and nothing is built for a series of a known group.
//
// Threads: one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "model/labels.h"

namespace silverback::query {

class Grouping {
 public:
  enum class Keep { These, AllBut };
  Grouping(Keep keep, std::vector<std::string> names);

  /// The number of the group, in order of first appearance. @param drop_name  the metric name is not there
  std::size_t group_of(const Labels& labels, bool drop_name = false);
  /// The same without making a new group: npos when there is none.
  std::size_t find(const Labels& labels);
  std::size_t size() const { return keys_.size(); }
  Labels labels_of(std::size_t group) const;

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return hash64(key); }
  };
  void make_key(const Labels& labels, bool drop_name);

  const Keep keep_;
  const std::vector<std::string> names_;  // sorted, unique
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> groups_;
  std::vector<const std::string*> keys_;  // into groups_, whose nodes stay where they are
  std::string key_;
};

}  // namespace silverback::query
