#include "alerting/notify/template_data.h"

#include <algorithm>
#include <map>

namespace silverback::notify {
namespace {

using gotemplate::Failure;
using gotemplate::List;
using gotemplate::Map;
using gotemplate::Methods;
using gotemplate::Struct;
using gotemplate::TimeNs;
using gotemplate::Value;
using Arguments = std::span<const Value>;

void want(Arguments arguments, std::size_t count) {
  if (arguments.size() != count) {
    throw Failure{"wrong number of args: want " + std::to_string(count) + " got " +
                  std::to_string(arguments.size())};
  }
}

const Value& field(const Value& of, std::size_t i) { return of.as_struct()->fields[i].second; }

List strings() {
  List list;
  list.type = "[]string";
  return list;
}

// ---- Pairs

Value pair_column(const Value& pairs, std::size_t column) {
  List list = strings();
  for (const Value& pair : pairs.as_list()->items) list.items.push_back(field(pair, column));
  return list;
}
Value pair_names(const Value& pairs, Arguments a) { return want(a, 0), pair_column(pairs, 0); }
Value pair_values(const Value& pairs, Arguments a) { return want(a, 0), pair_column(pairs, 1); }
Value pair_text(const Value& pairs, Arguments a) {
  want(a, 0);
  std::string out;
  for (const Value& pair : pairs.as_list()->items) {
    if (!out.empty()) out += ", ";
    out += *field(pair, 0).as_string() + "=" + *field(pair, 1).as_string();
  }
  return out;
}

const Methods kPairsMethods = {{"Names", pair_names}, {"String", pair_text}, {"Values", pair_values}};

// ---- KV: a label set

Value sorted_pairs(const Value& kv, Arguments a) {
  want(a, 0);
  List list;
  list.type = "template.Pairs";
  list.methods = &kPairsMethods;
  const auto add = [&](std::string_view name, const Value& value) {
    Struct pair;
    pair.fields = {{"Name", name}, {"Value", value}};
    pair.type = "template.Pair";
    list.items.emplace_back(std::move(pair));
  };
  constexpr std::string_view kFirst = "alertname";
  const auto& items = kv.as_map()->items;
  if (const auto it = items.find(kFirst); it != items.end()) add(kFirst, it->second);
  for (const auto& [name, value] : items) {
    if (name != kFirst) add(name, value);
  }
  return list;
}
Value kv_names(const Value& kv, Arguments a) { return pair_names(sorted_pairs(kv, a), a); }
Value kv_values(const Value& kv, Arguments a) { return pair_values(sorted_pairs(kv, a), a); }
Value kv_text(const Value& kv, Arguments a) { return pair_text(sorted_pairs(kv, a), a); }

Value kv_remove(const Value& kv, Arguments a) {
  want(a, 1);
  const List* names = a[0].as_list();
  if (names == nullptr) throw Failure{"wrong type for value; expected []string; got " + a[0].type_name()};
  Map rest = *kv.as_map();
  for (const Value& name : names->items) {
    if (const std::string* text = name.as_string()) rest.items.erase(*text);
  }
  return rest;
}

const Methods kKvMethods = {{"Names", kv_names},
                            {"Remove", kv_remove},
                            {"SortedPairs", sorted_pairs},
                            {"String", kv_text},
                            {"Values", kv_values}};

template <typename Pairs>
Value kv(const Pairs& pairs) {
  Map map;
  map.type = "template.KV";
  map.methods = &kKvMethods;
  for (const auto& [name, value] : pairs) map.items.emplace(name, value);
  return map;
}

// ---- alerts

constexpr std::string_view kFiring = "firing";
constexpr std::string_view kResolved = "resolved";

Value of_status(const Value& alerts, std::string_view status) {
  List list = *alerts.as_list();
  std::erase_if(list.items, [&](const Value& alert) { return *field(alert, 0).as_string() != status; });
  return list;
}
Value firing(const Value& alerts, Arguments a) { return want(a, 0), of_status(alerts, kFiring); }
Value resolved(const Value& alerts, Arguments a) { return want(a, 0), of_status(alerts, kResolved); }

const Methods kAlertsMethods = {{"Firing", firing}, {"Resolved", resolved}};

std::string_view status_of(const NotifiedAlert& alert) { return alert.ends_ns == 0 ? kFiring : kResolved; }

Value alert_value(const NotifiedAlert& alert) {
  Struct made;
  made.type = "template.Alert";
  made.fields = {{"Status", status_of(alert)},
                 {"Labels", kv(alert.labels)},
                 {"Annotations", kv(alert.annotations)},
                 {"StartsAt", TimeNs{alert.starts_ns == 0 ? TimeNs::kZero : alert.starts_ns}},
                 {"EndsAt", TimeNs{alert.ends_ns == 0 ? TimeNs::kZero : alert.ends_ns}},
                 {"GeneratorURL", alert.generator_url},
                 {"Fingerprint", fingerprint_text(alert.labels)}};
  return made;
}

// Pairs that all have.
template <typename PairsOf>
Value common(std::span<const NotifiedAlert> alerts, PairsOf pairs_of) {
  std::map<std::string_view, std::string_view> shared;
  bool begun = false;
  for (const NotifiedAlert& alert : alerts) {
    std::map<std::string_view, std::string_view> own;
    for (const auto& [name, value] : pairs_of(alert)) own.emplace(name, value);
    if (!begun) {
      shared = std::move(own);
      begun = true;
      continue;
    }
    std::erase_if(shared, [&](const auto& pair) {
      const auto it = own.find(pair.first);
      return it == own.end() || it->second != pair.second;
    });
  }
  return kv(shared);
}

// Go's regexp.QuoteMeta.
std::string quote_meta(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view(R"(\.+*?()|[]{}^$)").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

gotemplate::Value template_data(const Notification& notification, std::span<const NotifiedAlert> alerts,
                                std::string_view external_url) {
  List list;
  list.type = "template.Alerts";
  list.methods = &kAlertsMethods;
  for (const NotifiedAlert& alert : alerts) list.items.push_back(alert_value(alert));
  const bool fires = std::ranges::any_of(alerts, [](const NotifiedAlert& a) { return a.ends_ns == 0; });
  Struct made;
  made.type = "*template.Data";
  made.fields = {
      {"Receiver", quote_meta(notification.receiver)},
      {"Status", fires ? kFiring : kResolved},
      {"Alerts", std::move(list)},
      {"GroupLabels", kv(notification.group_labels)},
      {"CommonLabels", common(alerts, [](const NotifiedAlert& a) -> const Labels& { return a.labels; })},
      {"CommonAnnotations",
       common(alerts, [](const NotifiedAlert& a) -> const TextPairs& { return a.annotations; })},
      {"ExternalURL", external_url}};
  return made;
}

}  // namespace silverback::notify
