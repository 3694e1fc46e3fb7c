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
  /// @param whose  of the lines in the log: "kafka producer"
  explicit Troubles(std::string whose) : whose_(std::move(whose)) {}

  /// @param topic  empty: of no topic but of brokers
  void begin(std::string_view code, std::string_view topic, std::string_view text, std::int64_t now_ms)
      EXCLUDES(mutex_);
  /// That of this topic and that of brokers are over.
  void end(std::string_view topic) EXCLUDES(mutex_);
  std::vector<Trouble> all() const EXCLUDES(mutex_);

 private:
  // Topics may be as many as labels of alerts: beyond this only the log's Debug lines tell.
  static constexpr std::size_t kMost = 100;

  const std::string whose_;
  mutable Mutex mutex_;
  std::map<std::pair<std::string, std::string>, Trouble> troubles_ GUARDED_BY(mutex_);  // by topic and code
};

}  // namespace silverback::kafka
