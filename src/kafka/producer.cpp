#include "kafka/producer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "kafka/client_settings.h"
#include "kafka/send_room.h"
#include "kafka/troubles.h"

namespace silverback::kafka {
namespace {

// A message under way: what librdkafka sends from, and who waits for it. Owned by the message's opaque
// pointer.
struct Pending {
  std::string value;
  std::size_t size = 0;  // of the whole message, as the room counts it
  MessageSink::Delivered delivered;
  bool alone = false;  // nothing else is on its way, so that its batch has nothing else
};

struct Counts {
  Counter& sent =
      metrics().counter("silverback_kafka_producer_sent_total", "Messages that brokers have taken.");
  Counter& failed = metrics().counter("silverback_kafka_producer_failed_total",
                                      "Messages that were not delivered in time.");
  Gauge& queued = metrics().gauge("silverback_kafka_producer_queue_messages",
                                  "Messages that wait for brokers or for their answer.");
};

std::size_t size_of(const OutMessage& message) {
  std::size_t size = message.key.size() + message.value.size();
  for (const auto& [name, value] : message.headers) size += name.size() + value.size();
  return size;
}

// What of a failed delivery the caller may repeat.
Code code_of(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return Code::ResourceExhausted;
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__INVALID_ARG: return Code::InvalidArgument;
    default: return Code::Unavailable;
  }
}

// What librdkafka uses. Of those that are numbers all have one.
std::size_t setting_of(rd_kafka_t* client, const char* name) {
  char text[32] = "";
  std::size_t size = sizeof text;
  std::size_t value = 1'000'000;
  if (rd_kafka_conf_get(rd_kafka_conf(client), name, text, &size) == RD_KAFKA_CONF_OK)
    std::from_chars(text, text + std::char_traits<char>::length(text), value);
  return value;
}

// Of failures the error callback tells, and Troubles once per spell.
void on_log(const rd_kafka_t*, int level, const char* facility, const char* text) {
  const std::string_view of = facility;
  const bool told = of == "FAIL" || of == "FATAL" || of == "ERROR";
  log(level <= 3 && !told ? LogLevel::Warn : LogLevel::Debug, "librdkafka",
      {{"facility", facility}, {"text", text}});
}

// The parts of a message as rd_kafka_produceva() wants them: its macros are no standard C++.
std::vector<rd_kafka_vu_t> parts_of(const OutMessage& message, Pending* pending) {
  std::vector<rd_kafka_vu_t> parts;
  const auto add = [&parts](rd_kafka_vtype_t type) -> auto& {
    parts.emplace_back().vtype = type;
    return parts.back().u;
  };
  add(RD_KAFKA_VTYPE_TOPIC).cstr = message.topic.c_str();
  add(RD_KAFKA_VTYPE_VALUE).mem = {pending->value.data(), pending->value.size()};
  add(RD_KAFKA_VTYPE_OPAQUE).ptr = pending;
  if (!message.key.empty())
    add(RD_KAFKA_VTYPE_KEY).mem = {const_cast<char*>(message.key.data()), message.key.size()};
  if (message.time_ms != 0) add(RD_KAFKA_VTYPE_TIMESTAMP).i64 = message.time_ms;
  for (const auto& [name, value] : message.headers) {
    add(RD_KAFKA_VTYPE_HEADER).header = {name.c_str(), value.data(), static_cast<ssize_t>(value.size())};
  }
  return parts;
}

// After a fatal error at once, then twice as long each time until a message is delivered.
constexpr std::int64_t kFirstRenewal_ms = 500;
constexpr std::int64_t kLongestRenewal_ms = 30'000;

}  // namespace

struct Producer::Impl {
  Impl(const ProducerConfig& given, TextPairs all_settings, std::string whose, const Clock* given_clock)
      : config(given),
        settings(std::move(all_settings)),
        log_name(whose),
        clock(given_clock == nullptr ? system_clock : *given_clock),
        room(static_cast<std::uint64_t>(given.queue_messages), static_cast<std::uint64_t>(given.queue_bytes)),
        troubles(std::move(whose)) {}
  ~Impl();

