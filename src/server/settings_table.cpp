// The table itself: what can be set, its default, its bounds, and what it does.
#include <array>

#include "server/listen_address.h"
#include "server/settings.h"

namespace silverback::server {
namespace {

constexpr std::uint64_t kSecond = 1'000;
constexpr std::uint64_t kMinute = 60 * kSecond;
constexpr std::uint64_t kHour = 60 * kMinute;
constexpr std::uint64_t kDay = 24 * kHour;
constexpr std::uint64_t kKiB = 1ULL << 10;
constexpr std::uint64_t kMiB = 1ULL << 20;
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr std::uint64_t kTiB = 1ULL << 40;

constexpr std::array<std::string_view, 3> kWalSyncs = {"write", "interval", "always"};
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 2> kLogFormats = {"logfmt", "json"};
constexpr std::array<std::string_view, 5> kFeatures = {
    "promql-delayed-name-removal", "promql-experimental-functions", "promql-duration-expr",
    "promql-extended-range-selectors", "promql-binop-fill-modifiers"};

Status check_not_empty(std::string_view text) {
  if (!text.empty()) return {};
  return {Code::InvalidArgument, "it must not be empty"};
}

Status check_prefix(std::string_view text) {
  const bool good = text.empty() || (text.starts_with('/') && text.find_first_of("?# ") == text.npos);
  if (good) return {};
  return {Code::InvalidArgument, "\"" + std::string(text) + "\" is not a path (it begins with a slash)"};
}

Status check_url(std::string_view text) {
  if (text.empty() || text.starts_with("http://") || text.starts_with("https://")) return {};
  return {Code::InvalidArgument,
          "\"" + std::string(text) + "\" is not an address (it begins with http:// or https://)"};
}

Status check_address(std::string_view text) { return parse_listen_address(text).status(); }

const Setting kSettings[] = {
    {.name = "config.file",
     .member = &Settings::config_file,
     .fallback = "",
     .help = "YAML file with settings. Flags and environment variables win over it.",
     .placeholder = "<file>",
     .in_file = false},
    {.name = "enable-feature",
     .member = &Settings::features,
     .fallback = "promql-delayed-name-removal",
     .help =
         "Features to switch on, separated by commas: promql-delayed-name-removal (the metric name is "
         "dropped at "
         "the end of a query and not on the way), promql-duration-expr, promql-extended-range-selectors, "
         "promql-binop-fill-modifiers, promql-experimental-functions (which includes the three before it). "
         "Replaces the default list.",
     .choices = kFeatures},

    {.name = "storage.path",
     .member = &Settings::storage_path,
     .fallback = "./data",
     .help = "Directory that holds everything. Made when it is not there; used by one server at a time.",
     .placeholder = "<dir>",
     .check = check_not_empty},
    {.name = "storage.wal-sync",
     .member = &Settings::wal_sync,
     .fallback = "interval",
     .help = "When an acknowledged write is safe. write: survives the death of the process. interval: the "
             "same, and "
             "a power cut costs at most storage.wal-sync-interval. always: survives a power cut; slower.",
     .choices = kWalSyncs},
    {.name = "storage.wal-sync-interval",
     .member = &Settings::wal_sync_interval,
     .fallback = "1s",
     .help = "How often the log is synced to the disk with storage.wal-sync=interval.",
     .least = 10,
     .most = 10 * kMinute},
    {.name = "storage.salvage-wal",
     .member = &Settings::salvage_wal,
     .fallback = "false",
     .help = "Start although the log is damaged before its end; what stands behind the damage is dropped."},
    {.name = "storage.retention",
     .member = &Settings::retention,
     .fallback = "0s",
     .help = "Data older than this is deleted. 0s keeps everything.",
     .most = 250 * 365 * kDay},
    {.name = "storage.window-grace",
     .member = &Settings::window_grace,
     .fallback = "10m",
     .help = "How long after its end a two-hour window of data waits for late samples before it is packed to "
             "disk.",
     .most = 7 * kDay},
    {.name = "storage.checkpoint-interval",
     .member = &Settings::checkpoint_interval,
     .fallback = "10m",
     .help = "How often the samples in memory are written to a checkpoint, which shortens the next start.",
     .least = 10 * kSecond,
     .most = 1 * kDay},
    {.name = "storage.checkpoint-wal-size",
     .member = &Settings::checkpoint_wal_size,
     .fallback = "256MiB",
     .help = "A checkpoint is also written after this much log.",
     .least = 1 * kMiB,
     .most = 64 * kGiB},
    {.name = "storage.head-memory",
     .member = &Settings::head_memory,
     .fallback = "2GiB",
     .help =
         "Budget for samples in memory. Above it data is packed to disk early; at twice as much writes are "
         "answered 429.",
     .least = 16 * kMiB,
     .most = 4 * kTiB},
    {.name = "storage.block-cache",
     .member = &Settings::block_cache,
     .fallback = "128MiB",
     .help = "Cache for what is read from disk: half of it for blocks, half for records in use.",
     .least = 1 * kMiB,
     .most = 4 * kTiB},
    {.name = "storage.max-series",
     .member = &Settings::max_series,
     .fallback = "0",
     .help = "Most series the store takes; samples of further ones are refused. 0 is no limit.",
     .most = UINT32_MAX},

    {.name = "web.listen-address",
     .member = &Settings::listen_address,
     .fallback = ":9428",
     .help = "Where to take connections: host:port, or :port for every interface.",
     .placeholder = "<host:port>",
     .check = check_address},
    {.name = "web.external-url",
     .member = &Settings::external_url,
     .fallback = "",
     .help = "Address under which others reach this server, for the links in alerts. Empty: http://, the "
             "host's name, "
             "the port and web.route-prefix.",
     .placeholder = "<url>",
     .check = check_url,
     .reloadable = true},
    {.name = "web.route-prefix",
     .member = &Settings::route_prefix,
     .fallback = "",
     .help = "Path that a proxy leaves in front of every request, like /silverback. Taken where it is there.",
     .placeholder = "<path>",
     .check = check_prefix},
    {.name = "web.cors-origin",
     .member = &Settings::cors_origin,
     .fallback = "",
     .help = "Origin of web pages that may ask from a browser, or *. Empty: none.",
     .placeholder = "<origin>"},
    {.name = "web.max-connections",
     .member = &Settings::max_connections,
     .fallback = "4096",
     .help = "Most connections at one time; further ones are answered 503 and closed.",
     .least = 1,
     .most = 1'000'000},
    {.name = "web.max-concurrent-writes",
     .member = &Settings::max_concurrent_writes,
     .fallback = "0",
     .help = "Writes handled at a time; further ones wait. 0 chooses by the number of processors.",
     .most = 1'024},
    {.name = "web.max-header-size",
     .member = &Settings::max_header_size,
     .fallback = "64KiB",
     .help = "Longest request line and headers, all together; 431 beyond.",
     .least = 1 * kKiB,
     .most = 16 * kMiB},
    {.name = "web.max-body-size",
     .member = &Settings::max_body_size,
     .fallback = "64MiB",
     .help = "Longest body of a write as sent; 413 beyond.",
     .least = 1 * kKiB,
     .most = 1 * kGiB},
    {.name = "web.max-decompressed-size",
     .member = &Settings::max_decompressed_size,
     .fallback = "64MiB",
     .help = "Longest body of a write once decompressed; 413 beyond.",
     .least = 1 * kKiB,
     .most = 4 * kGiB},
    {.name = "web.max-form-size",
     .member = &Settings::max_form_size,
     .fallback = "4MiB",
     .help = "Longest body of a query; 413 beyond.",
     .least = 1 * kKiB,
     .most = 256 * kMiB},
    {.name = "web.max-body-memory",
     .member = &Settings::max_body_memory,
     .fallback = "512MiB",
     .help = "Budget for all request bodies held at one time; 503 beyond.",
     .least = 1 * kMiB,
     .most = 1 * kTiB},
    {.name = "web.header-timeout",
     .member = &Settings::header_timeout,
     .fallback = "15s",
     .help = "The headers of a request must have arrived this long after its first byte.",
     .least = 100,
     .most = 1 * kHour},
    {.name = "web.body-timeout",
     .member = &Settings::body_timeout,
     .fallback = "1m",
     .help = "The body of a request must have arrived this long after its headers; 408 beyond.",
     .least = 100,
     .most = 1 * kHour},
    {.name = "web.idle-timeout",
     .member = &Settings::idle_timeout,
     .fallback = "2m",
     .help = "A connection without requests is closed after this long.",
     .least = 1 * kSecond,
     .most = 1 * kDay},
    {.name = "web.write-timeout",
     .member = &Settings::write_timeout,
     .fallback = "30s",
     .help = "A client must take each 256 KiB of an answer within this.",
     .least = 100,
     .most = 1 * kHour},
    {.name = "web.response-timeout",
     .member = &Settings::response_timeout,
     .fallback = "10m",
     .help = "A client must take a whole answer within this.",
     .least = 100,
     .most = 1 * kDay},
    {.name = "web.queue-timeout",
     .member = &Settings::queue_timeout,
     .fallback = "5s",
     .help = "A request that waits for its turn longer than this is answered 503.",
     .least = 10,
     .most = 1 * kHour},
    {.name = "web.enable-lifecycle",
     .member = &Settings::enable_lifecycle,
     .fallback = "true",
     .help = "Take POST /-/reload."},
    {.name = "web.enable-admin-api",
     .member = &Settings::enable_admin_api,
     .fallback = "true",
     .help = "Take POST /api/v1/admin/*; retry and drop dead letters."},

    {.name = "ingest.create-databases",
     .member = &Settings::create_databases,
     .fallback = "true",
     .help = "A line-protocol write to a database that does not exist creates it; otherwise it is answered "
             "404 as "
             "InfluxDB does."},
    {.name = "ingest.max-future",
     .member = &Settings::max_future,
     .fallback = "0s",
     .help = "Samples further ahead of the clock than this are refused. 0s takes all.",
     .most = 250 * 365 * kDay},
    {.name = "ingest.max-labels",
     .member = &Settings::max_labels,
     .fallback = "256",
     .help = "Most labels of one series; series with more are refused.",
     .least = 8,
     .most = 65'535},

    {.name = "query.timeout",
     .member = &Settings::query_timeout,
     .fallback = "2m",
     .help = "A query is stopped after this long, waiting included. A request can ask for less.",
     .least = 1,
     .most = 1 * kDay},
    {.name = "query.max-samples",
     .member = &Settings::query_max_samples,
     .fallback = "50000000",
     .help = "Most samples that one query may hold at a time.",
     .least = 1},
    {.name = "query.max-memory",
     .member = &Settings::query_max_memory,
     .fallback = "2GiB",
     .help = "Most memory that one query may hold at a time.",
     .least = 1 * kMiB,
     .most = 4 * kTiB},
    {.name = "query.max-total-memory",
     .member = &Settings::query_max_total_memory,
     .fallback = "0",
     .help =
         "Most memory that all queries together may hold, answers being sent included; 503 beyond. 0B is a "
         "quarter of the machine's memory, at most 512MiB.",
     .most = 4 * kTiB},
    {.name = "query.max-concurrency",
     .member = &Settings::query_max_concurrency,
     .fallback = "0",
     .help =
         "Queries evaluated at a time; further ones wait. 0 is two per processor, at least four. Those that "
         "compute longer than 100ms or hold more than 16MiB wait for a turn of their own, one per processor.",
     .most = 10'000},
    {.name = "query.max-queued",
     .member = &Settings::query_max_queued,
     .fallback = "1000",
     .help = "Queries that may wait; further ones are answered 503.",
     .most = 1'000'000},
    {.name = "query.max-points",
     .member = &Settings::query_max_points,
     .fallback = "11000",
     .help = "Most steps of a range query; 400 beyond.",
     .least = 1,
     .most = 100'000'000},
    {.name = "query.lookback-delta",
     .member = &Settings::lookback_delta,
     .fallback = "5m",
     .help = "How far back a query looks for the newest sample of a series.",
     .least = 1,
     .most = 365 * kDay},
    {.name = "query.log-slower-than",
     .member = &Settings::slow_query,
     .fallback = "5s",
     .help = "Queries that take at least this long are logged. 0s logs every one.",
     .most = 1 * kDay},

    {.name = "rules.alert-resend-delay",
     .member = &Settings::alert_resend_delay,
     .fallback = "1m",
     .help = "How often Alertmanagers are told again of an alert that still fires.",
     .least = 1'000,
     .most = 1 * kDay,
     .reloadable = true},

    {.name = "log.level",
     .member = &Settings::log_level,
     .fallback = "info",
     .help = "Least important messages to write.",
     .choices = kLogLevels,
     .reloadable = true},
    {.name = "log.format",
     .member = &Settings::log_format,
     .fallback = "logfmt",
     .help = "How a line of the log is written, on standard error.",
     .choices = kLogFormats,
     .reloadable = true},

    {.name = "self-scrape.interval",
     .member = &Settings::self_scrape_interval,
     .fallback = "15s",
     .help = "How often the server's own metrics are stored, with the label job=\"silverback\". 0s is never.",
     .most = 1 * kDay,
     .reloadable = true},
    {.name = "shutdown.timeout",
     .member = &Settings::shutdown_timeout,
     .fallback = "30s",
     .help = "A stop that has not finished after this long is cut short; nothing acknowledged is lost.",
     .least = 1 * kSecond,
     .most = 1 * kHour,
     .reloadable = true},
};

}  // namespace

std::span<const Setting> all_settings() { return kSettings; }

}  // namespace silverback::server
