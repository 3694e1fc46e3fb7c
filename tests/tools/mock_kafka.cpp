// mock_kafka: librdkafka's mock cluster as a process of its own, to be broken on purpose.
//
//   mock_kafka [--brokers N] [--port-file F]
//
// Writes the brokers' addresses (host:port,host:port) to F and as the first line to standard output. Then
// reads commands, a line each, and answers each with a line: "ok", "ok VALUE" or "error: ...". Ends at the
// end of its input, so that it never outlives the test that started it. Brokers are 1 to N; -1 is all of
// them. Errors are librdkafka's names (NOT_LEADER_FOR_PARTITION; _TRANSPORT closes the connection), APIs
// Kafka's (Produce, Fetch, ...) or their numbers.
//
//   topic NAME PARTITIONS [REPLICAS]     creates it; one that is asked for first is made with 4 partitions
//   topic-error NAME ERROR               Metadata says so from now on; NO_ERROR ends it
//   errors API ERROR[*COUNT]...          answers to the next requests, of any broker
//   slow-errors BROKER API MS ERROR[*COUNT]...
//                                        the same for one broker, each after MS milliseconds
//   pending BROKER API                   how many of these are left
//   clear API                            none are left of `errors`
//   rtt BROKER MS                        every answer takes so long
//   down BROKER                          closes its connections and takes none until `up BROKER`
//   leader TOPIC PARTITION BROKER        -1: without a leader
//   watermarks TOPIC PARTITION LOW HIGH  what followers say; -1: as the leader
//   coordinator GROUP BROKER
//   version API MIN MAX                  what brokers say they speak; -1 -1: nothing
//
// The mock keeps some 5 MB of batches a partition and drops the oldest beyond. It knows no CreateTopics,
// DeleteRecords, passwords or TLS. A group forms after 3 s, for which members' sessions must last longer, and
// each later rebalance takes 5 s (a cooperative one has two): tests of groups are quicker with the real
// broker.
#include <librdkafka/rdkafka.h>
// After rdkafka.h, as it demands.
#include <librdkafka/rdkafka_mock.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Words = std::vector<std::string>;

struct Misuse : std::runtime_error {
  using std::runtime_error::runtime_error;
};

int number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    throw Misuse("not a number: " + std::string(text));
  return value;
}

/// Numbers of Kafka's protocol, https://kafka.apache.org/protocol#protocol_api_keys.
std::int16_t api(const std::string& name) {
  static const std::map<std::string, std::int16_t, std::less<>> keys = {
      {"Produce", 0},          {"Fetch", 1},
      {"ListOffsets", 2},      {"Metadata", 3},
      {"OffsetCommit", 8},     {"OffsetFetch", 9},
      {"FindCoordinator", 10}, {"JoinGroup", 11},
      {"Heartbeat", 12},       {"LeaveGroup", 13},
      {"SyncGroup", 14},       {"ApiVersions", 18},
      {"InitProducerId", 22},  {"AddPartitionsToTxn", 24},
      {"AddOffsetsToTxn", 25}, {"EndTxn", 26},
      {"TxnOffsetCommit", 28},
  };
  const auto it = keys.find(name);
  return it != keys.end() ? it->second : static_cast<std::int16_t>(number(name));
}

rd_kafka_resp_err_t error(const std::string& name) {
  if (name == "NO_ERROR") return RD_KAFKA_RESP_ERR_NO_ERROR;
  const rd_kafka_err_desc* all = nullptr;
  std::size_t count = 0;
  rd_kafka_get_err_descs(&all, &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (all[i].name != nullptr && name == all[i].name) return all[i].code;
  }
  throw Misuse("no such error: " + name);
}

/// NAME*3 is three of it.
std::vector<rd_kafka_resp_err_t> errors(const Words& words, std::size_t first) {
  std::vector<rd_kafka_resp_err_t> out;
  for (std::size_t i = first; i < words.size(); ++i) {
    const auto star = words[i].find('*');
    const int times = star == std::string::npos ? 1 : number(std::string_view(words[i]).substr(star + 1));
    if (times < 0 || times > 100'000) throw Misuse("0 to 100000 times, not " + std::to_string(times));
    out.insert(out.end(), static_cast<std::size_t>(times), error(words[i].substr(0, star)));
  }
  return out;
}

void check(rd_kafka_resp_err_t code) {
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) throw Misuse(rd_kafka_err2str(code));
}

struct Command {
  std::size_t least, most;  // words after the first
  std::function<std::string(rd_kafka_mock_cluster_t*, const Words&)> run;
};

constexpr std::size_t kAny = SIZE_MAX;

