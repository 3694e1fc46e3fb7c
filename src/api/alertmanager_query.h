// What a GET of Alertmanager's API v2 asks for: its parameters, and whether a thing is among what they want.
//
// A truth is "true", "1", "t", "yes", "y", "on" or the contrary; the last of several counts, an empty one is
// the default, which is true. `filter` and `receiver_matchers` are matchers, repeated; `receiver` is a
// regular expression for the whole name. Receivers have no labels here, so `receiver_matchers` chooses all or
// none.
//
// Threads: immutable.
#pragma once

#include <optional>

#include "alerting/notify/matcher_text.h"
#include "alerting/notify/notifier.h"
#include "api/message.h"
#include "base/status.h"

namespace silverback::api {

struct ReceiverQuery {
  bool any = true;

  /// @returns InvalidArgument: a parameter is wrong; Unprocessable: a truth is none
  static Result<ReceiverQuery> from(const HttpRequest& request);
};

struct AlertQuery {
  notify::Matchers filter;
  std::optional<Matcher> receiver;
  bool any_receiver = true;
  bool active = true;
  bool silenced = true;
  bool inhibited = true;
  bool unprocessed = true;
  bool muted = true;

  static Result<AlertQuery> from(const HttpRequest& request);
  bool wants(const notify::AlertView& alert) const;
  /// Leaves the alerts that are wanted. @returns false when none is, or the group is not
  bool trim(notify::GroupView& group) const;

 private:
  bool wants_receiver(std::string_view name) const;
  bool wants_state(const notify::AlertView& alert) const;
};

struct SilenceQuery {
  notify::Matchers filter;
  bool active = true;
  bool pending = true;
  bool expired = true;

  static Result<SilenceQuery> from(const HttpRequest& request);
  bool wants(const notify::Silence& silence, std::int64_t now_ns) const;
};

}  // namespace silverback::api
