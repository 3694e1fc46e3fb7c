#include "kafka/intake.h"

#include <algorithm>

#include "base/clock.h"
#include "ingest/label_set.h"

namespace silverback::kafka {
namespace {

using ingest::ContentEncoding;

/// How a body is read. Messages of the same kind go into one.
struct Kind {
  Format format = Format::Influx;
  std::string_view database;
  std::string_view retention_policy;
  ingest::Precision precision = ingest::Precision::Nanoseconds;
  ingest::RemoteWriteVersion version = ingest::RemoteWriteVersion::V1;
  ingest::TextFormat text_format = ingest::TextFormat::Prometheus;
  friend bool operator==(const Kind&, const Kind&) = default;
};

Result<Format> parse_format(std::string_view text) {
  for (const Format format : {Format::Influx, Format::RemoteWrite, Format::Text, Format::Json}) {
    if (to_string(format) == text) return format;
  }
  return Status(Code::InvalidArgument,
                "header format: " + ingest::quoted(text) +
                    " is none of influx, prometheus-remote-write, prometheus-text, json");
}

// Units are written in both of InfluxDB's ways.
Result<ingest::Precision> parse_unit(std::string_view text) {
  if (text == "us") return ingest::Precision::Microseconds;
  return ingest::parse_precision(text, ingest::InfluxApi::V1);
}

std::int64_t time_ns_of(const Message& message) {
  constexpr std::int64_t kLatest_ms = 9'223'372'036'854;
  return std::clamp<std::int64_t>(message.time_ms, 0, kLatest_ms) * kNsPerMs;
}

/// A body of another message may do, and so may this one later.
bool passes(const Status& failed) {
  return failed.code() != Code::InvalidArgument && failed.code() != Code::NotFound &&
         failed.code() != Code::OutOfBounds;
}

class NoSeries final : public SeriesResolver {
 public:
  Result<NewSeries> resolve(std::size_t) override { return Status(Code::Internal, "there are no series"); }
};

}  // namespace

struct Intake::State {
  State(const ConsumerConfig& c, const IntakeTargets& t) : config(c), targets(t) {
    usual.format = config.format;
    usual.database = config.database;
    usual.retention_policy = config.retention_policy;
    if (const auto unit = parse_unit(config.precision)) usual.precision = *unit;
    json.fields = {config.json.name, config.json.labels, config.json.value, config.json.timestamp};
    if (const auto unit = ingest::parse_json_time_unit(config.json.time_unit)) json.time_unit = *unit;
    json.extra_labels = config.labels;
  }

  Result<Kind> kind_of(const Message& message) const;
  Status add(const Message& message, const Kind& kind);
  Status add_decoded(const Message& message, ContentEncoding encoding, bool or_as_it_is);
  void gather(std::span<const Message> messages, Taken& taken, Kind& kind);
  Result<ingest::WriteReport> write(const Kind& kind, const AppendExtras& extras);
  void reject_all(const Status& why, Taken& taken) const;

  template <typename Writer>
  Writer& writer(std::unique_ptr<Writer>& made) {
    if (made == nullptr) made = std::make_unique<Writer>(targets.store, targets.limits);
    return *made;
  }

  const ConsumerConfig& config;
  const IntakeTargets targets;
  Kind usual;  // of messages without headers that say otherwise
  ingest::JsonOptions json;
  std::unique_ptr<ingest::LineWriter> lines;
  std::unique_ptr<ingest::RemoteWriter> remote;
  std::unique_ptr<ingest::TextWriter> text;
  std::unique_ptr<ingest::JsonWriter> json_samples;

