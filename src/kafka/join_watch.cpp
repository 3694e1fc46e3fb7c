#include "kafka/join_watch.h"

#include <librdkafka/rdkafka.h>

#include <cstddef>
#include <cstdint>

namespace silverback::kafka {
namespace {

// https://kafka.apache.org/protocol#protocol_api_keys
constexpr std::int16_t kJoinGroup = 11;
constexpr std::int16_t kSyncGroup = 14;

}  // namespace

struct JoinWatch::Hooks {
  static rd_kafka_resp_err_t on_new(rd_kafka_t* client, const rd_kafka_conf_t*, void* self, char*,
                                    std::size_t) {
    rd_kafka_interceptor_add_on_request_sent(client, "joining", on_request, self);
    rd_kafka_interceptor_add_on_response_received(client, "joining", on_response, self);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t on_request(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api,
                                        std::int16_t, std::int32_t, std::size_t, void* self) {
    if (api == kJoinGroup) static_cast<JoinWatch*>(self)->joining_.store(true);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
  static rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, std::int32_t, std::int16_t api,
                                         std::int16_t, std::int32_t, std::size_t, std::int64_t,
                                         rd_kafka_resp_err_t, void* self) {
    auto& watch = *static_cast<JoinWatch*>(self);
    if (api == kJoinGroup) watch.half_joined_.store(true);
    if (api == kSyncGroup) watch.joining_.store(false);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
  }
};

void JoinWatch::add_to(rd_kafka_conf_t* conf) {
  rd_kafka_conf_interceptor_add_on_new(conf, "joining", Hooks::on_new, this);
}

}  // namespace silverback::kafka
