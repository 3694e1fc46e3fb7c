#include "base/log.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "base/number.h"

namespace silverback {
namespace {

// Written once before threads start; relaxed is enough.
std::atomic<LogLevel> g_least{LogLevel::Info};
std::atomic<LogFormat> g_format{LogFormat::Logfmt};

constexpr std::string_view kNames[] = {"debug", "info", "warn", "error"};

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_logfmt(std::string& out, std::string_view text) {
  const bool plain = !text.empty() && text.find_first_of(" =\"\\") == text.npos &&
                     text.find_first_of(std::string_view("\n\r\t\0", 4)) == text.npos;
  if (plain) {
    out += text;
  } else {
    append_quoted(out, text);
  }
}

void append_field(std::string& out, LogFormat format, std::string_view name, std::string_view value,
                  bool bare) {
  if (format == LogFormat::Json) {
    out += out.empty() ? '{' : ',';
    append_quoted(out, name);
    out += ':';
    if (bare) {
      out += value;
    } else {
      append_quoted(out, value);
    }
    return;
  }
  if (!out.empty()) out += ' ';
  out += name;
  out += '=';
  append_logfmt(out, value);
}

}  // namespace

LogField::LogField(std::string_view field_name, double v)
    : name(field_name), value(format_float(v)), number(std::isfinite(v)) {}

void configure_log(LogLevel least, LogFormat format) {
  g_least.store(least, std::memory_order_relaxed);
  g_format.store(format, std::memory_order_relaxed);
}

bool log_enabled(LogLevel level) { return level >= g_least.load(std::memory_order_relaxed); }

std::string format_log_line(LogFormat format, std::int64_t time_ns, LogLevel level, std::string_view message,
                            std::initializer_list<LogField> fields) {
  std::string out;
  append_field(out, format, "ts", format_rfc3339(time_ns - time_ns % kNsPerMs), false);
  append_field(out, format, "level", kNames[static_cast<std::size_t>(level)], false);
  append_field(out, format, "msg", message, false);
  for (const LogField& field : fields) append_field(out, format, field.name, field.value, field.number);
  out += format == LogFormat::Json ? "}\n" : "\n";
  return out;
}

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  const std::string line = format_log_line(g_format.load(std::memory_order_relaxed), SystemClock().now_ns(),
                                           level, message, fields);
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace silverback
