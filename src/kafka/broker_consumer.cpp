#include "kafka/broker_consumer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "kafka/client_settings.h"
#include "kafka/join_watch.h"
#include "kafka/partition_list.h"

namespace silverback::kafka {
namespace {

// Takes the error over; empty: none.
std::string text_of(rd_kafka_error_t* error) {
  if (error == nullptr) return {};
  std::string text = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  return text;
}

// A pattern that fits no topic yet is nothing that is wrong.
bool is_idle_pattern(const rd_kafka_message_t& message) {
  return message.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && message.rkt != nullptr &&
         *rd_kafka_topic_name(message.rkt) == '^';
}

bool passes_with_rebalance(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS || error == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
         error == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || error == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST ||
         error == RD_KAFKA_RESP_ERR__NO_OFFSET;
}

constexpr int kCommittedTimeout_ms = 10'000;

}  // namespace

struct BrokerConsumer::Impl {
  Owner* owner = nullptr;
  bool from_earliest = true;
  bool paused = false;
  std::string mark;
  std::vector<Partition> without_place;  // the owner is still to be asked
  std::chrono::steady_clock::time_point committing_since;
  std::chrono::steady_clock::time_point no_nudge_until;
  JoinWatch group;  // before the client, whose threads use it
  rd_kafka_t* client = nullptr;
  rd_kafka_queue_t* queue = nullptr;

  ~Impl() {
    if (client == nullptr) return;
    if (queue != nullptr) rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
  }

  static void on_rebalance(rd_kafka_t* client, rd_kafka_resp_err_t why, rd_kafka_topic_partition_list_t* list,
                           void* self) {
    auto& impl = *static_cast<Impl*>(self);
    if (why == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
      impl.group.assigned();
      impl.assign(client, list);
    } else {
      impl.unassign(client, list);
    }
  }
  static void on_error(rd_kafka_t*, int code, const char* text, void* self) {
    static_cast<Impl*>(self)->owner->trouble(rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(code)), text);
  }
  static void on_commit(rd_kafka_t*, rd_kafka_resp_err_t error, rd_kafka_topic_partition_list_t* list,
                        void* self) {
    static_cast<Impl*>(self)->finish_commit(error, list);
  }
  static void on_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
    log(level <= 3 ? LogLevel::Warn : LogLevel::Debug, "librdkafka",
        {{"facility", facility}, {"text", text}});
  }

  bool leave();
  void assign(rd_kafka_t* kafka, rd_kafka_topic_partition_list_t* list);
  void unassign(rd_kafka_t* kafka, rd_kafka_topic_partition_list_t* list);
  void finish_commit(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* list) const;
  List list_of(std::span<const Position> positions) const;
  List assigned() const;
  rd_kafka_resp_err_t commit_and_wait(std::span<const Position> positions) const;
  void take_error(const rd_kafka_message_t& message);
  void want_place(const Partition& partition);
  bool waits_for_place(const rd_kafka_message_t& message) const;
  void find_places();
  void begin_at(const Position& position);
  Result<Bounds> ask_bounds(const Partition& partition) const;
  void complain(std::string_view what, const std::string& error) const {
    if (!error.empty()) owner->trouble(what, error);
  }
};

// Who leaves before the group is there again cannot say how far it has come. The others hear of it with their
// next heartbeat, every 3 s unless set otherwise.
// @returns whether the client can be destroyed: until 2.3.0 librdkafka ends the process when one is that was
// let into a group and never given partitions
bool BrokerConsumer::Impl::leave() {
  constexpr std::chrono::seconds kPatience(5);
  constexpr int kPoll_ms = 50;
  constexpr int kFixed = 0x020300ff;
  auto deadline = std::chrono::steady_clock::now() + kPatience;
  while ((group.joining() || group.between_join_and_assignment()) &&
         std::chrono::steady_clock::now() < deadline) {
    if (rd_kafka_message_t* late = rd_kafka_consumer_poll(client, kPoll_ms)) rd_kafka_message_destroy(late);
  }
  // rd_kafka_consumer_close() would wait for brokers that are gone until the session is over.
  rd_kafka_queue_t* const closing = rd_kafka_queue_new(client);
  complain("close", text_of(rd_kafka_consumer_close_queue(client, closing)));
  deadline = std::chrono::steady_clock::now() + kPatience;
  while (rd_kafka_consumer_closed(client) == 0 && std::chrono::steady_clock::now() < deadline) {
    rd_kafka_event_t* const event = rd_kafka_queue_poll(closing, kPoll_ms);
    if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
      on_rebalance(client, rd_kafka_event_error(event), rd_kafka_event_topic_partition_list(event), this);
    rd_kafka_event_destroy(event);
  }
  rd_kafka_queue_destroy(closing);
  return rd_kafka_consumer_closed(client) != 0 &&
         (!group.between_join_and_assignment() || rd_kafka_version() >= kFixed);
}

