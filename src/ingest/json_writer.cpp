#include "ingest/append_body.h"
#include "ingest/json_decoder.h"
#include "ingest/write.h"

namespace silverback::ingest {

Result<JsonTimeUnit> parse_json_time_unit(std::string_view text) {
  if (text == "auto") return JsonTimeUnit::Auto;
  if (text == "s") return JsonTimeUnit::Seconds;
  if (text == "ms") return JsonTimeUnit::Milliseconds;
  if (text == "us") return JsonTimeUnit::Microseconds;
  if (text == "ns") return JsonTimeUnit::Nanoseconds;
  return Status(Code::InvalidArgument, "invalid time unit " + quoted(text) + " (use auto, s, ms, us or ns)");
}

struct JsonWriter::State {
  State(const WriteTargets& t, const WriteLimits& limits) : targets(t), tally(limits), decoder(limits) {}

  Status write(Tenant tenant, const Body& body, const JsonOptions& options, const AppendExtras* extras);

  const WriteTargets targets;
  Tally tally;
  JsonDecoder decoder;
  Batch batch;
};

JsonWriter::JsonWriter(const WriteTargets& targets, const WriteLimits& limits)
    : state_(std::make_unique<State>(targets, limits)) {}
JsonWriter::~JsonWriter() = default;

Status JsonWriter::State::write(Tenant tenant, const Body& body, const JsonOptions& options,
                                const AppendExtras* extras) {
  tally.clear(body.parts.size());
  Status parsed = decoder.parse(body, options, targets.clock.now_ns(), batch, tally);
  if (!parsed.ok()) return parsed;
  const auto outcome =
      append_body(targets.appender, tenant, batch, decoder, options.extra_labels, extras, tally.report());
  if (!outcome) return outcome.status();
  decoder.finish(*outcome, tally);
  return {};
}

Result<WriteReport> JsonWriter::write(Tenant tenant, const Body& body, const JsonOptions& options,
                                      const AppendExtras* extras) {
  State& s = *state_;
  const Status written = s.write(tenant, body, options, extras);
  shrink(s.batch);
  if (!written.ok()) return written;
  return std::move(s.tally.report());
}

}  // namespace silverback::ingest
