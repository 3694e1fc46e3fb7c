// Troubles: what is wrong with a client's brokers and topics now, with one line in the log when it begins and
// one when it has passed.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "kafka/status.h"

namespace silverback::kafka {

class Troubles {
 public:
  /// @param whose  of the lines in the log: "kafka producer", "kafka consumer telemetry"
  explicit Troubles(std::string whose) : whose_(std::move(whose)) {}

  /// @param topic  empty: of no topic but of brokers
  /// @param repeats  it is told with each attempt: it is over when it is not heard of for a while. That is
  ///                 longer for a topic, since nobody tries while there is nothing to send
  void begin(std::string_view code, std::string_view topic, std::string_view text, std::int64_t now_ms,
             bool repeats = false) EXCLUDES(mutex_);
  /// That of this topic and that of brokers are over.
  void end(std::string_view topic) EXCLUDES(mutex_);
  void end_code(std::string_view code) EXCLUDES(mutex_);
  /// Ends those that repeat and were not heard of. To be called now and then.
  void tick(std::int64_t now_ms) EXCLUDES(mutex_);
  std::vector<Trouble> all() const EXCLUDES(mutex_);

 private:
  // Topics may be as many as labels of alerts: beyond this only the log's Debug lines tell.
  static constexpr std::size_t kMost = 100;

  struct Known {
    Trouble trouble;
    bool repeats = false;
    std::int64_t heard_ms = 0;
  };
  using Key = std::pair<std::string, std::string>;  // topic and code
  template <typename Over>
  void end_if(Over over) EXCLUDES(mutex_);

  const std::string whose_;
  mutable Mutex mutex_;
  std::map<Key, Known> troubles_ GUARDED_BY(mutex_);
};

}  // namespace silverback::kafka