// With our mark.
List BrokerConsumer::Impl::list_of(std::span<const Position> positions) const {
  List list = kafka::list_of(positions);
  for (rd_kafka_topic_partition_t& item : items(list.get())) {
    item.metadata = std::malloc(mark.size());  // librdkafka frees it
    if (item.metadata == nullptr) continue;
    std::memcpy(item.metadata, mark.data(), mark.size());
    item.metadata_size = mark.size();
  }
  return list;
}

List BrokerConsumer::Impl::assigned() const {
  rd_kafka_topic_partition_list_t* list = nullptr;
  if (rd_kafka_assignment(client, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return make_list(0);
  return List(list);
}

// rd_kafka_commit() would wait without end.
rd_kafka_resp_err_t BrokerConsumer::Impl::commit_and_wait(std::span<const Position> positions) const {
  constexpr int kTimeout_ms = 5'000;
  rd_kafka_queue_t* const answers = rd_kafka_queue_new(client);
  rd_kafka_resp_err_t failed =
      rd_kafka_commit_queue(client, list_of(positions).get(), answers, /*cb=*/nullptr, /*opaque=*/nullptr);
  if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_event_t* const answer = rd_kafka_queue_poll(answers, kTimeout_ms);
    failed = answer == nullptr ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(answer);
    rd_kafka_event_destroy(answer);
  }
  rd_kafka_queue_destroy(answers);
  return failed;
}

void BrokerConsumer::Impl::assign(rd_kafka_t* kafka, rd_kafka_topic_partition_list_t* list) {
  const rd_kafka_resp_err_t asked = rd_kafka_committed(kafka, list, kCommittedTimeout_ms);
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR)
    owner->trouble("committed", std::string("committed offsets are not known: ") + rd_kafka_err2str(asked));
  std::vector<Committed> committed;
  for (const rd_kafka_topic_partition_t& item : items(list)) {
    Committed& told = committed.emplace_back(Committed{{item.topic, item.partition}});
    const bool known = asked == RD_KAFKA_RESP_ERR_NO_ERROR && item.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    told.offset = !known ? kNotTold : std::max<std::int64_t>(item.offset, -1);
    told.ours = std::string_view(static_cast<const char*>(item.metadata), item.metadata_size) == mark;
  }
  const std::vector<std::int64_t> begins = owner->assigned(committed);
  std::size_t i = 0;
  for (rd_kafka_topic_partition_t& item : items(list)) {
    // Where we do not know it librdkafka goes on asking; when there is none, the owner is asked for a place.
    const bool from_beginning = from_earliest && committed[i].offset != kNotTold;
    const std::int64_t begin = begins[i++];
    item.offset = begin >= 0 ? begin : from_beginning ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_STORED;
    item.err = RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  complain("assign", text_of(rd_kafka_incremental_assign(kafka, list)));
  if (paused) rd_kafka_pause_partitions(kafka, list);
}

void BrokerConsumer::Impl::unassign(rd_kafka_t* kafka, rd_kafka_topic_partition_list_t* list) {
  const std::vector<Partition> partitions = partitions_of(list);
  std::erase_if(without_place, [&partitions](const Partition& partition) {
    return std::ranges::find(partitions, partition) != partitions.end();
  });
  if (rd_kafka_assignment_lost(kafka) != 0) {
    owner->lost(partitions);
  } else {
    const std::vector<Position> positions = owner->revoked(partitions);
    // Behind a JoinGroup that is not answered an offset is refused, and waited for until then.
    if (!positions.empty() && !group.joining()) {
      const rd_kafka_resp_err_t failed = commit_and_wait(positions);
      if (failed != RD_KAFKA_RESP_ERR_NO_ERROR && failed != RD_KAFKA_RESP_ERR__NO_OFFSET)
        owner->trouble("commit", rd_kafka_err2str(failed));
    }
  }
  if (paused) rd_kafka_resume_partitions(kafka, list);  // librdkafka would remember it, should they come back
  complain("unassign", text_of(rd_kafka_incremental_unassign(kafka, list)));
}

void BrokerConsumer::Impl::finish_commit(rd_kafka_resp_err_t error,
                                         const rd_kafka_topic_partition_list_t* list) const {
  std::vector<Position> positions;
  Status status;
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    status = {passes_with_rebalance(error) ? Code::Cancelled : Code::Unavailable, rd_kafka_err2str(error)};
  for (const rd_kafka_topic_partition_t& item : items(list)) {
    if (status.ok() && item.err != RD_KAFKA_RESP_ERR_NO_ERROR)
      status = {Code::Unavailable, rd_kafka_err2str(item.err)};
    positions.push_back({{item.topic, item.partition}, item.offset});
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - committing_since;
  owner->committed(status, positions, took.count());
}

void BrokerConsumer::Impl::take_error(const rd_kafka_message_t& message) {
  if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF || is_idle_pattern(message)) return;
  if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
    want_place({rd_kafka_topic_name(message.rkt), message.partition});
  } else {
    owner->trouble(rd_kafka_err2name(message.err), rd_kafka_message_errstr(&message));
  }
}

