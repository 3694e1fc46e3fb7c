#include <algorithm>

#include "storage/engine.h"
#include "storage/engine_figures.h"

namespace silverback::storage {
namespace {

/// Unknown series are resolved so many at a time: labels decoded and not yet interned take memory.
constexpr std::size_t kCreateSlice = 1024;

/// Tenants see different series under equal label bytes.
std::uint64_t tenant_mix(Tenant tenant) { return static_cast<std::uint64_t>(tenant) * 0x9e37'79b9'7f4a'7c15; }

void refuse(AppendOutcome& outcome, const Batch& batch, std::size_t run, Status why) {
  outcome.refused.push_back({static_cast<std::uint32_t>(run), batch.runs[run].count, std::move(why)});
}

/// Of one thread, reused from batch to batch.
struct AppendScratch {
  std::vector<SeriesRef> refs;
  std::vector<ValueType> types;
  SamplesEncoder encoder;
  std::string with_progress;
};

}  // namespace

struct Engine::Unknown {
  std::size_t run = 0;
  NewSeries series;
  SeriesRef ref = kNoSeries;
  bool log = false;
};

Status Engine::memory_limit() const {
  const std::uint64_t used = memory_bytes_.load(std::memory_order_relaxed);
  if (used < 2 * options_.head_memory_bytes) return {};
  return Status(Code::ResourceExhausted, "recent samples take " + std::to_string(used >> 20) +
                                             " MiB of memory, twice the budget of " +
                                             std::to_string(options_.head_memory_bytes >> 20) +
                                             " MiB; send again later, or raise the budget");
}

Result<AppendOutcome> Engine::append(Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                                     const AppendExtras& extras) {
  if (Status full = memory_limit(); !full.ok()) return full;
  thread_local AppendScratch scratch;
  const std::uint64_t mix = tenant_mix(tenant) ^ extras.key_salt;
  AppendOutcome outcome;
  std::span<const Progress> progress;
  WalTicket ticket;
  {
    const CommitGate::Pass pass(gate_);
    const std::size_t unknown = head_.find(mix, batch.runs, scratch.refs);
    if (unknown > 0) {
      if (Status failed = resolve_unknown(mix, tenant, batch, resolver, scratch.refs, outcome); !failed.ok())
        return failed;
    }
    scratch.types.clear();
    if (!batch.strings.empty()) {
      for (const SeriesRef ref : scratch.refs) {
        scratch.types.push_back(ref == kNoSeries ? ValueType::Float64 : head_.type_of(ref));
      }
    }
    const std::string_view record = scratch.encoder.encode(scratch.refs, batch, scratch.types);
    if (outcome.refused.empty()) progress = extras.progress;
    if (record.empty() && progress.empty()) return outcome;
    if (progress.empty()) {
      ticket = wal_->append(RecordType::Samples, record);
    } else {
      encode_progress(scratch.with_progress, progress);
      scratch.with_progress += record;
      ticket = wal_->append(RecordType::SamplesOfSources, scratch.with_progress);
      progress_.apply(progress);
    }
    if (!record.empty()) outcome.stored = head_.apply(batch, scratch.refs);
    activity_.touch(batch.times_ns, clock_.now_ns());
  }
  Status kept = wal_->wait(ticket);
  note_trouble(kept);
  if (!kept.ok()) return std::move(kept).in("nothing of this request is promised");
  progress_.confirm(progress);
  figures_->appended.add(outcome.stored);
  return outcome;
}

Status Engine::resolve_unknown(std::uint64_t mix, Tenant tenant, const Batch& batch, SeriesResolver& resolver,
                               std::vector<SeriesRef>& refs, AppendOutcome& outcome) {
  std::vector<Unknown> slice;
  bool created = false;
  for (std::size_t run = 0; run < refs.size();) {
    slice.clear();
    for (; run < refs.size() && slice.size() < kCreateSlice; ++run) {
      if (refs[run] != kNoSeries) continue;
      // Messages of a topic, or a file, bring a new series more than once: an earlier slice may have made it.
      if (created) refs[run] = head_.find(mix, batch.runs[run].key);
      if (refs[run] != kNoSeries) continue;
      auto series = resolver.resolve(run);
      if (!series) {
        refuse(outcome, batch, run, series.status());
        continue;
      }
      slice.push_back({run, std::move(*series)});
    }
    if (slice.empty()) continue;
    if (Status failed = create_slice(mix, tenant, batch, slice, refs, outcome); !failed.ok()) return failed;
    created = true;
  }
  return {};
}

Status Engine::create_slice(std::uint64_t mix, Tenant tenant, const Batch& batch, std::span<Unknown> slice,
                            std::vector<SeriesRef>& refs, AppendOutcome& outcome) {
  const MutexLock lock(create_mutex_);
  std::vector<SeriesToAdd> wanted;
  std::vector<Unknown*> of_wanted;
  for (Unknown& unknown : slice) {
    const NewSeries& series = unknown.series;
    if (series.type >= ValueType::Histogram) {
      refuse(outcome, batch, unknown.run,
             Status(Code::InvalidArgument, "native histograms are not stored yet"));
      continue;
    }
    if (!series.database.empty()) {
      const auto added =
          catalog_.add_field(tenant, series.database, series.measurement, series.field, series.type);
      if (!added) {
        refuse(outcome, batch, unknown.run, added.status());
        continue;
      }
    }
    wanted.push_back({&series.labels, series.type, kNoSeries, false});
    of_wanted.push_back(&unknown);
  }
  index_.add(tenant, wanted, options_.max_series);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Unknown& unknown = *of_wanted[i];
    if (wanted[i].ref == kNoSeries) {
      figures_->series_refused.add();
      refuse(outcome, batch, unknown.run,
             Status(Code::ResourceExhausted, "this would be a new series, and the limit of " +
                                                 std::to_string(options_.max_series) + " series is reached"));
      continue;
    }
    unknown.ref = wanted[i].ref;
    unknown.log = wanted[i].created || unlogged_.contains(static_cast<std::uint32_t>(unknown.ref));
    if (wanted[i].created) head_.add_series(unknown.ref, unknown.series.type);
  }
  if (Status failed = log_series(tenant, slice); !failed.ok()) return failed;
  for (const Unknown& unknown : slice) {
    if (unknown.ref == kNoSeries) continue;
    refs[unknown.run] = unknown.ref;
    head_.bind(mix, batch.runs[unknown.run].key, unknown.ref);
  }
  return {};
}

Status Engine::log_series(Tenant tenant, std::span<Unknown> slice) {
  std::string record;
  std::size_t count = 0;
  for (const Unknown& unknown : slice) {
    if (!unknown.log) continue;
    const NewSeries& series = unknown.series;
    append_series_entry(record, unknown.ref, tenant, series.type, series.labels, series.database,
                        series.measurement, series.field);
    ++count;
  }
  if (count == 0) return {};
  // Written before it is known: otherwise another batch could use the series, be acknowledged, and lose its
  // samples because this record's write failed.
  Status kept = wal_->wait(wal_->append(RecordType::NewSeries, record));
  note_trouble(kept);
  for (const Unknown& unknown : slice) {
    if (!unknown.log) continue;
    if (kept.ok()) {
      unlogged_.erase(static_cast<std::uint32_t>(unknown.ref));
    } else {
      unlogged_.insert(static_cast<std::uint32_t>(unknown.ref));
    }
  }
  if (kept.ok()) figures_->series_created.add(count);
  return std::move(kept).in("nothing of this request is promised");
}

Status Engine::put_metadata(Tenant tenant, std::vector<Metadata> entries) {
  const std::vector<Metadata> changed = metadata_.changed(tenant, std::move(entries));
  if (changed.empty()) return {};
  std::string record;
  encode_metadata(record, tenant, changed);
  const CommitGate::Pass pass(gate_);  // a checkpoint sees both, the record and its effect, or neither
  Status kept = wal_->wait(wal_->append(RecordType::Metadata, record));
  note_trouble(kept);
  if (kept.ok()) metadata_.put(tenant, changed);
  return kept;
}

Status Engine::create_database(Tenant tenant, std::string_view name) {
  if (name.empty()) return Status(Code::InvalidArgument, "a database needs a name");
  if (catalog_.has_database(tenant, name)) return {};
  std::string record;
  encode_catalog(record, {tenant, std::string(name)});
  const CommitGate::Pass pass(gate_);
  Status kept = wal_->wait(wal_->append(RecordType::Catalog, record));
  note_trouble(kept);
  if (kept.ok()) catalog_.add_database(tenant, name);
  return kept;
}

}  // namespace silverback::storage
