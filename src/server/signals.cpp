#include "server/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <string>

namespace silverback::server {

Result<std::unique_ptr<Signals>> Signals::open() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  if (pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0)
    return Status(Code::Internal, "signals could not be blocked");
  std::signal(SIGPIPE, SIG_IGN);
  const int signals = ::signalfd(-1, &set, SFD_CLOEXEC);
  const int posts = ::eventfd(0, EFD_CLOEXEC);
  if (signals < 0 || posts < 0) {
    return Status(Code::Internal, std::string("signals cannot be waited for: ") + std::strerror(errno));
  }
  return std::unique_ptr<Signals>(new Signals(signals, posts));
}

Signals::~Signals() {
  ::close(signals_);
  ::close(posts_);
}

Signals::Event Signals::wait() {
  for (;;) {
    pollfd ready[2] = {{signals_, POLLIN, 0}, {posts_, POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0) continue;  // interrupted
    if ((ready[0].revents & POLLIN) != 0) {
      signalfd_siginfo info{};
      if (::read(signals_, &info, sizeof info) != sizeof info) continue;
      return info.ssi_signo == SIGHUP ? Event::Reload : Event::Stop;
    }
    if ((ready[1].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      if (::read(posts_, &count, sizeof count) != sizeof count) continue;
      return Event::Posted;
    }
  }
}

void Signals::post() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(posts_, &one, sizeof one);
}

}  // namespace silverback::server
