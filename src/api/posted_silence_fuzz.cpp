// Any bytes are a silence or are refused with a status and words; one that is taken is whole, and as the API
// shows it it is read again as the same, but for fractions of a millisecond.
#include <cstdint>
#include <cstdlib>

#include "api/alertmanager_json.h"
#include "api/posted.h"
#include "base/clock.h"

namespace {

using namespace silverback;

void check(bool holds) {
  if (!holds) std::abort();
}

std::int64_t whole_ms(std::int64_t time_ns) { return floor_div(time_ns, kNsPerMs); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  notify::Silence silence;
  api::Refused refused;
  if (!api::read_silence({reinterpret_cast<const char*>(data), size}, silence, refused)) {
    check((refused.status == 400 || refused.status == 422) && !refused.message.empty());
    return 0;
  }
  check(!silence.matchers.empty() && silence.starts_ns >= 0 && silence.ends_ns >= 0);
  std::string shown;
  api::append_silence_json(shown, silence, 1);
  notify::Silence again;
  check(api::read_silence(shown, again, refused));
  check(again.id == silence.id && again.matchers == silence.matchers && again.comment == silence.comment);
  check(again.created_by == silence.created_by && again.annotations == silence.annotations);
  check(whole_ms(again.starts_ns) == whole_ms(silence.starts_ns));
  check(whole_ms(again.ends_ns) == whole_ms(silence.ends_ns));
  return 0;
}