  Result<rd_kafka_t*> make_client();
  Status send(OutMessage message, Delivered delivered) EXCLUDES(client_mutex);
  Status refused(rd_kafka_resp_err_t error, const OutMessage& message, std::string_view text) const;
  Status failed_delivery(rd_kafka_resp_err_t error, const Pending& pending) const;
  std::int64_t now_ms() const { return clock.now_ns() / kNsPerMs; }

  // On the own thread.
  void run();
  void renew() EXCLUDES(client_mutex);
  void drop(rd_kafka_t* old);
  void delivered(const rd_kafka_message_t& message);
  static void on_delivered(rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    static_cast<Impl*>(self)->delivered(*message);
  }
  static void on_error(rd_kafka_t* from, int code, const char* text, void* self);

  // Fixed once opened.
  const ProducerConfig config;
  const TextPairs settings;
  const std::string log_name;
  const SystemClock system_clock;
  const Clock& clock;
  std::size_t max_message_bytes = 0;
  std::size_t max_batch_bytes = 0;

  // Shared while a message is put into the client's queue, so that the client does not go meanwhile.
  SharedMutex client_mutex;
  rd_kafka_t* client GUARDED_BY(client_mutex) = nullptr;  // null: between a fatal error and the next client
  bool closed GUARDED_BY(client_mutex) = false;

  // Of the own thread, which callbacks run on.
  bool fatal = false;
  std::int64_t renewal_wait_ms = 0;

  Mutex stop_mutex;
  Condition stop_changed;
  bool stopping GUARDED_BY(stop_mutex) = false;

  SendRoom room;
  // Statistics; order nothing.
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::uint64_t> failed{0};
  Counts counts;
  Troubles troubles;

  std::thread thread;
};

Result<rd_kafka_t*> Producer::Impl::make_client() {
  auto made = make_client_conf(settings);
  if (!made) return made.status();
  rd_kafka_conf_t* const conf = *made;
  rd_kafka_conf_set_opaque(conf, this);
  rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
  rd_kafka_conf_set_error_cb(conf, on_error);
  rd_kafka_conf_set_log_cb(conf, on_log);
  char error[512] = "";
  rd_kafka_t* const made_client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof error);
  if (made_client == nullptr) {
    rd_kafka_conf_destroy(conf);
    return Status(Code::InvalidArgument, std::string("kafka: producer: ") + error);
  }
  return made_client;
}

Producer::Impl::~Impl() {
  {
    const WriterLock lock(client_mutex);
    closed = true;
    if (client != nullptr) {  // it may be waiting in a poll
      rd_kafka_queue_t* const queue = rd_kafka_queue_get_main(client);
      rd_kafka_queue_yield(queue);
      rd_kafka_queue_destroy(queue);
    }
  }
  {
    const MutexLock lock(stop_mutex);
    stopping = true;
    stop_changed.notify_all();
  }
  if (thread.joinable()) thread.join();
}

Status Producer::Impl::send(OutMessage message, Delivered callback) {
  if (Status topic = check_topic(message.topic); !topic.ok()) return std::move(topic).in("kafka");
  const std::size_t size = size_of(message);
  if (size > max_message_bytes) return refused(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, message, {});
  auto pending = std::make_unique<Pending>(Pending{std::move(message.value), size, std::move(callback)});
  const std::vector<rd_kafka_vu_t> parts = parts_of(message, pending.get());

  const ReaderLock lock(client_mutex);
  if (closed) return {Code::Unavailable, "kafka: the producer is closed"};
  if (client == nullptr)
    return {Code::Unavailable, "kafka: the producer begins anew after an error; the log has it"};
  if (!room.take(size)) return refused(RD_KAFKA_RESP_ERR__QUEUE_FULL, message, {});
  pending->alone = room.messages() == 1;
  counts.queued.add(1);
  rd_kafka_error_t* const error = rd_kafka_produceva(client, parts.data(), parts.size());
  if (error != nullptr) {
    room.give_back(size);
    counts.queued.add(-1);
    message.value = std::move(pending->value);
    const rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    Status status = refused(code, message, rd_kafka_error_string(error));
    // Once brokers have said so of a topic, librdkafka takes nothing more for it.
    if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL && code != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE &&
        code != RD_KAFKA_RESP_ERR__FATAL) {
      troubles.begin(rd_kafka_err2name(code), message.topic, rd_kafka_error_string(error), now_ms(),
                     /*repeats=*/true);
    }
    rd_kafka_error_destroy(error);
    return status;
  }
  static_cast<void>(pending.release());  // delivered() has taken it over
  return {};
}

