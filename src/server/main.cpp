// main: command line in, exit code out.
//
//   0  stopped as asked, or the answer to --help, --version or a good `check config`
//   1  could not start or go on: port taken, directory locked or damaged; a bad file in `check config`, a
//      failure in `rules test`
//   2  flags, environment or configuration are not right
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>

#include "base/log.h"
#include "server/alerting_setup.h"
#include "server/command_line.h"
#include "server/configuration.h"
#include "server/environment.h"
#include "server/help.h"
#include "server/kafka_setup.h"
#include "server/options.h"
#include "server/process.h"
#include "server/rule_commands.h"
#include "server/server.h"
#include "server/signals.h"
#include "server/version.h"

namespace silverback::server {
namespace {

constexpr int kStopped = 0;
constexpr int kFailed = 1;
constexpr int kMisused = 2;

/// One line per line of the message, each with our name before it.
void complain(std::string_view message) {
  while (!message.empty()) {
    const std::string_view line = message.substr(0, message.find('\n'));
    std::fprintf(stderr, "silverback: %.*s\n", static_cast<int>(line.size()), line.data());
    message.remove_prefix(std::min(line.size() + 1, message.size()));
  }
}

/// Ends the process when a stop takes too long. What was acknowledged is in the log, so nothing is lost.
class Watchdog {
 public:
  explicit Watchdog(std::chrono::milliseconds patience)
      : thread_([this, patience] {
          std::unique_lock lock(mutex_);
          if (done_.wait_for(lock, patience, [this] { return finished_; })) return;
          log(LogLevel::Error, "the stop took longer than shutdown.timeout, ending at once");
          std::_Exit(kFailed);
        }) {}
  ~Watchdog() {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    done_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  bool finished_ = false;
  std::jthread thread_;
};

int stop(Server& server) {
  log(LogLevel::Info, "stopping");
  const Watchdog watchdog(server.shutdown_timeout());
  server.stop();
  log(LogLevel::Info, "stopped");
  return kStopped;
}

int serve(const Settings& settings, Sources sources, Signals& signals) {
  Server server(settings, std::move(sources));
  if (const Status listening = server.listen(); !listening.ok()) {
    log(LogLevel::Error, "cannot listen", {{"err", listening.message()}});
    return kFailed;
  }
  // The log may take seconds to replay: signals are listened to meanwhile.
  enum class Store { Opening, Open, Failed };
  std::atomic<Store> store{Store::Opening};
  std::jthread opener([&] {
    const Status opened = server.open_store();
    if (!opened.ok()) log(LogLevel::Error, "cannot open the store", {{"err", opened.message()}});
    store.store(opened.ok() ? Store::Open : Store::Failed);
    signals.post();
  });
  for (;;) {
    switch (signals.wait()) {
      case Signals::Event::Posted:
        if (store.load() == Store::Failed) return kFailed;
        break;
      case Signals::Event::Reload: {
        [[maybe_unused]] const Status reloaded = server.reload();  // says itself what went wrong
        break;
      }
      case Signals::Event::Stop:
        if (store.load() == Store::Opening && !server.is_open()) {
          // Opening changes nothing that the next start needs, and it cannot be hurried.
          log(LogLevel::Info, "stopped while opening the store");
          std::_Exit(kStopped);
        }
        if (opener.joinable()) opener.join();  // the store is open; what is left takes no time
        return stop(server);
    }
  }
}

int run_server(Assignments flags) {
  Environment environment = read_environment(environ);
  Sources sources{std::move(flags), std::move(environment.assignments)};
  const auto settings = load_settings(sources);
  if (!settings) {
    complain(settings.status().message());
    return kMisused;
  }
  if (!settings->config_file.empty()) {
    const auto kafka = load_kafka(settings->config_file);
    if (!kafka) {
      complain(kafka.status().message());
      return kMisused;
    }
    if (const auto good = check_alerting(settings->config_file, kafka->has_producer()); !good) {
      complain(good.status().message());
      return kMisused;
    }
  }
  configure_log(log_level(*settings), log_format(*settings));
  for (const std::string& warning : environment.warnings) log(LogLevel::Warn, warning);
  tune_allocator();
  raise_file_limit();
  const auto signals = Signals::open();
  if (!signals) {
    log(LogLevel::Error, signals.status().message());
    return kFailed;
  }
  log(LogLevel::Info, version_text());
  return serve(*settings, std::move(sources), **signals);
}

int check_config(const std::string& path) {
  const auto found = check_config_file(path);
  if (!found) {
    complain(found.status().message());
    return kFailed;
  }
  std::printf("%s: good, %s\n", path.c_str(), found->c_str());
  return 0;
}

int check_rules(const std::vector<std::string>& paths) {
  int code = 0;
  for (const std::string& path : paths) {
    const auto count = check_rule_file(path);
    if (count) {
      std::printf("%s: good, %zu rule%s\n", path.c_str(), *count, *count == 1 ? "" : "s");
    } else {
      complain(count.status().message());
      code = kFailed;
    }
  }
  return code;
}

int run(std::span<const char* const> arguments) {
  auto line = parse_command_line(arguments);
  if (!line) {
    complain(line.status().message());
    return kMisused;
  }
  switch (line->command) {
    case Command::Help: std::fputs(help_text().c_str(), stdout); return 0;
    case Command::Version: std::puts(version_text().c_str()); return 0;
    case Command::CheckConfig: return check_config(line->files.front());
    case Command::CheckRules: return check_rules(line->files);
    case Command::TestRules: return test_rules(line->files);
    case Command::ReplayRules: return replay_rules(*line);
    case Command::Serve: return run_server(std::move(line->flags));
  }
  return kMisused;
}

}  // namespace
}  // namespace silverback::server

int main(int argc, char** argv) {
  try {
    return silverback::server::run({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
  } catch (const std::exception& error) {  // the last resort: rooms answer with a Status
    silverback::log(silverback::LogLevel::Error, "unexpected failure", {{"err", error.what()}});
    return 1;
  }
}
