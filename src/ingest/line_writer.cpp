#include "ingest/append_body.h"
#include "ingest/line_decoder.h"
#include "ingest/write.h"

namespace silverback::ingest {

Result<Precision> parse_precision(std::string_view text, InfluxApi api) {
  if (text.empty() || text == "ns") return Precision::Nanoseconds;
  if (text == "ms") return Precision::Milliseconds;
  if (text == "s") return Precision::Seconds;
  if (api == InfluxApi::V2) {
    if (text == "us") return Precision::Microseconds;
    return Status(Code::InvalidArgument, "invalid precision " + quoted(text) + " (use ns, us, ms or s)");
  }
  if (text == "n") return Precision::Nanoseconds;
  if (text == "u" || text == "\xc2\xb5") return Precision::Microseconds;
  if (text == "m") return Precision::Minutes;
  if (text == "h") return Precision::Hours;
  return Status(Code::InvalidArgument, "invalid precision " + quoted(text) + " (use n, u, ms, s, m or h)");
}

struct LineWriter::State {
  State(const WriteTargets& t, const WriteLimits& limits)
      : targets(t), tally(limits), decoder(t.catalog, limits) {}

  Status write(Tenant tenant, const Body& body, const LineOptions& options, const AppendExtras* extras);

  const WriteTargets targets;
  Tally tally;
  LineDecoder decoder;
  Batch batch;
};

LineWriter::LineWriter(const WriteTargets& targets, const WriteLimits& limits)
    : state_(std::make_unique<State>(targets, limits)) {}
LineWriter::~LineWriter() = default;

Status LineWriter::State::write(Tenant tenant, const Body& body, const LineOptions& options,
                                const AppendExtras* extras) {
  tally.clear(body.parts.size());
  if (!targets.catalog.has_database(tenant, options.database)) {
    if (!options.create_database) return {Code::NotFound, "database not found: " + quoted(options.database)};
    const Status created = targets.catalog.create_database(tenant, options.database);
    if (!created.ok()) return created.in("creating the database");
  }
  const Status parsed = decoder.parse(body, tenant, options, targets.clock.now_ns(), batch, tally);
  if (!parsed.ok()) return parsed;
  const auto outcome =
      append_body(targets.appender, tenant, batch, decoder, options.extra_labels, extras, tally.report());
  if (!outcome) {
    decoder.forget();
    return outcome.status();
  }
  decoder.finish(*outcome, tally);
  return {};
}

Result<WriteReport> LineWriter::write(Tenant tenant, const Body& body, const LineOptions& options,
                                      const AppendExtras* extras) {
  State& s = *state_;
  const Status written = s.write(tenant, body, options, extras);
  shrink(s.batch);
  if (!written.ok()) return written;
  return std::move(s.tally.report());
}

}  // namespace silverback::ingest
