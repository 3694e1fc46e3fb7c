// NotifiedAlert: an alert as receivers know it, from this server's rules or posted by others.
//
// Times are Unix nanoseconds, 0 is "never". An alert of our own rules has no end while it fires; one that was
// posted ends by itself unless it is posted again.
//
// Threads: a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "alerting/rule_file.h"
#include "base/status.h"
#include "model/labels.h"

namespace silverback::notify {

using alerting::TextPairs;

struct NotifiedAlert {
  Labels labels = {};
  TextPairs annotations = {};  // sorted by name
  std::int64_t starts_ns = 0;
  std::int64_t ends_ns = 0;
  std::int64_t updated_ns = 0;
  std::string generator_url = {};
  bool own = false;          // of this server's rules
  bool assumed_end = false;  // nobody said when it ends
  /// Own: which alert of which rule it is, as relabelling may make one of several. Not kept.
  std::uint64_t source = 0;

  bool resolved_at(std::int64_t now_ns) const { return ends_ns != 0 && ends_ns <= now_ns; }
  friend bool operator==(const NotifiedAlert&, const NotifiedAlert&) = default;
};

/// Alertmanager's identity of a label set: FNV-1a, 64 bits, over name 0xff value 0xff in the order of names.
std::uint64_t fingerprint(const Labels& labels);
/// 16 hexadecimal digits.
std::string fingerprint_text(const Labels& labels);

/// Alertmanager's order of label sets, in which groups are shown: those with fewer labels first.
bool labels_before(const Labels& a, const Labels& b);
/// The order of alerts in a notification: by job, by instance, by the number of labels, by the labels.
bool before(const NotifiedAlert& a, const NotifiedAlert& b);

/// As kept in the state store: docs/format/notify.md.
std::string encode(const NotifiedAlert& alert);
/// @returns DataLoss when the bytes are not an alert's, InvalidArgument when their version is newer
Result<NotifiedAlert> decode_notified(std::string_view bytes);

}  // namespace silverback::notify
