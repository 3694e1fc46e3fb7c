// Crew: threads of which exactly one leads while any is idle.
//
//   Crew crew([&] { return io.run_one() != 0; });      // what the leader does, over and over
//   crew.start(8);
//   ... inside a handler that may take long:
//   crew.step_down();                                  // somebody else leads; this thread works on
//
// The leader/followers pattern: the thread that finds a request also serves it, with its bytes warm in
// its cache, and the price of not blocking the others is one wake-up, which is not on the request's path.
// Idle threads are woken last in, first out, so a light load keeps to few threads and few stacks.
// Source: Schmidt, O'Ryan, Kircher, Pyarali, Buschmann, "Leader/Followers", PLoP 2000
//
// Invariant: whoever calls step_down() sees to it that fewer threads work than there are; then the
// lead is never vacant for longer than a wake-up.
//
// Threads: step_down() on a crew's own thread, from inside `lead`.
#pragma once

#include <functional>
#include <semaphore>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace silverback::api {

class Crew {
 public:
  /// @param lead  does one thing and returns true, or false when it is all over
  explicit Crew(std::function<bool()> lead) : lead_(std::move(lead)) {}
  ~Crew();  // returns when `lead` has returned false and every thread has finished its work
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void start(std::size_t threads);
  void step_down() EXCLUDES(mutex_);

 private:
  struct Member {
    std::binary_semaphore woken{0};
  };

  void run();
  bool wait_for_lead(Member& self) EXCLUDES(mutex_);
  void finish() EXCLUDES(mutex_);

  const std::function<bool()> lead_;
  Mutex mutex_;
  bool led_ GUARDED_BY(mutex_) = false;
  bool over_ GUARDED_BY(mutex_) = false;
  std::vector<Member*> idle_ GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_;  // last member: joined before the rest goes
};

}  // namespace silverback::api
