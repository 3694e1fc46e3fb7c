// Claims: whose a partition is, among the members of one consumer.
//
// A group that has not heard of a member for long gives its partitions to others, while that member reads on
// until it hears of it. Within one server the last one that was given a partition has the claim; the one
// before it stores and buries nothing of it any more, and what it does just then is waited for, so that
// whoever comes next begins behind it.
//
//   const std::uint64_t claim = claims.take(source);   // when the partition is given to us
//   Claims::Turn turn(claims, source, claim);
//   if (!turn.enter()) return;                         // another one has it by now
//   ...                                                // nobody takes it meanwhile
//   turn.leave();                                      // or at its end
//   claims.give_up(source, claim);                     // when it is taken away
//
// Who is in a turn must not wait for another member: take() waits for turns.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "base/mutex.h"

namespace silverback::kafka {

class Claims {
 public:
  class Turn {
   public:
    /// Not entered yet.
    Turn(Claims& claims, std::string source, std::uint64_t claim)
        : claims_(claims), source_(std::move(source)), claim_(claim) {}
    ~Turn() { leave(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// @returns false when another one has the partition, or had it
    bool enter();
    void leave();

   private:
    Claims& claims_;
    const std::string source_;
    const std::uint64_t claim_;
    bool entered_ = false;
  };

  /// From now on it is the caller's, until another one takes it. Waits for the turn of the one before.
  /// @returns another number each time, 1 or more
  std::uint64_t take(const std::string& source) EXCLUDES(mutex_);
  /// Takes it when nobody has it. @returns 0 when somebody has
  std::uint64_t take_if_free(const std::string& source) EXCLUDES(mutex_);
  /// Nothing happens when another one has it by now.
  void give_up(const std::string& source, std::uint64_t claim) EXCLUDES(mutex_);

 private:
  struct Claim {
    std::uint64_t number = 0;  // 0: nobody has it
    bool in_turn = false;
  };

  Mutex mutex_;
  Condition left_;
  std::uint64_t last_ GUARDED_BY(mutex_) = 0;
  std::map<std::string, Claim, std::less<>> claims_ GUARDED_BY(mutex_);  // of partitions that ever were ours
};

}  // namespace silverback::kafka