const std::map<std::string, Command, std::less<>>& commands() {
  using Cluster = rd_kafka_mock_cluster_t*;
  static const std::map<std::string, Command, std::less<>> all = {
      {"topic",
       {2, 3,
        [](Cluster c, const Words& w) {
          check(rd_kafka_mock_topic_create(c, w[1].c_str(), number(w[2]), w.size() > 3 ? number(w[3]) : 1));
          return "";
        }}},
      {"topic-error",
       {2, 2,
        [](Cluster c, const Words& w) {
          rd_kafka_mock_topic_set_error(c, w[1].c_str(), error(w[2]));
          return "";
        }}},
      {"errors",
       {2, kAny,
        [](Cluster c, const Words& w) {
          const auto list = errors(w, 2);
          rd_kafka_mock_push_request_errors_array(c, api(w[1]), list.size(), list.data());
          return "";
        }}},
      {"slow-errors",
       {4, kAny,
        [](Cluster c, const Words& w) {
          for (const auto code : errors(w, 4)) {
            check(rd_kafka_mock_broker_push_request_error_rtts(c, number(w[1]), api(w[2]), 1, code,
                                                               number(w[3])));
          }
          return "";
        }}},
      {"pending",
       {2, 2,
        [](Cluster c, const Words& w) {
          std::size_t count = 0;
          check(rd_kafka_mock_broker_error_stack_cnt(c, number(w[1]), api(w[2]), &count));
          return std::to_string(count);
        }}},
      {"clear",
       {1, 1,
        [](Cluster c, const Words& w) {
          rd_kafka_mock_clear_request_errors(c, api(w[1]));
          return "";
        }}},
      {"rtt",
       {2, 2,
        [](Cluster c, const Words& w) {
          check(rd_kafka_mock_broker_set_rtt(c, number(w[1]), number(w[2])));
          return "";
        }}},
      {"down",
       {1, 1,
        [](Cluster c, const Words& w) {
          check(rd_kafka_mock_broker_set_down(c, number(w[1])));
          return "";
        }}},
      {"up",
       {1, 1,
        [](Cluster c, const Words& w) {
          check(rd_kafka_mock_broker_set_up(c, number(w[1])));
          return "";
        }}},
      {"leader",
       {3, 3,
        [](Cluster c, const Words& w) {
          check(rd_kafka_mock_partition_set_leader(c, w[1].c_str(), number(w[2]), number(w[3])));
          return "";
        }}},
      {"watermarks",
       {4, 4,
        [](Cluster c, const Words& w) {
          check(rd_kafka_mock_partition_set_follower_wmarks(c, w[1].c_str(), number(w[2]), number(w[3]),
                                                            number(w[4])));
          return "";
        }}},
      {"coordinator",
       {2, 2,
        [](Cluster c, const Words& w) {
          check(rd_kafka_mock_coordinator_set(c, "group", w[1].c_str(), number(w[2])));
          return "";
        }}},
      {"version",
       {3, 3,
        [](Cluster c, const Words& w) {
          check(rd_kafka_mock_set_apiversion(c, api(w[1]), static_cast<std::int16_t>(number(w[2])),
                                             static_cast<std::int16_t>(number(w[3]))));
          return "";
        }}},
  };
  return all;
}

std::string carry_out(rd_kafka_mock_cluster_t* cluster, const std::string& line) {
  std::istringstream in(line);
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.empty()) return "ok";
  try {
    const auto it = commands().find(words[0]);
    if (it == commands().end()) throw Misuse("no such command: " + words[0]);
    const auto given = words.size() - 1;
    if (given < it->second.least || given > it->second.most)
      throw Misuse("wrong number of words for " + words[0]);
    const auto value = it->second.run(cluster, words);
    return value.empty() ? "ok" : "ok " + value;
  } catch (const Misuse& misuse) {
    return std::string("error: ") + misuse.what();
  }
}

/// Whole or not there: who waits for the file reads it at once.
bool write_file(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new") << text << "\n";
  return std::rename((path + ".new").c_str(), path.c_str()) == 0;
}

int serve(int brokers, const std::string& port_file) {
  std::array<char, 512> reason{};
  rd_kafka_conf_t* settings = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(settings, nullptr);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, settings, reason.data(), reason.size());
  if (client == nullptr) {
    std::cerr << "mock_kafka: " << reason.data() << "\n";
    return 1;
  }
  rd_kafka_mock_cluster_t* cluster = rd_kafka_mock_cluster_new(client, brokers);
  if (cluster == nullptr) {
    std::cerr << "mock_kafka: no cluster of " << brokers << " brokers\n";
    return 1;
  }
  const std::string addresses = rd_kafka_mock_cluster_bootstraps(cluster);
  if (!port_file.empty() && !write_file(port_file, addresses)) {
    std::cerr << "mock_kafka: cannot write " << port_file << "\n";
    return 1;
  }
  std::cout << addresses << std::endl;
  for (std::string line; std::getline(std::cin, line);) std::cout << carry_out(cluster, line) << std::endl;
  rd_kafka_mock_cluster_destroy(cluster);
  rd_kafka_destroy(client);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  int brokers = 1;
  std::string port_file;
  try {
    for (std::size_t i = 0; i < arguments.size(); i += 2) {
      if (i + 1 == arguments.size()) throw Misuse("no value for " + arguments[i]);
      if (arguments[i] == "--brokers") {
        brokers = number(arguments[i + 1]);
      } else if (arguments[i] == "--port-file") {
        port_file = arguments[i + 1];
      } else {
        throw Misuse("unknown argument " + arguments[i]);
      }
    }
    if (brokers < 1 || brokers > 100) throw Misuse("--brokers must be 1 to 100");
  } catch (const Misuse& misuse) {
    std::cerr << "mock_kafka: " << misuse.what() << "\nusage: mock_kafka [--brokers N] [--port-file F]\n";
    return 2;
  }
  return serve(brokers, port_file);
}
