#include "api/http_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "api/session.h"
#include "base/log.h"

namespace silverback::api {
namespace {

using net::ip::tcp;
using Acceptor = net::basic_socket_acceptor<tcp, Executor>;
using Timer = net::basic_waitable_timer<std::chrono::steady_clock,
                                        net::wait_traits<std::chrono::steady_clock>, Executor>;

constexpr int kBacklog = 4096;
constexpr std::size_t kSpareThreads = 3;  // one leads, two more pass on what the gates' leavers post

struct Address {
  std::string host;
  std::uint16_t port = 0;
};

/// host:port, [v6]:port, :port
Result<Address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  std::string_view host = text.substr(0, std::min(colon, text.size()));
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto read = colon == std::string_view::npos ? std::from_chars_result{end, std::errc::invalid_argument}
                                                    : std::from_chars(text.data() + colon + 1, end, port);
  if (read.ec != std::errc() || read.ptr != end) {
    return Status(Code::InvalidArgument, "listen address \"" + std::string(text) +
                                             "\" is not of the form host:port, for example 127.0.0.1:9428");
  }
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return Address{std::string(host), port};
}

Status listen_on(Acceptor& acceptor, const tcp::endpoint& endpoint) {
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(net::socket_base::reuse_address(true), error);
  if (!error && endpoint.address().is_v6()) acceptor.set_option(net::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (!error) return {};
  boost::system::error_code ignored;
  acceptor.close(ignored);
  return {Code::Unavailable, error.message()};
}

std::string name_of(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  const bool v6 = endpoint.address().is_v6();
  return (v6 ? '[' + host + ']' : host) + ':' + std::to_string(endpoint.port());
}

/// How often the watch looks: a quarter of the shortest limit.
std::chrono::milliseconds watch_interval(const HttpOptions& options) {
  const auto shortest = std::min({options.header_timeout, options.body_timeout, options.idle_timeout,
                                  options.write_timeout, options.queue_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(250));
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(HttpOptions options, ApiContext context)
      : service_(options, std::move(context)), shared_(service_), acceptor_(io_), timer_(io_) {
    Metrics& metrics = service_.context.metrics;
    handles_.push_back(metrics.callback(MetricType::Gauge, "silverback_http_connections",
                                        "Open client connections.", {},
                                        [this] { return static_cast<double>(shared_.watch.size()); }));
    handles_.push_back(metrics.callback(MetricType::Gauge, "silverback_http_body_bytes",
                                        "Memory held by request bodies being received or handled.", {},
                                        [this] { return static_cast<double>(shared_.bodies.used_bytes()); }));
    export_gate("admin", shared_.admin);
    export_gate("query", shared_.queries);
    export_gate("write", shared_.writes);
  }

  ~Impl() { stop(std::chrono::seconds(5)); }

  Status open(const std::string& text) {
    const auto address = parse_address(text);
    if (!address) return address.status();
    if (Status listening = listen(*address); !listening.ok())
      return std::move(listening).in("listen on " + text);
    port_ = acceptor_.local_endpoint().port();
    net::co_spawn(io_, accept(), net::detached);
    net::co_spawn(io_, watch(), net::detached);
    const std::size_t threads =
        shared_.writes.places() + shared_.queries.places() + shared_.admin.places() + kSpareThreads;
    // A handler's exception never comes this far; one of a coroutine's own would end that connection.
    crew_ = std::make_unique<Crew>([this] { return io_.run_one() != 0; });
    shared_.crew = crew_.get();
    crew_->start(threads);
    return {};
  }

  std::uint16_t port() const { return port_; }

  void stop(std::chrono::milliseconds grace) {
    if (crew_ == nullptr) return;
    service_.stopping.store(true, std::memory_order_relaxed);
    net::post(io_, [this] {
      boost::system::error_code ignored;
      acceptor_.close(ignored);
    });
    const auto wait_until_empty = [this](std::chrono::milliseconds most) {
      const auto end = std::chrono::steady_clock::now() + most;
      while (shared_.watch.size() > 0 && std::chrono::steady_clock::now() < end) {
        shared_.watch.close_idle();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    };
    wait_until_empty(grace);
    for (Gate* gate : {&shared_.admin, &shared_.queries, &shared_.writes}) gate->close();
    shared_.watch.close_all();
    wait_until_empty(std::chrono::seconds(5));
    io_.stop();
    crew_.reset();
  }

 private:
  Status listen(const Address& address) {
    if (address.host.empty()) {  // all interfaces: one socket for both families where there is IPv6
      if (listen_on(acceptor_, {net::ip::address_v6::any(), address.port}).ok()) return {};
      return listen_on(acceptor_, {net::ip::address_v4::any(), address.port});
    }
    boost::system::error_code error;
    auto ip = net::ip::make_address(address.host, error);
    if (error) {
      tcp::resolver resolver(io_);
      const auto found = resolver.resolve(address.host, std::to_string(address.port), error);
      if (error || found.empty()) return {Code::InvalidArgument, "cannot resolve \"" + address.host + '"'};
      ip = found.begin()->endpoint().address();
    }
    return listen_on(acceptor_, {ip, address.port});
  }

  Task<void> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(as_result);
      if (!acceptor_.is_open()) co_return;
      if (error) {
        // Out of descriptors, most likely: wait for some to come back instead of spinning.
        log(LogLevel::Warn, "cannot accept a connection", {{"error", error.message()}});
        Timer pause(io_, std::chrono::milliseconds(100));
        co_await pause.async_wait(as_result);
        continue;
      }
      admit(std::move(socket));
    }
  }

  void admit(Socket socket) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    if (error) return;  // gone already
    if (shared_.watch.size() >= service_.options.max_connections) {
      static constexpr std::string_view kFull =
          "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nRetry-After: "
          "1\r\nConnection: close\r\n"
          "Content-Length: 75\r\n\r\n"
          R"({"status":"error","errorType":"unavailable","error":"too many connections"})";
      shared_.refused_busy.add();
      (void)::send(socket.native_handle(), kFull.data(), kFull.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      return;
    }
    socket.set_option(tcp::no_delay(true), error);
    net::co_spawn(io_, serve(std::make_unique<Session>(shared_, std::move(socket), name_of(peer))),
                  net::detached);
  }

  static Task<void> serve(std::unique_ptr<Session> session) {
    try {
      co_await session->serve();
    } catch (const std::exception& thrown) {
      log(LogLevel::Error, "connection dropped", {{"error", thrown.what()}});
    }
  }

  Task<void> watch() {
    const auto interval = watch_interval(service_.options);
    for (;;) {
      timer_.expires_after(interval);
      const auto [error] = co_await timer_.async_wait(as_result);
      if (error) co_return;
      const std::int64_t now = steady_now_ns();
      shared_.watch.look(now);
      for (Gate* gate : {&shared_.admin, &shared_.queries, &shared_.writes}) gate->expire(now);
    }
  }

  void export_gate(const std::string& work, const Gate& gate) {
    Metrics& metrics = service_.context.metrics;
    const auto add = [&](std::string_view name, std::string_view help, auto read) {
      handles_.push_back(metrics.callback(MetricType::Gauge, name, help, {{"work", work}},
                                          [&gate, read] { return static_cast<double>(read(gate)); }));
    };
    add("silverback_http_handlers_running", "Handlers running, by kind of work.",
        [](const Gate& g) { return g.inside(); });
    add("silverback_http_handlers_waiting", "Requests waiting for a handler.",
        [](const Gate& g) { return g.waiting(); });
    add("silverback_http_handlers_max", "Handlers that may run at once.",
        [](const Gate& g) { return g.places(); });
  }

  // Destroyed from the bottom: threads, then pending coroutines (with io_), then what they used.
  Service service_;
  Shared shared_;
  net::io_context io_;
  Acceptor acceptor_;
  Timer timer_;
  std::uint16_t port_ = 0;
  std::vector<Metrics::Handle> handles_;
  std::unique_ptr<Crew> crew_;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpOptions options, ApiContext context) {
  const std::string address = options.listen_address;
  auto impl = std::make_unique<Impl>(std::move(options), std::move(context));
  if (Status opened = impl->open(address); !opened.ok()) return opened;
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

std::uint16_t HttpServer::port() const { return impl_->port(); }
void HttpServer::stop(std::chrono::milliseconds grace) { impl_->stop(grace); }

}  // namespace silverback::api
