#include "api/alertmanager_query.h"

#include <algorithm>

#include "api/params.h"

namespace silverback::api {
namespace {

using notify::AlertView;
using notify::GroupView;
using notify::Matchers;

std::optional<bool> truth_of(std::string_view text) {
  constexpr std::string_view kTrue[] = {"true", "1", "t", "yes", "y", "on"};
  constexpr std::string_view kFalse[] = {"false", "0", "f", "no", "n", "off"};
  const auto is = [&](std::string_view word) { return equal_ignoring_case(word, text); };
  if (std::ranges::any_of(kTrue, is)) return true;
  if (std::ranges::any_of(kFalse, is)) return false;
  return std::nullopt;
}

Status read_truth(const Params& params, std::string_view name, bool& out) {
  const std::vector<std::string> values = params.all(name);
  if (values.empty() || values.back().empty()) return {};
  const auto truth = truth_of(values.back());
  if (!truth) {
    return {Code::Unprocessable,
            std::string(name) + " in query must be of type boolean: \"" + values.back().substr(0, 100) + '"'};
  }
  out = *truth;
  return {};
}

Status read_matchers(const Params& params, std::string_view name, Matchers& out) {
  for (const std::string& text : params.all(name)) {
    auto matchers = notify::parse_matchers(text);
    if (!matchers) return matchers.status();
    if (matchers->empty()) return {Code::InvalidArgument, "bad matcher format: " + text.substr(0, 100)};
    std::ranges::move(*matchers, std::back_inserter(out));
  }
  return {};
}

Status read_receiver_matchers(const Params& params, bool& any) {
  Matchers matchers;
  Status read = read_matchers(params, "receiver_matchers", matchers);
  if (!read.ok()) return std::move(read).in("failed to parse receiver_matchers param");
  any = notify::matches(matchers, Labels());
  return {};
}

Status first_failure(std::initializer_list<Status> all) {
  const auto it = std::ranges::find_if(all, [](const Status& status) { return !status.ok(); });
  return it == all.end() ? Status() : *it;
}

}  // namespace

Result<ReceiverQuery> ReceiverQuery::from(const HttpRequest& request) {
  const auto params = Params::of(request.query);
  if (!params) return params.status();
  ReceiverQuery query;
  if (Status read = read_receiver_matchers(*params, query.any); !read.ok()) return read;
  return query;
}

Result<AlertQuery> AlertQuery::from(const HttpRequest& request) {
  const auto params = Params::of(request.query);
  if (!params) return params.status();
  AlertQuery query;
  const Status read = first_failure(
      {read_truth(*params, "active", query.active), read_truth(*params, "inhibited", query.inhibited),
       read_truth(*params, "muted", query.muted), read_truth(*params, "silenced", query.silenced),
       read_truth(*params, "unprocessed", query.unprocessed), read_matchers(*params, "filter", query.filter),
       read_receiver_matchers(*params, query.any_receiver)});
  if (!read.ok()) return read;
  if (const auto receivers = params->all("receiver"); !receivers.empty() && !receivers.back().empty()) {
    auto receiver = Matcher::make(MatchOp::Regex, "receiver", receivers.back());
    if (!receiver) return receiver.status().in("failed to parse receiver param");
    query.receiver = std::move(*receiver);
  }
  return query;
}

bool AlertQuery::wants_receiver(std::string_view name) const { return !receiver || receiver->matches(name); }

bool AlertQuery::wants_state(const AlertView& alert) const {
  if (!active && alert.state == AlertView::State::Active) return false;
  if (!unprocessed && alert.state == AlertView::State::Unprocessed) return false;
  if (!silenced && !alert.silenced_by.empty()) return false;
  if (!inhibited && !alert.inhibited_by.empty()) return false;
  return notify::matches(filter, alert.alert.labels);
}

bool AlertQuery::wants(const AlertView& alert) const {
  if (!any_receiver) return false;
  return wants_state(alert) &&
         (!receiver || std::ranges::any_of(alert.receivers,
                                           [&](const std::string& name) { return wants_receiver(name); }));
}

bool AlertQuery::trim(GroupView& group) const {
  if (!any_receiver || !wants_receiver(group.receiver)) return false;
  const auto is_muted = [](const AlertView& alert) { return !alert.muted_by.empty(); };
  if (!muted && std::ranges::all_of(group.alerts, is_muted)) return false;
  std::erase_if(group.alerts, [&](const AlertView& alert) { return !wants_state(alert); });
  for (AlertView& alert : group.alerts) {
    if (is_muted(alert)) alert.state = AlertView::State::Suppressed;
    std::erase_if(alert.receivers, [&](const std::string& name) { return !wants_receiver(name); });
    std::ranges::sort(alert.receivers);
  }
  return !group.alerts.empty();
}

Result<SilenceQuery> SilenceQuery::from(const HttpRequest& request) {
  const auto params = Params::of(request.query);
  if (!params) return params.status();
  SilenceQuery query;
  Status read = first_failure(
      {read_truth(*params, "active", query.active), read_truth(*params, "expired", query.expired),
       read_truth(*params, "pending", query.pending), read_matchers(*params, "filter", query.filter)});
  if (!read.ok()) return read;
  return query;
}

bool SilenceQuery::wants(const notify::Silence& silence, std::int64_t now_ns) const {
  const auto has = [&](const Matcher& matcher) {
    return std::ranges::find(silence.matchers, matcher) != silence.matchers.end();
  };
  switch (silence.state_at(now_ns)) {
    case notify::SilenceState::Pending:
      if (!pending) return false;
      break;
    case notify::SilenceState::Active:
      if (!active) return false;
      break;
    case notify::SilenceState::Expired:
      if (!expired) return false;
      break;
  }
  return std::ranges::all_of(filter, has);
}

}  // namespace silverback::api