void BrokerConsumer::Impl::want_place(const Partition& partition) {
  if (std::ranges::find(without_place, partition) == without_place.end()) without_place.push_back(partition);
}

// What comes of a partition before its place is known is read again from there.
bool BrokerConsumer::Impl::waits_for_place(const rd_kafka_message_t& message) const {
  return std::ranges::any_of(without_place, [&message](const Partition& partition) {
    return partition.number == message.partition && partition.topic == rd_kafka_topic_name(message.rkt);
  });
}

// A broker that does not answer is asked again at the next poll, after the others.
void BrokerConsumer::Impl::find_places() {
  while (!without_place.empty()) {
    const auto bounds = ask_bounds(without_place.front());
    if (!bounds) {
      std::rotate(without_place.begin(), without_place.begin() + 1, without_place.end());
      return;
    }
    if (const auto place = owner->place_of(without_place.front(), *bounds))
      begin_at({without_place.front(), *place});
    without_place.erase(without_place.begin());
  }
}

void BrokerConsumer::Impl::begin_at(const Position& position) {
  const List list = kafka::list_of(std::span(&position, 1));
  std::string error = text_of(rd_kafka_incremental_unassign(client, list.get()));
  if (error.empty()) error = text_of(rd_kafka_incremental_assign(client, list.get()));
  complain("assign", error);
}

Result<BrokerConsumer::Bounds> BrokerConsumer::Impl::ask_bounds(const Partition& partition) const {
  constexpr int kTimeout_ms = 1'000;
  Bounds bounds;
  const rd_kafka_resp_err_t failed = rd_kafka_query_watermark_offsets(
      client, partition.topic.c_str(), partition.number, &bounds.first, &bounds.next, kTimeout_ms);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return Status(Code::Unavailable, rd_kafka_err2str(failed));
  return bounds;
}

BrokerConsumer::BrokerConsumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BrokerConsumer::~BrokerConsumer() {
  if (impl_->leave()) return;
  log(LogLevel::Warn, "kafka: a client that could not leave its group is left to the end of the process");
  static_cast<void>(impl_.release());
}

Result<std::unique_ptr<BrokerConsumer>> BrokerConsumer::open(const ConsumerConfig& config, Owner& owner,
                                                             std::string mark) {
  const auto settings = consumer_settings(config);
  if (!settings) return settings.status();
  auto made = make_client_conf(*settings);
  if (!made) return made.status();
  rd_kafka_conf_t* const conf = *made;
  auto impl = std::make_unique<Impl>();
  impl->owner = &owner;
  impl->mark = std::move(mark);
  impl->from_earliest = config.from_earliest;
  rd_kafka_conf_set_opaque(conf, impl.get());
  rd_kafka_conf_set_rebalance_cb(conf, Impl::on_rebalance);
  rd_kafka_conf_set_error_cb(conf, Impl::on_error);
  rd_kafka_conf_set_offset_commit_cb(conf, Impl::on_commit);
  rd_kafka_conf_set_log_cb(conf, Impl::on_log);
  impl->group.add_to(conf);
  char error[512] = "";
  impl->client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof error);
  if (impl->client == nullptr) {
    rd_kafka_conf_destroy(conf);
    return Status(Code::InvalidArgument, error);
  }
  rd_kafka_poll_set_consumer(impl->client);
  impl->queue = rd_kafka_queue_get_consumer(impl->client);

  const List topics = make_list(config.topics.size());
  for (const std::string& topic : config.topics) {
    rd_kafka_topic_partition_list_add(topics.get(), subscription_of(topic).c_str(), RD_KAFKA_PARTITION_UA);
  }
  const rd_kafka_resp_err_t failed = rd_kafka_subscribe(impl->client, topics.get());
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
    return Status(Code::InvalidArgument, std::string("topics: ") + rd_kafka_err2str(failed));
  return std::unique_ptr<BrokerConsumer>(new BrokerConsumer(std::move(impl)));
}