Status Producer::Impl::refused(rd_kafka_resp_err_t error, const OutMessage& message,
                               std::string_view text) const {
  if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
    return {Code::ResourceExhausted,
            "kafka: the producer's queue is full (queue_messages: " + std::to_string(config.queue_messages) +
                ", queue_bytes: " + std::to_string(config.queue_bytes) + "); brokers are too slow or gone"};
  }
  if (error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
    return {Code::InvalidArgument,
            "kafka: a message for topic " + message.topic + " is too large: " +
                std::to_string(size_of(message)) + " bytes and its framing, where the limit is " +
                std::to_string(max_message_bytes) + " (settings: message.max.bytes, and queue_bytes)"};
  }
  return {code_of(error), "kafka: topic " + message.topic + ": " + std::string(text)};
}

void Producer::Impl::run() {
  constexpr int kPoll_ms = 500;
  for (;;) {
    rd_kafka_t* current = nullptr;
    bool end = false;
    {
      const ReaderLock lock(client_mutex);  // only this thread changes it
      current = client;
      end = closed;
    }
    if (end) {
      if (current == nullptr) return;
      rd_kafka_flush(current, static_cast<int>(config.close_timeout_ms));
      break;
    }
    if (current != nullptr) rd_kafka_poll(current, kPoll_ms);
    troubles.tick(now_ms());
    if (fatal || current == nullptr) renew();
  }
  rd_kafka_t* last = nullptr;
  {
    const WriterLock lock(client_mutex);
    last = std::exchange(client, nullptr);
  }
  drop(last);
}

// A fatal error ends an idempotent client: librdkafka takes nothing more. The next one has a producer id of
// its own.
void Producer::Impl::renew() {
  if (fatal) {
    fatal = false;
    rd_kafka_t* old = nullptr;
    {
      const WriterLock lock(client_mutex);
      old = std::exchange(client, nullptr);
    }
    drop(old);
    fatal = false;  // said once more while it went
  }
  if (renewal_wait_ms > 0) {
    const MutexLock lock(stop_mutex);
    if (!stopping) stop_changed.wait_for(stop_mutex, std::chrono::milliseconds(renewal_wait_ms));
    if (stopping) return;
  }
  renewal_wait_ms = std::clamp(2 * renewal_wait_ms, kFirstRenewal_ms, kLongestRenewal_ms);
  const auto made = make_client();
  if (!made) {
    troubles.begin("open", {}, made.status().message(), now_ms());
    return;
  }
  troubles.end_code("open");
  log(LogLevel::Info, log_name + ": began anew after a fatal error");
  const WriterLock lock(client_mutex);
  client = *made;
}

