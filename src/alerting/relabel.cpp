#include "alerting/relabel.h"

#include <re2/re2.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "alerting/md5.h"
#include "alerting/replacement.h"
#include "alerting/text_functions.h"
#include "base/utf8.h"

namespace silverback::alerting {
namespace {

re2::RE2::Options regex_options() {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_dot_nl(true);
  return options;
}

bool valid_name(std::string_view name) { return !name.empty() && valid_utf8(name); }

// Go's Regexp.FindStringSubmatch of the whole text; empty when it does not match.
std::vector<std::string_view> match(const re2::RE2& regex, std::string_view text) {
  std::vector<re2::StringPiece> found(static_cast<std::size_t>(regex.NumberOfCapturingGroups()) + 1);
  if (!regex.Match({text.data(), text.size()}, 0, text.size(), re2::RE2::ANCHOR_BOTH, found.data(),
                   static_cast<int>(found.size())))
    return {};
  std::vector<std::string_view> groups;
  groups.reserve(found.size());
  for (const re2::StringPiece& group : found) groups.emplace_back(group.data(), group.size());
  return groups;
}

std::uint64_t hash_of(std::string_view text) {
  const auto digest = md5(text);
  std::uint64_t hash = 0;
  for (std::size_t i = 8; i < digest.size(); ++i) hash = hash << 8 | digest[i];
  return hash;
}

}  // namespace

class Relabeller::Rule {
 public:
  explicit Rule(RelabelRule spec) : spec_(std::move(spec)), regex_(spec_.regex, regex_options()) {}

  /// @returns whether what has the labels goes on
  bool apply(LabelsBuilder& labels) const {
    std::string value;
    for (std::size_t i = 0; i < spec_.source_labels.size(); ++i) {
      if (i != 0) value += spec_.separator;
      value += labels.get(spec_.source_labels[i]);
    }
    switch (spec_.action) {
      case RelabelAction::Keep: return matches(value);
      case RelabelAction::Drop: return !matches(value);
      case RelabelAction::KeepEqual: return labels.get(spec_.target_label) == value;
      case RelabelAction::DropEqual: return labels.get(spec_.target_label) != value;
      case RelabelAction::Replace: replace(labels, value); break;
      case RelabelAction::HashMod:
        labels.set(spec_.target_label, std::to_string(hash_of(value) % spec_.modulus));
        break;
      case RelabelAction::Lowercase: labels.set(spec_.target_label, lower_case(value)); break;
      case RelabelAction::Uppercase: labels.set(spec_.target_label, upper_case(value)); break;
      case RelabelAction::LabelMap:
      case RelabelAction::LabelDrop:
      case RelabelAction::LabelKeep: by_name(labels); break;
    }
    return true;
  }

 private:
  bool matches(std::string_view text) const {
    return re2::RE2::FullMatch({text.data(), text.size()}, regex_);
  }

  void replace(LabelsBuilder& labels, const std::string& value) const {
    const auto groups = match(regex_, value);
    if (groups.empty()) return;
    std::string target;
    append_replacement(target, spec_.target_label, regex_, groups);
    if (!valid_name(target)) return;
    std::string text;
    append_replacement(text, spec_.replacement, regex_, groups);
    labels.set(target, text);  // empty: the label goes
  }

  void by_name(LabelsBuilder& labels) const {
    const Labels before = labels.build();
    for (const LabelView& label : before) {
      const auto groups = match(regex_, label.name);
      if (spec_.action != RelabelAction::LabelMap) {
        if (groups.empty() == (spec_.action == RelabelAction::LabelKeep)) labels.remove(label.name);
        continue;
      }
      std::string name;
      if (!groups.empty()) append_replacement(name, spec_.replacement, regex_, groups);
      if (valid_name(name)) labels.set(name, label.value);
    }
  }