  std::string body;
  std::vector<ingest::Part> parts;
  std::vector<std::size_t> message_of;  // parallel to parts
  std::string decoded;
};

Result<Kind> Intake::State::kind_of(const Message& message) const {
  Kind kind = usual;
  if (const auto format = find_header(message, "format")) {
    const auto parsed = parse_format(*format);
    if (!parsed) return parsed.status();
    kind.format = *parsed;
  }
  if (const auto type = find_header(message, "content-type")) {
    if (kind.format == Format::RemoteWrite) {
      const auto version = ingest::remote_write_version(*type);
      if (!version) return version.status().in("header content-type");
      kind.version = *version;
    }
    if (kind.format == Format::Text) kind.text_format = ingest::text_format(*type);
  }
  if (kind.format != Format::Influx) {
    kind.database = kind.retention_policy = {};
    kind.precision = {};
    return kind;
  }
  if (const auto database = find_header(message, "database")) kind.database = *database;
  if (const auto policy = find_header(message, "retention_policy")) kind.retention_policy = *policy;
  if (const auto unit = find_header(message, "precision")) {
    const auto parsed = parse_unit(*unit);
    if (!parsed) return parsed.status().in("header precision");
    kind.precision = *parsed;
  }
  if (kind.database.empty())
    return Status(Code::InvalidArgument,
                  "line protocol needs a database: set it for the consumer, or as header");
  return kind;
}

// ---- messages to a body --------------------------------------------------------------------------

Status Intake::State::add(const Message& message, const Kind& kind) {
  const auto name = message.headers.empty() ? std::nullopt : find_header(message, "content-encoding");
  if (name) {
    const auto encoding = ingest::parse_content_encoding(*name);
    if (!encoding) return encoding.status().in("header content-encoding");
    return add_decoded(message, *encoding, false);
  }
  if (kind.format == Format::RemoteWrite && config.compression != Compression::None)
    return add_decoded(message, ContentEncoding::Snappy, config.compression == Compression::Auto);
  body += message.value;
  return {};
}

Status Intake::State::add_decoded(const Message& message, ContentEncoding encoding, bool or_as_it_is) {
  const auto bytes =
      ingest::decode_body(encoding, message.value, targets.limits.max_decompressed_bytes, decoded);
  if (bytes) {
    body += *bytes;
  } else if (or_as_it_is && bytes.status().code() == Code::InvalidArgument) {
    body += message.value;
  } else {
    return bytes.status();
  }
  return {};
}

// Fills body and parts with the messages that begin the span and are of one kind.
void Intake::State::gather(std::span<const Message> messages, Taken& taken, Kind& kind) {
  body.clear();
  parts.clear();
  message_of.clear();
  const bool usual_will_do = usual.format != Format::Influx || !usual.database.empty();
  bool is_usual = false;  // the kind of those before
  for (const Message& message : messages) {
    if (body.size() >= static_cast<std::size_t>(config.batch_bytes)) return;
    const std::size_t index = taken.messages;
    if (message.tombstone) {  // of a compacted topic: whatever its headers say, it has nothing to read
      ++taken.messages;
      continue;
    }
    Kind own = usual;
    const bool plain = message.headers.empty() && usual_will_do;
    if (!plain) {
      auto other = kind_of(message);
      if (!other) {
        ++taken.messages;
        taken.bytes += message.value.size();
        taken.bad.push_back({index, "bad_header", std::string(other.status().message())});
        continue;
      }
      own = *other;
    }
    if (!parts.empty() && !(plain && is_usual) && own != kind) return;
    ++taken.messages;
    taken.bytes += message.value.size();
    if (const Status added = add(message, own); !added.ok()) {
      const bool large = added.code() == Code::OutOfBounds;
      taken.bad.push_back({index, large ? "too_long" : "bad_encoding", std::string(added.message())});
      continue;
    }
    kind = own;
    is_usual = plain;
    if (kind.format != Format::RemoteWrite) body += '\n';
    parts.push_back({body.size(), time_ns_of(message)});
    message_of.push_back(index);
  }
}

Result<ingest::WriteReport> Intake::State::write(const Kind& kind, const AppendExtras& extras) {
  const ingest::Body whole(body, parts);
  switch (kind.format) {
    case Format::Influx:
      return writer(lines).write(kDefaultTenant, whole,
                                 {.database = kind.database,
                                  .retention_policy = kind.retention_policy,
                                  .precision = kind.precision,
                                  .create_database = targets.create_databases,
                                  .default_time_ns = 0,
                                  .extra_labels = config.labels},
                                 &extras);
    case Format::RemoteWrite:
      return writer(remote).write(kDefaultTenant, whole, kind.version, config.labels, &extras);
    case Format::Text:
      return writer(text).write(
          kDefaultTenant, whole,
          {.format = kind.text_format, .extra_labels = config.labels, .default_time_ns = 0}, &extras);
    case Format::Json: break;
  }
  return writer(json_samples).write(kDefaultTenant, whole, json, &extras);
}

// The body as a whole is refused, such as for its database.
void Intake::State::reject_all(const Status& why, Taken& taken) const {
  const std::string_view code = why.code() == Code::NotFound ? "not_found" : "malformed";
  for (const std::size_t index : message_of)
    taken.bad.push_back({index, std::string(code), std::string(why.message())});
}

// ---- the door ------------------------------------------------------------------------------------

Intake::Intake(const ConsumerConfig& config, const IntakeTargets& targets)
    : state_(std::make_unique<State>(config, targets)) {}
Intake::~Intake() = default;

Result<Taken> Intake::take(std::span<const Message> messages, const std::string& source) {
  State& s = *state_;
  Taken taken;
  Kind kind;
  s.gather(messages, taken, kind);
  const Progress after{source, messages[taken.messages - 1].offset + 1};
  const bool keeps = !source.empty() && taken.bad.empty();
  if (s.parts.empty()) {
    if (!keeps) return taken;
    if (Status kept = keep(after); !kept.ok()) return kept;
    return taken;
  }
  AppendExtras extras;
  if (keeps) extras.progress = std::span(&after, 1);
  auto report = s.write(kind, extras);
  constexpr std::size_t kKeepBytes = std::size_t{16} << 20;
  if (s.body.capacity() > kKeepBytes) std::string().swap(s.body);
  if (s.decoded.capacity() > kKeepBytes) std::string().swap(s.decoded);
  if (!report) {
    if (passes(report.status())) return report.status();
    s.reject_all(report.status(), taken);
  } else {
    taken.samples = report->stored;
    for (ingest::WriteProblem& problem : report->problems) {
      taken.bad.push_back(
          {s.message_of[problem.part], std::string(to_string(problem.reason)), std::move(problem.text)});
    }
  }
  std::ranges::sort(taken.bad, {}, &BadMessage::index);
  return taken;
}

Status Intake::keep(const Progress& position) {
  NoSeries none;
  const AppendExtras extras{.progress = std::span(&position, 1)};
  const auto kept = state_->targets.store.appender.append_with(kDefaultTenant, Batch(), none, extras);
  return kept ? Status() : kept.status();
}

}  // namespace silverback::kafka