// Whoever waits for a message of it is told; takes the client over.
void Producer::Impl::drop(rd_kafka_t* old) {
  constexpr int kPurges = 100;
  constexpr int kPurge_ms = 100;
  for (int i = 0; i < kPurges && rd_kafka_outq_len(old) > 0; ++i) {
    rd_kafka_purge(old, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_poll(old, kPurge_ms);
  }
  rd_kafka_destroy(old);
}

void Producer::Impl::delivered(const rd_kafka_message_t& message) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(message._private));
  pending->alone = pending->alone && room.messages() == 1;
  room.give_back(pending->size);
  counts.queued.add(-1);
  const std::string topic = rd_kafka_topic_name(message.rkt);
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    sent.fetch_add(1, std::memory_order_relaxed);
    counts.sent.add();
    renewal_wait_ms = 0;
    troubles.end(topic);
    pending->delivered({});
    return;
  }
  failed.fetch_add(1, std::memory_order_relaxed);
  counts.failed.add();
  Status status(Code::Unavailable, "the producer ended before the message was delivered");
  if (message.err != RD_KAFKA_RESP_ERR__PURGE_QUEUE && message.err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
    status = failed_delivery(message.err, *pending);
    troubles.begin(rd_kafka_err2name(message.err), topic, status.message(), now_ms(), /*repeats=*/true);
  }
  pending->delivered(status.in("kafka: topic " + topic));
}

Status Producer::Impl::failed_delivery(rd_kafka_resp_err_t error, const Pending& pending) const {
  std::string text = rd_kafka_err2str(error);
  if (error != RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && error != RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE)
    return {code_of(error), std::move(text)};
  text += ": " + std::to_string(pending.size) + " bytes";
  // Brokers measure whole batches, which librdkafka does not split: a small message fails for those beside
  // it, and may pass with others.
  if (pending.alone || pending.size >= max_batch_bytes / 2) return {Code::InvalidArgument, std::move(text)};
  text +=
      " in a batch of up to " + std::to_string(max_batch_bytes) +
      ", and the topic takes batches only up to its max.message.bytes: set `settings: batch.size` below that";
  return {Code::Unavailable, std::move(text)};
}

void Producer::Impl::on_error(rd_kafka_t* from, int code, const char* text, void* self) {
  auto& impl = *static_cast<Impl*>(self);
  auto error = static_cast<rd_kafka_resp_err_t>(code);
  std::string words = text;
  const bool is_fatal = error == RD_KAFKA_RESP_ERR__FATAL;
  if (is_fatal) {
    char reason[512] = "";
    error = rd_kafka_fatal_error(from, reason, sizeof reason);
    words = std::string(reason) + " (fatal: the producer begins anew)";
    impl.fatal = true;
  }
  // Brokers that are gone are told of with every attempt, a fatal error once.
  impl.troubles.begin(rd_kafka_err2name(error), {}, words, impl.now_ms(), /*repeats=*/!is_fatal);
}

Producer::Producer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Producer::~Producer() = default;

Result<std::unique_ptr<Producer>> Producer::open(const ProducerConfig& config, std::string whose,
                                                 const Clock* clock) {
  if (config.brokers.empty())
    return Status(Code::InvalidArgument, "kafka: producer: brokers: there are none");
  auto settings = producer_settings(config);
  if (!settings) return settings.status();

  auto impl = std::make_unique<Impl>(config, std::move(*settings), std::move(whose), clock);
  const auto client = impl->make_client();
  if (!client) return client.status();
  const std::size_t max_bytes = setting_of(*client, "message.max.bytes");
  impl->max_batch_bytes = std::min(max_bytes, setting_of(*client, "batch.size"));
  impl->max_message_bytes = std::min(max_bytes, static_cast<std::size_t>(config.queue_bytes));
  {
    const WriterLock lock(impl->client_mutex);
    impl->client = *client;
  }
  Impl* const raw = impl.get();
  impl->thread = std::thread([raw] { raw->run(); });
  return std::unique_ptr<Producer>(new Producer(std::move(impl)));
}

Status Producer::send(OutMessage message, Delivered delivered) {
  return impl_->send(std::move(message), std::move(delivered));
}

ProducerStatus Producer::status() const {
  ProducerStatus status;
  status.configured = true;
  status.brokers = impl_->config.brokers;
  status.queued = impl_->room.messages();
  status.max_queued = static_cast<std::uint64_t>(impl_->config.queue_messages);
  status.sent = impl_->sent.load(std::memory_order_relaxed);
  status.failed = impl_->failed.load(std::memory_order_relaxed);
  status.troubles = impl_->troubles.all();
  return status;
}

}  // namespace silverback::kafka
