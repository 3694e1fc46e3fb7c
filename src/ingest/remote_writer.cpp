#include <algorithm>
#include <cctype>

#include "ingest/append_body.h"
#include "ingest/remote_write.h"
#include "ingest/write.h"

namespace silverback::ingest {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool equal_fold(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
         });
}

std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view part = trim(rest.substr(0, at));
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return part;
}

}  // namespace

Result<RemoteWriteVersion> remote_write_version(std::string_view content_type) {
  std::string_view rest = content_type;
  const std::string_view type = take_until(rest, ';');
  auto refused = [&](std::string_view what) {
    return Status(Code::InvalidArgument, std::string(what) + " " + quoted(content_type) +
                                             " is not understood; use application/x-protobuf, with "
                                             ";proto=io.prometheus.write.v2.Request for remote write 2.0");
  };
  if (!type.empty() && !equal_fold(type, "application/x-protobuf")) return refused("content type");
  RemoteWriteVersion version = RemoteWriteVersion::V1;
  while (!rest.empty()) {
    std::string_view value = take_until(rest, ';');
    const std::string_view name = take_until(value, '=');
    value = trim(value);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
      value = value.substr(1, value.size() - 2);
    if (!equal_fold(name, "proto")) continue;
    if (value == "io.prometheus.write.v2.Request") {
      version = RemoteWriteVersion::V2;
    } else if (value != "prometheus.WriteRequest") {
      return refused("the proto parameter of content type");
    }
  }
  return version;
}

struct RemoteWriter::State {
  State(const WriteTargets& t, const WriteLimits& limits)
      : targets(t), tally(limits), v1(limits), v2(limits) {}

  Status store(Tenant tenant, RemoteWriteDecoder& decoder, ExtraLabels extra_labels,
               const AppendExtras* extras);

  const WriteTargets targets;
  Tally tally;
  RemoteWriteV1 v1;
  RemoteWriteV2 v2;
  Batch batch;
  std::vector<Metadata> metadata;
};

RemoteWriter::RemoteWriter(const WriteTargets& targets, const WriteLimits& limits)
    : state_(std::make_unique<State>(targets, limits)) {}
RemoteWriter::~RemoteWriter() = default;

Status RemoteWriter::State::store(Tenant tenant, RemoteWriteDecoder& decoder, ExtraLabels extra_labels,
                                  const AppendExtras* extras) {
  WriteReport& report = tally.report();
  const auto outcome =
      append_body(targets.appender, tenant, batch, decoder, extra_labels, extras, tally.report());
  if (!outcome) {
    decoder.forget_metadata();
    return outcome.status();
  }
  report.stored = outcome->stored;
  for (const Refusal& refusal : outcome->refused) {
    tally.go_to_part(decoder.part_of(refusal.run));
    std::string text;
    if (tally.wants_text()) text = decoder.describe(refusal.run) + ": " + std::string(refusal.why.message());
    tally.refuse(decoder.reason_of(refusal), refusal.samples, 0, std::move(text));
  }
  if (!metadata.empty()) {
    report.metadata = metadata.size();
    // The samples are stored, and sending them again would not help the metadata: the sender repeats it
    // anyway.
    if (const Status put = targets.metadata.put(tenant, std::move(metadata)); !put.ok()) {
      report.metadata = 0;
      decoder.forget_metadata();
    }
    metadata.clear();
  }
  return {};
}

Result<WriteReport> RemoteWriter::write(Tenant tenant, const Body& body, RemoteWriteVersion version,
                                        ExtraLabels extra_labels, const AppendExtras* extras) {
  State& s = *state_;
  s.tally.clear(body.parts.size());
  RemoteWriteDecoder& decoder =
      version == RemoteWriteVersion::V1 ? static_cast<RemoteWriteDecoder&>(s.v1) : s.v2;
  const std::int64_t now_ns = s.targets.clock.now_ns();
  Status status = decoder.parse(body, extra_labels, now_ns, s.batch, s.tally, s.metadata);
  if (status.ok()) status = s.store(tenant, decoder, extra_labels, extras);
  shrink(s.batch);
  if (!status.ok()) return status;
  s.tally.sort_problems();
  WriteReport report = std::move(s.tally.report());
  if (!report.complete()) report.message = join_problems(report);
  return report;
}

}  // namespace silverback::ingest
