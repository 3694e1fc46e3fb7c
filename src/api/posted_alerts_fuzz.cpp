// Any bytes are alerts or are refused; those that are taken are whole, and as the API shows them they are
// read again as the same, but for fractions of a millisecond.
#include <cstdint>
#include <cstdlib>

#include "api/alertmanager_json.h"
#include "api/posted.h"
#include "base/clock.h"
#include "base/utf8.h"

namespace {

using namespace silverback;

void check(bool holds) {
  if (!holds) std::abort();
}

std::int64_t whole_ms(std::int64_t time_ns) { return floor_div(time_ns, kNsPerMs); }

void check_whole(const notify::NotifiedAlert& alert) {
  check(!alert.labels.empty());
  for (const LabelView label : alert.labels) check(valid_utf8(label.name) && valid_utf8(label.value));
  for (const auto& [name, value] : alert.annotations)
    check(!name.empty() && valid_utf8(name) && valid_utf8(value));
  check(alert.starts_ns >= 0 && alert.ends_ns >= 0);
  check(alert.ends_ns == 0 || alert.ends_ns >= alert.starts_ns);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto posted = api::read_alerts({reinterpret_cast<const char*>(data), size});
  if (!posted) return 0;
  check((posted->bad == 0) == posted->problems.empty());
  std::string shown = "[";
  for (notify::NotifiedAlert& alert : posted->good) {
    check_whole(alert);
    if (alert.starts_ns == 0)
      alert.starts_ns = alert.ends_ns == 0 ? 1 : alert.ends_ns;  // as the notifier does
    if (alert.ends_ns == 0) alert.ends_ns = alert.starts_ns;
    if (shown.size() > 1) shown += ',';
    api::append_alert_json(shown, {.alert = alert, .receivers = {"a"}});
  }
  const auto again = api::read_alerts(shown + "]");
  check(again && again->bad == 0 && again->good.size() == posted->good.size());
  for (std::size_t i = 0; i < again->good.size(); ++i) {
    const notify::NotifiedAlert &a = posted->good[i], &b = again->good[i];
    check(a.labels == b.labels && a.annotations == b.annotations && a.generator_url == b.generator_url);
    check(whole_ms(a.starts_ns) == whole_ms(b.starts_ns) && whole_ms(a.ends_ns) == whole_ms(b.ends_ns));
  }
  return 0;
}
