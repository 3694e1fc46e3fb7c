// Settings: everything an operator can set, and the one table that describes it.
//
// A row of the table gives a setting its flag (--storage.path), its environment variable
// (SILVERBACK_STORAGE_PATH), its place in the YAML file (storage: / path:), its line in --help and its row in
// docs/configuration.md. To add a setting is to add a member and a row.
//
// Threads: Settings is a value; the table is constant.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "server/byte_size.h"

namespace silverback::server {

using Duration = std::chrono::milliseconds;
using Names = std::vector<std::string>;

struct Settings {
  std::string config_file;
  Names features;

  std::string storage_path;
  std::string wal_sync;
  Duration wal_sync_interval{};
  bool salvage_wal = false;
  Duration retention{};
  Duration window_grace{};
  Duration checkpoint_interval{};
  ByteSize checkpoint_wal_size;
  ByteSize head_memory;
  ByteSize block_cache;
  std::uint64_t max_series = 0;

  std::string listen_address;
  std::string external_url;
  std::string route_prefix;
  std::string cors_origin;
  ByteSize max_header_size;
  ByteSize max_body_size;
  ByteSize max_decompressed_size;
  ByteSize max_form_size;
  ByteSize max_body_memory;
  Duration header_timeout{};
  Duration body_timeout{};
  Duration idle_timeout{};
  Duration write_timeout{};
  Duration response_timeout{};
  Duration queue_timeout{};
  std::uint64_t max_connections = 0;
  std::uint64_t max_concurrent_writes = 0;
  bool enable_lifecycle = false;
  bool enable_admin_api = false;

  bool create_databases = false;
  Duration max_future{};
  std::uint64_t max_labels = 0;

  Duration query_timeout{};
  std::uint64_t query_max_samples = 0;
  ByteSize query_max_memory;
  ByteSize query_max_total_memory;
  std::uint64_t query_max_concurrency = 0;
  std::uint64_t query_max_queued = 0;
  std::uint64_t query_max_points = 0;
  Duration lookback_delta{};
  Duration slow_query{};

  Duration alert_resend_delay{};

  std::string log_level;
  std::string log_format;

  Duration self_scrape_interval{};
  Duration shutdown_timeout{};
};

using Member = std::variant<std::string Settings::*, Names Settings::*, Duration Settings::*,
                            ByteSize Settings::*, std::uint64_t Settings::*, bool Settings::*>;

struct Setting {
  std::string_view name;  // "storage.path"
  Member member;
  std::string_view fallback;  // the default, as an operator would write it
  std::string_view help;
  std::string_view placeholder = {};  // "<dir>" in --help; by the type when empty
  std::uint64_t least = 0;            // of a duration (ms), a size (bytes) or a count
  std::uint64_t most = UINT64_MAX;
  std::span<const std::string_view> choices = {};    // of a text or of each name in a list
  Status (*check)(std::string_view text) = nullptr;  // what the type alone does not tell
  bool reloadable = false;                           // a reload of the file changes it at once
  bool in_file = true;                               // false: flag and environment only
};

std::span<const Setting> all_settings();
/// nullptr when there is no such setting.
const Setting* find_setting(std::string_view name);
/// " (did you mean storage.path?)", or empty when nothing is near.
std::string suggest_setting(std::string_view name);
/// The same among any names.
std::string suggest(std::string_view name, std::span<const std::string_view> known);

/// "SILVERBACK_STORAGE_PATH"
std::string environment_name(const Setting& setting);
/// "<dir>", "<duration>", ...; empty for a switch
std::string_view placeholder(const Setting& setting);

/// Reads `text` into its place. @returns InvalidArgument with the value, what is wrong and what is understood
Status assign(Settings& settings, const Setting& setting, std::string_view text);
/// As an operator would write it.
std::string text_of(const Settings& settings, const Setting& setting);

Settings default_settings();

}  // namespace silverback::server
