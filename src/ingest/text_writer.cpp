#include "ingest/append_body.h"
#include "ingest/text_decoder.h"
#include "ingest/write.h"

namespace silverback::ingest {

struct TextWriter::State {
  State(const WriteTargets& t, const WriteLimits& limits) : targets(t), tally(limits), decoder(limits) {}

  Status write(Tenant tenant, const Body& body, const TextOptions& options, const AppendExtras* extras);

  const WriteTargets targets;
  Tally tally;
  TextDecoder decoder;
  Batch batch;
  std::vector<Metadata> metadata;
};

TextWriter::TextWriter(const WriteTargets& targets, const WriteLimits& limits)
    : state_(std::make_unique<State>(targets, limits)) {}
TextWriter::~TextWriter() = default;

Status TextWriter::State::write(Tenant tenant, const Body& body, const TextOptions& options,
                                const AppendExtras* extras) {
  tally.clear(body.parts.size());
  const Status parsed = decoder.parse(body, options, targets.clock.now_ns(), batch, tally, metadata);
  if (!parsed.ok()) return parsed;
  const auto outcome =
      append_body(targets.appender, tenant, batch, decoder, options.extra_labels, extras, tally.report());
  if (!outcome) {
    decoder.forget_metadata();
    return outcome.status();
  }
  if (!metadata.empty()) {
    tally.report().metadata = metadata.size();
    // The samples are stored; what was said of them comes again with the next scrape.
    if (const Status put = targets.metadata.put(tenant, std::move(metadata)); !put.ok()) {
      tally.report().metadata = 0;
      decoder.forget_metadata();
    }
    metadata.clear();
  }
  decoder.finish(*outcome, tally);
  return {};
}

Result<WriteReport> TextWriter::write(Tenant tenant, const Body& body, const TextOptions& options,
                                      const AppendExtras* extras) {
  State& s = *state_;
  const Status written = s.write(tenant, body, options, extras);
  shrink(s.batch);
  if (!written.ok()) return written;
  return std::move(s.tally.report());
}

}  // namespace silverback::ingest
