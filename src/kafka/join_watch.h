// JoinWatch: where a member stands while its group is made anew.
//
// librdkafka does not say; its interceptors see the requests. JoinGroup is answered when all members have
// asked. What is sent behind it on the connection waits, and comes with a generation that is over then; until
// SyncGroup is answered offsets are refused.
//
// Threads: any, but assigned() and between_join_and_assignment() of the member's. Lives as long as the
// client.
#pragma once

#include <atomic>

struct rd_kafka_conf_s;

namespace silverback::kafka {

class JoinWatch {
 public:
  JoinWatch() = default;
  JoinWatch(const JoinWatch&) = delete;
  JoinWatch& operator=(const JoinWatch&) = delete;

  /// The client that is made with these settings is watched.
  void add_to(rd_kafka_conf_s* conf);
  /// Partitions were given to us.
  void assigned() { ever_assigned_ = true; }

  /// From JoinGroup until SyncGroup is answered.
  bool joining() const { return joining_.load(); }
  /// The group has let us in, and never given us partitions.
  bool between_join_and_assignment() const { return !ever_assigned_ && half_joined_.load(); }

 private:
  struct Hooks;

  // Written by librdkafka's threads; nothing else goes with them.
  std::atomic<bool> joining_{false};
  std::atomic<bool> half_joined_{false};  // JoinGroup was answered
  bool ever_assigned_ = false;
};

}  // namespace silverback::kafka