  const RelabelRule spec_;
  const re2::RE2 regex_;
};

Relabeller::Relabeller(std::span<const RelabelRule> rules) {
  for (const RelabelRule& rule : rules) rules_.push_back(std::make_unique<const Rule>(rule));
}
Relabeller::~Relabeller() = default;
Relabeller::Relabeller(Relabeller&&) noexcept = default;
Relabeller& Relabeller::operator=(Relabeller&&) noexcept = default;

std::optional<Labels> Relabeller::apply(const Labels& labels) const {
  LabelsBuilder builder(labels);
  const bool kept = std::ranges::all_of(rules_, [&](const auto& rule) { return rule->apply(builder); });
  if (!kept) return std::nullopt;
  return builder.build();
}

// ---- reading

namespace {

constexpr std::pair<std::string_view, RelabelAction> kActions[] = {
    {"replace", RelabelAction::Replace},     {"keep", RelabelAction::Keep},
    {"drop", RelabelAction::Drop},           {"keepequal", RelabelAction::KeepEqual},
    {"dropequal", RelabelAction::DropEqual}, {"hashmod", RelabelAction::HashMod},
    {"labelmap", RelabelAction::LabelMap},   {"labeldrop", RelabelAction::LabelDrop},
    {"labelkeep", RelabelAction::LabelKeep}, {"lowercase", RelabelAction::Lowercase},
    {"uppercase", RelabelAction::Uppercase}};

bool has_target(RelabelAction action) {
  return action == RelabelAction::Replace || action == RelabelAction::HashMod ||
         action == RelabelAction::Lowercase || action == RelabelAction::Uppercase ||
         action == RelabelAction::KeepEqual || action == RelabelAction::DropEqual;
}

// Fields that an action does not look at are a mistake: the rule does not do what was meant.
bool has_more_than(const RelabelRule& rule, bool regex, bool target) {
  return (!regex && rule.regex != RelabelRule::kRegex) || rule.modulus != 0 ||
         rule.separator != RelabelRule::kSeparator || rule.replacement != RelabelRule::kReplacement ||
         (!target && (!rule.target_label.empty() || !rule.source_labels.empty()));
}

std::string what_is_wrong(const RelabelRule& rule, const std::string& action) {
  const re2::RE2 regex(rule.regex, regex_options());
  if (!regex.ok()) return "regex \"" + rule.regex + "\": " + regex.error();
  const bool any_target =
      rule.action == RelabelAction::Replace && rule.target_label.find('$') != std::string::npos;
  if (has_target(rule.action)) {
    if (rule.target_label.empty())
      return "relabel configuration for " + action + " action requires 'target_label' value";
    if (!any_target && !valid_name(rule.target_label))
      return "\"" + to_valid_utf8(rule.target_label) + "\" is invalid 'target_label' for " + action +
             " action";
  }
  switch (rule.action) {
    case RelabelAction::HashMod:
      if (rule.modulus == 0) return "relabel configuration for hashmod requires non-zero modulus";
      break;
    case RelabelAction::Lowercase:
    case RelabelAction::Uppercase:
      if (rule.replacement != RelabelRule::kReplacement)
        return "'replacement' can not be set for " + action + " action";
      break;
    case RelabelAction::LabelMap:
      if (!valid_name(rule.replacement))
        return "\"" + to_valid_utf8(rule.replacement) + "\" is invalid 'replacement' for labelmap action";
      break;
    case RelabelAction::KeepEqual:
    case RelabelAction::DropEqual:
      if (has_more_than(rule, false, true))
        return action + " action requires only 'source_labels' and 'target_label', and no other fields";
      break;
    case RelabelAction::LabelDrop:
    case RelabelAction::LabelKeep:
      if (has_more_than(rule, true, false))
        return action + " action requires only 'regex', and no other fields";
      break;
    default: break;
  }
  return {};
}

}  // namespace

std::vector<RelabelRule> read_relabel_rules(const yaml::Node& list, const std::string& what,
                                            yaml::Problems& problems) {
  std::vector<RelabelRule> rules;
  for (const yaml::Node& node : list.items) {
    yaml::Fields fields(node, what, problems);
    RelabelRule rule;
    std::string action = "replace";
    fields.texts("source_labels", rule.source_labels);
    fields.text("separator", rule.separator);
    fields.text("target_label", rule.target_label);
    fields.text("regex", rule.regex);
    fields.text("replacement", rule.replacement);
    std::int64_t modulus = 0;
    if (fields.whole("modulus", modulus, 0, std::numeric_limits<std::int64_t>::max()))
      rule.modulus = static_cast<std::uint64_t>(modulus);
    fields.text("action", action);
    fields.done();
    action = lower_case(action);
    const auto known =
        std::ranges::find(kActions, action, &std::pair<std::string_view, RelabelAction>::first);
    if (known == std::end(kActions)) {
      fields.problem("unknown relabel action \"" + action + "\"");
      continue;
    }
    rule.action = known->second;
    if (const std::string wrong = what_is_wrong(rule, action); !wrong.empty()) {
      fields.problem(wrong);
    } else {
      rules.push_back(std::move(rule));
    }
  }
  return rules;
}

}  // namespace silverback::alerting