// One by one: rd_kafka_consume_batch_queue() drops what it has gathered when a partition is paused meanwhile,
// which librdkafka does itself to all of them while a group is made anew, and goes on behind it
// (until 2.1.0).
bool BrokerConsumer::poll(Messages& messages, std::size_t most, std::size_t most_bytes,
                          std::int64_t wait_ms) {
  using Clock = std::chrono::steady_clock;
  // Not while something is in hand, which is from before the place.
  if (!impl_->paused && !impl_->without_place.empty()) impl_->find_places();
  const auto deadline = Clock::now() + std::chrono::milliseconds(wait_ms);
  messages.clear();
  std::size_t count = 0;
  std::size_t bytes = 0;
  const auto full = [&] { return count >= most || bytes >= most_bytes; };
  while (!full()) {
    // Where there is a message it is there at once; the clock is asked only when there is none.
    rd_kafka_message_t* one = rd_kafka_consumer_poll(impl_->client, 0);
    if (one == nullptr) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0) break;
      one = rd_kafka_consumer_poll(impl_->client, static_cast<int>(left));
      if (one == nullptr) break;
    }
    if (one->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      impl_->take_error(*one);
    } else {
      ++count;
      bytes += one->len;
      if (!impl_->waits_for_place(*one)) messages.add(*one);
    }
    rd_kafka_message_destroy(one);
  }
  return full();
}

void BrokerConsumer::pause() {
  if (!std::exchange(impl_->paused, true)) rd_kafka_pause_partitions(impl_->client, impl_->assigned().get());
}

void BrokerConsumer::resume() {
  if (std::exchange(impl_->paused, false)) rd_kafka_resume_partitions(impl_->client, impl_->assigned().get());
}

void BrokerConsumer::commit(std::span<const Position> positions) {
  impl_->committing_since = std::chrono::steady_clock::now();
  const List list = impl_->list_of(positions);
  const rd_kafka_resp_err_t failed = rd_kafka_commit(impl_->client, list.get(), /*async=*/1);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) impl_->finish_commit(failed, list.get());
}

Result<BrokerConsumer::Bounds> BrokerConsumer::ask_bounds(const Partition& partition) {
  return impl_->ask_bounds(partition);
}

void BrokerConsumer::nudge_fetchers() {
  constexpr int kTimeout_ms = 500;
  constexpr std::chrono::seconds kRest(10);  // when a leader does not answer
  const auto now = std::chrono::steady_clock::now();
  if (now < impl_->no_nudge_until) return;
  const List list = impl_->assigned();
  for (rd_kafka_topic_partition_t& item : items(list.get())) item.offset = RD_KAFKA_OFFSET_END;
  const rd_kafka_resp_err_t failed = rd_kafka_offsets_for_times(impl_->client, list.get(), kTimeout_ms);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) impl_->no_nudge_until = now + kRest;
}

void BrokerConsumer::place_anew(const Partition& partition) { impl_->want_place(partition); }

bool BrokerConsumer::may_commit() const { return !impl_->group.joining(); }

void BrokerConsumer::wake() { rd_kafka_queue_yield(impl_->queue); }

std::int64_t BrokerConsumer::passed(const Partition& partition) const {
  const List list = make_list(1);
  rd_kafka_topic_partition_list_add(list.get(), partition.topic.c_str(), partition.number);
  const bool known = rd_kafka_position(impl_->client, list.get()) == RD_KAFKA_RESP_ERR_NO_ERROR;
  return known ? std::max<std::int64_t>(list->elems[0].offset, -1) : -1;
}

BrokerConsumer::Bounds BrokerConsumer::bounds(const Partition& partition) const {
  std::int64_t low = -1;
  std::int64_t high = -1;
  if (rd_kafka_get_watermark_offsets(impl_->client, partition.topic.c_str(), partition.number, &low, &high) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return {};
  }
  return {low >= 0 ? low : -1, high >= 0 ? high : -1};
}

}  // namespace silverback::kafka
