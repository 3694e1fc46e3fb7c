#include "kafka/broker_consumer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "base/log.h"
#include "kafka/client_settings.h"

namespace silverback::kafka {
namespace {

struct ListDeleter {
  void operator()(rd_kafka_topic_partition_list_t* list) const {
    rd_kafka_topic_partition_list_destroy(list);
  }
};
using List = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

List make_list(std::size_t size) { return List(rd_kafka_topic_partition_list_new(static_cast<int>(size))); }

std::span<rd_kafka_topic_partition_t> items(const rd_kafka_topic_partition_list_t* list) {
  return {list->elems, static_cast<std::size_t>(list->cnt)};
}

std::vector<Partition> partitions_of(const rd_kafka_topic_partition_list_t* list) {
  std::vector<Partition> partitions;
  for (const rd_kafka_topic_partition_t& item : items(list))
    partitions.push_back({item.topic, item.partition});
  return partitions;
}

List list_of(std::span<const Position> positions) {
  List list = make_list(positions.size());
  for (const Position& position : positions) {
    rd_kafka_topic_partition_list_add(list.get(), position.partition.topic.c_str(), position.partition.number)
        ->offset = position.offset;
  }
  return list;
}

// Takes the error over; empty: none.
std::string text_of(rd_kafka_error_t* error) {
  if (error == nullptr) return {};
  std::string text = rd_kafka_error_string(error);
  rd_kafka_error_destroy(error);
  return text;
}

void add_headers(const rd_kafka_message_t* message, std::vector<Header>& out) {
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
    out.push_back({name, {static_cast<const char*>(value), size}});
  }
}

// Of the characters that a topic's name may have only the dot means something in a pattern.
std::string escape_dots(std::string_view topic) {
  std::string escaped;
  for (const char c : topic) escaped += c == '.' ? std::string("\\.") : std::string(1, c);
  return escaped;
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
// https://kafka.apache.org/protocol#protocol_api_keys
constexpr std::int16_t kJoinGroup = 11;
constexpr std::int16_t kSyncGroup = 14;

}  // namespace

struct BrokerConsumer::Impl {
  Owner* owner = nullptr;
  bool from_earliest = true;
  bool paused = false;
  std::vector<Partition> without_place;  // the owner is still to be asked
  std::chrono::steady_clock::time_point committing_since;
  // Written by librdkafka's threads; nothing else goes with them.
  std::atomic<bool> joining{false};      // from JoinGroup until SyncGroup is answered
  std::atomic<bool> half_joined{false};  // JoinGroup was answered
  bool ever_assigned = false;
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
      impl.joining.store(false);
      impl.ever_assigned = true;
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
  // JoinGroup is answered when all members have asked. What is sent behind it on the connection waits, and
  // comes with a generation that is over then; until SyncGroup is answered offsets are refused.
  static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*,
                                    std::size_t) {
    rd_kafka_interceptor_add_on_request_sent(client, "joining", on_request, self);
    rd_kafka_interceptor_add_on_response_received(client, "joining", on_response, self);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t on_request(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api,
                                        std::int16_t, std::int32_t, std::size_t, void* self) {
    if (api == kJoinGroup) static_cast<Impl*>(self)->joining.store(true);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api,
                                         std::int16_t, std::int32_t, std::size_t, std::int64_t,
                                         rd_kafka_resp_err_t, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    if (api == kJoinGroup) impl.half_joined.store(true);
    if (api == kSyncGroup) impl.joining.store(false);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static void on_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
    log(level <= 3 ? LogLevel::Warn : LogLevel::Debug, "librdkafka",
        {{"facility", facility}, {"text", text}});
  }

  bool leave();
  bool between_join_and_assignment() const { return !ever_assigned && half_joined.load(); }
  void assign(rd_kafka_t* kafka, rd_kafka_topic_partition_list_t* list);
  void unassign(rd_kafka_t* kafka, rd_kafka_topic_partition_list_t* list);
  void finish_commit(rd_kafka_resp_err_t error, const rd_kafka_topic_partition_list_t* list) const;
  void find_places();
  Status begin_at(const Position& position);
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
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while ((joining.load() || between_join_and_assignment()) && std::chrono::steady_clock::now() < deadline) {
    if (rd_kafka_message_t* late = rd_kafka_consumer_poll(client, kPoll_ms)) rd_kafka_message_destroy(late);
  }
  rd_kafka_consumer_close(client);
  return !between_join_and_assignment() || rd_kafka_version() >= kFixed;
}

void BrokerConsumer::Impl::assign(rd_kafka_t* kafka, rd_kafka_topic_partition_list_t* list) {
  const rd_kafka_resp_err_t asked = rd_kafka_committed(kafka, list, kCommittedTimeout_ms);
  if (asked != RD_KAFKA_RESP_ERR_NO_ERROR)
    owner->trouble("committed", std::string("committed offsets are not known: ") + rd_kafka_err2str(asked));
  std::vector<Position> committed;
  for (const rd_kafka_topic_partition_t& item : items(list)) {
    const bool known = asked == RD_KAFKA_RESP_ERR_NO_ERROR && item.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    committed.push_back({{item.topic, item.partition},
                         !known             ? kNotTold
                         : item.offset >= 0 ? item.offset
                                            : std::int64_t{-1}});
  }
  const std::vector<std::int64_t> begins = owner->assigned(committed);
  std::size_t i = 0;
  for (rd_kafka_topic_partition_t& item : items(list)) {
    const std::int64_t begin = begins[i++];
    const std::int64_t start = from_earliest ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    // What we were not told librdkafka goes on asking; when there is none, the owner is asked where to go.
    const bool known = asked == RD_KAFKA_RESP_ERR_NO_ERROR && item.err == RD_KAFKA_RESP_ERR_NO_ERROR;
    item.offset = begin >= 0 ? begin : known ? start : RD_KAFKA_OFFSET_STORED;
    item.err = RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  complain("assign", text_of(rd_kafka_incremental_assign(kafka, list)));
  if (paused) rd_kafka_pause_partitions(kafka, list);
}

void BrokerConsumer::Impl::unassign(rd_kafka_t* kafka, rd_kafka_topic_partition_list_t* list) {
  const std::vector<Partition> partitions = partitions_of(list);
  if (rd_kafka_assignment_lost(kafka) != 0) {
    owner->lost(partitions);
  } else {
    const std::vector<Position> positions = owner->revoked(partitions);
    // Behind a JoinGroup that is not answered an offset is refused, and waited for until then.
    if (!positions.empty() && !joining.load()) {
      const rd_kafka_resp_err_t failed = rd_kafka_commit(kafka, list_of(positions).get(), /*async=*/0);
      if (failed != RD_KAFKA_RESP_ERR_NO_ERROR && failed != RD_KAFKA_RESP_ERR__NO_OFFSET)
        owner->trouble("commit", rd_kafka_err2str(failed));
    }
  }
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

// A broker that does not answer is asked again at the next poll.
void BrokerConsumer::Impl::find_places() {
  std::vector<Partition> open = std::exchange(without_place, {});
  while (!open.empty()) {
    const auto bounds = ask_bounds(open.back());
    if (!bounds) break;
    if (const auto place = owner->place_of(open.back(), *bounds)) {
      const Status begun = begin_at({open.back(), *place});
      if (!begun.ok()) owner->trouble("assign", begun.message());
    }
    open.pop_back();
  }
  without_place.insert(without_place.end(), open.begin(), open.end());
}

Status BrokerConsumer::Impl::begin_at(const Position& position) {
  const List list = list_of(std::span(&position, 1));
  std::string error = text_of(rd_kafka_incremental_unassign(client, list.get()));
  if (error.empty()) error = text_of(rd_kafka_incremental_assign(client, list.get()));
  if (paused) rd_kafka_pause_partitions(client, list.get());
  return error.empty() ? Status() : Status(Code::Unavailable, error);
}

Result<BrokerConsumer::Bounds> BrokerConsumer::Impl::ask_bounds(const Partition& partition) const {
  constexpr int kTimeout_ms = 1'000;
  Bounds bounds;
  const rd_kafka_resp_err_t failed = rd_kafka_query_watermark_offsets(
      client, partition.topic.c_str(), partition.number, &bounds.first, &bounds.next, kTimeout_ms);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) return Status(Code::Unavailable, rd_kafka_err2str(failed));
  return bounds;
}

Messages::Messages() = default;
Messages::~Messages() {
  for (void* raw : raw_) rd_kafka_message_destroy(static_cast<rd_kafka_message_t*>(raw));
}
Messages::Messages(Messages&& other) noexcept
    : messages_(std::exchange(other.messages_, {})),
      headers_(std::exchange(other.headers_, {})),
      raw_(std::exchange(other.raw_, {})) {}
Messages& Messages::operator=(Messages&& other) noexcept {
  std::swap(messages_, other.messages_);
  std::swap(headers_, other.headers_);
  std::swap(raw_, other.raw_);
  return *this;
}

BrokerConsumer::BrokerConsumer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BrokerConsumer::~BrokerConsumer() {
  if (impl_->leave()) return;
  log(LogLevel::Warn, "kafka: a client that never had partitions is left to the end of the process");
  static_cast<void>(impl_.release());
}

Result<std::unique_ptr<BrokerConsumer>> BrokerConsumer::open(const ConsumerConfig& config, Owner& owner) {
  // Less is kept in memory than librdkafka would by itself, and topics that are new are seen earlier.
  TextPairs own = {{"fetch.max.bytes", "3145728"},
                   {"queued.max.messages.kbytes", "16384"},
                   {"queued.min.messages", "20000"},
                   {"topic.metadata.refresh.interval.ms", "10000"}};
  if (!config.dead_letter_topic.empty())  // which a pattern may fit: each letter would be one again
    own.emplace_back("topic.blacklist", "^" + escape_dots(config.dead_letter_topic) + "$");
  own.insert(own.end(), config.settings.begin(), config.settings.end());
  auto settings = client_settings(config.brokers, config.security, own);
  if (!settings) return settings.status();
  settings->insert(settings->end(), {{"group.id", config.group},
                                     {"enable.auto.commit", "false"},
                                     {"enable.auto.offset.store", "false"},
                                     {"auto.offset.reset", "error"},
                                     {"partition.assignment.strategy", "cooperative-sticky"}});
  auto made = make_client_conf(*settings);
  if (!made) return made.status();
  rd_kafka_conf_t* const conf = *made;
  auto impl = std::make_unique<Impl>();
  impl->owner = &owner;
  impl->from_earliest = config.from_earliest;
  rd_kafka_conf_set_opaque(conf, impl.get());
  rd_kafka_conf_set_rebalance_cb(conf, Impl::on_rebalance);
  rd_kafka_conf_set_error_cb(conf, Impl::on_error);
  rd_kafka_conf_set_offset_commit_cb(conf, Impl::on_commit);
  rd_kafka_conf_set_log_cb(conf, Impl::on_log);
  rd_kafka_conf_interceptor_add_on_new(conf, "joining", Impl::on_new, impl.get());
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
Messages BrokerConsumer::poll(std::size_t most, std::int64_t wait_ms) {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(wait_ms);
  Messages messages;
  std::vector<std::size_t> header_counts;
  while (messages.raw_.size() < most) {
    // Where there is a message it is there at once; the clock is asked only when there is none.
    rd_kafka_message_t* one = rd_kafka_consumer_poll(impl_->client, 0);
    if (one == nullptr) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0) break;
      one = rd_kafka_consumer_poll(impl_->client, static_cast<int>(left));
      if (one == nullptr) break;
    }
    messages.raw_.push_back(one);
    if (one->err == RD_KAFKA_RESP_ERR__PARTITION_EOF || is_idle_pattern(*one)) continue;
    if (one->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
      impl_->without_place.push_back({rd_kafka_topic_name(one->rkt), one->partition});
      continue;
    }
    if (one->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      impl_->owner->trouble(rd_kafka_err2name(one->err), rd_kafka_message_errstr(one));
      continue;
    }
    rd_kafka_timestamp_type_t type{};
    const std::int64_t time_ms = rd_kafka_message_timestamp(one, &type);
    Message message;
    message.topic = rd_kafka_topic_name(one->rkt);
    message.partition = one->partition;
    message.offset = one->offset;
    message.time_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || time_ms < 0 ? 0 : time_ms;
    message.key = {static_cast<const char*>(one->key), one->key_len};
    message.value = {static_cast<const char*>(one->payload), one->len};
    message.tombstone = one->payload == nullptr;
    const std::size_t before = messages.headers_.size();
    add_headers(one, messages.headers_);
    header_counts.push_back(messages.headers_.size() - before);
    messages.messages_.push_back(message);
  }
  if (!impl_->without_place.empty()) impl_->find_places();
  std::span<const Header> rest = messages.headers_;
  for (std::size_t i = 0; i < messages.messages_.size() && !rest.empty(); ++i) {
    messages.messages_[i].headers = rest.first(header_counts[i]);
    rest = rest.subspan(header_counts[i]);
  }
  return messages;
}

void BrokerConsumer::pause() {
  if (std::exchange(impl_->paused, true)) return;
  rd_kafka_topic_partition_list_t* list = nullptr;
  if (rd_kafka_assignment(impl_->client, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const List owned(list);
  rd_kafka_pause_partitions(impl_->client, list);
}

void BrokerConsumer::resume() {
  if (!std::exchange(impl_->paused, false)) return;
  rd_kafka_topic_partition_list_t* list = nullptr;
  if (rd_kafka_assignment(impl_->client, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const List owned(list);
  rd_kafka_resume_partitions(impl_->client, list);
}

void BrokerConsumer::commit(std::span<const Position> positions) {
  impl_->committing_since = std::chrono::steady_clock::now();
  const List list = list_of(positions);
  const rd_kafka_resp_err_t failed = rd_kafka_commit(impl_->client, list.get(), /*async=*/1);
  if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) impl_->finish_commit(failed, list.get());
}

Result<BrokerConsumer::Bounds> BrokerConsumer::ask_bounds(const Partition& partition) {
  return impl_->ask_bounds(partition);
}

void BrokerConsumer::refresh_bounds() {
  constexpr int kTimeout_ms = 1'000;
  rd_kafka_topic_partition_list_t* list = nullptr;
  if (rd_kafka_assignment(impl_->client, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return;
  const List owned(list);
  for (rd_kafka_topic_partition_t& item : items(list)) item.offset = RD_KAFKA_OFFSET_END;
  rd_kafka_offsets_for_times(impl_->client, list, kTimeout_ms);
}

void BrokerConsumer::place_anew(const Partition& partition) { impl_->without_place.push_back(partition); }

bool BrokerConsumer::may_commit() const { return !impl_->joining.load(); }

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

std::vector<Partition> BrokerConsumer::assignment() const {
  rd_kafka_topic_partition_list_t* list = nullptr;
  if (rd_kafka_assignment(impl_->client, &list) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  const List owned(list);
  return partitions_of(list);
}

}  // namespace silverback::kafka
