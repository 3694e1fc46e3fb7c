// Signals: what the process is asked to do, as a queue that one thread waits on.
//
// SIGTERM and SIGINT stop, SIGHUP reloads, SIGPIPE is ignored. The signals are blocked in every thread and
// read from a signalfd, so no code ever runs inside a handler.
//
// Threads: create before any other thread; wait() one thread; post() any.
#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"

namespace silverback::server {

class Signals {
 public:
  enum class Event : std::uint8_t { Stop, Reload, Posted };

  static Result<std::unique_ptr<Signals>> open();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  Event wait();
  /// Makes wait() return Posted: something inside the process wants a look.
  void post();

 private:
  Signals(int signals, int posts) : signals_(signals), posts_(posts) {}
  const int signals_;
  const int posts_;
};

}  // namespace silverback::server
