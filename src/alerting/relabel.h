// Relabelling: rules that rewrite a set of labels or drop what has it, as Prometheus' relabel_config.
//
//   const std::vector<RelabelRule> rules = read_relabel_rules(node, "alert_relabel_configs", problems);
//   const Relabeller relabel(rules);
//   if (const auto labels = relabel.apply(alert.labels)) tell(*labels);   // else: dropped
//
// Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config
//
// Threads: any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/yaml.h"
#include "model/labels.h"

namespace silverback::alerting {

enum class RelabelAction : std::uint8_t {
  Replace,    // target_label becomes the replacement when the regex matches
  Keep,       // drops what the regex does not match
  Drop,       // drops what it matches
  KeepEqual,  // drops unless target_label has the value of the source labels
  DropEqual,
  HashMod,    // target_label becomes the hash of the source labels, modulo `modulus`
  LabelMap,   // labels whose name matches get another of the name that the replacement gives
  LabelDrop,  // removes labels whose name matches
  LabelKeep,  // removes those whose name does not
  Lowercase,  // target_label becomes the source labels in lower case
  Uppercase,
};

struct RelabelRule {
  static constexpr std::string_view kSeparator = ";";
  static constexpr std::string_view kRegex = "(.*)";
  static constexpr std::string_view kReplacement = "$1";

  RelabelAction action = RelabelAction::Replace;
  std::vector<std::string> source_labels;
  std::string separator{kSeparator};
  std::string target_label;
  std::string regex{kRegex};  // of the whole text; checked
  std::string replacement{kReplacement};
  std::uint64_t modulus = 0;
  friend bool operator==(const RelabelRule&, const RelabelRule&) = default;
};

/// @param list  a list of rules
/// @param what  what messages call a rule: "alert_relabel_configs"
/// What is wrong goes to `problems`; rules that are wrong are left out.
std::vector<RelabelRule> read_relabel_rules(const yaml::Node& list, const std::string& what,
                                            yaml::Problems& problems);

class Relabeller {
 public:
  /// @param rules  checked by read_relabel_rules()
  explicit Relabeller(std::span<const RelabelRule> rules);
  ~Relabeller();
  Relabeller(Relabeller&&) noexcept;
  Relabeller& operator=(Relabeller&&) noexcept;

  bool empty() const { return rules_.empty(); }
  /// All rules in order. @returns nothing when one of them drops it
  std::optional<Labels> apply(const Labels& labels) const;

 private:
  class Rule;
  std::vector<std::unique_ptr<const Rule>> rules_;  // fixed
};

}  // namespace silverback::alerting
