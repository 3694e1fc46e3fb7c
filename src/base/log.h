// Log: one line per event on stderr, as logfmt or JSON.
//
//   log(LogLevel::Info, "WAL replayed", {{"segments", 12}, {"samples", 20'000'000}});
//   ts=2026-11-22T10:00:00.123Z level=info msg="WAL replayed" segments=12 samples=20000000
//
// Threads: any; a line is one write(). configure_log() is called once by server before the threads start.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace silverback {

enum class LogLevel : std::uint8_t { Debug, Info, Warn, Error };
enum class LogFormat : std::uint8_t { Logfmt, Json };

struct LogField {
  LogField(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const char* text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  LogField(std::string_view field_name, bool truth)
      : name(field_name), value(truth ? "true" : "false"), number(true) {}
  template <std::integral T>
  LogField(std::string_view field_name, T v) : name(field_name), value(std::to_string(v)), number(true) {}
  LogField(std::string_view field_name, double v);

  std::string_view name;
  std::string value;
  bool number = false;  // JSON writes it bare
};

void configure_log(LogLevel least, LogFormat format);
bool log_enabled(LogLevel level);
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

/// The line log() writes, newline included; for tests.
std::string format_log_line(LogFormat format, std::int64_t time_ns, LogLevel level, std::string_view message,
                            std::initializer_list<LogField> fields);

}  // namespace silverback
