#include "storage/wal_record.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstring>

#include "base/bytes.h"
#include "base/clock.h"

namespace silverback::storage {
namespace {

// Control byte of a run's first sample; later samples have kHasTime, kString and the code only.
//   bit 7      6         5          4        3..0
//   string   time     count != 1  ref      value code
constexpr std::uint8_t kHasRef = 0x10;    // else the ref before plus one
constexpr std::uint8_t kHasCount = 0x20;  // else one sample
constexpr std::uint8_t kHasTime = 0x40;   // else no step between runs, or the step before within a run
constexpr std::uint8_t kString = 0x80;
constexpr std::uint8_t kCodeMask = 0x0f;

// Value codes: 0 is zero, 1..8 that many bytes from the top (floats end in zeros), 9..15 code - 8 from the
// bottom (integers begin with zeros).
constexpr unsigned kBottomCodes = 8;

constexpr std::array<std::uint64_t, 9> kLowBytes = {0,
                                                    0xff,
                                                    0xffff,
                                                    0xff'ffff,
                                                    0xffff'ffff,
                                                    0xff'ffff'ffff,
                                                    0xffff'ffff'ffff,
                                                    0xff'ffff'ffff'ffff,
                                                    ~std::uint64_t{0}};

constexpr std::array<std::uint64_t, 3> kUnitsNs = {1, 1'000, kNsPerMs};

char* write_varint(char* out, std::uint64_t v) {
  while (v >= 0x80) {
    *out++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *out++ = static_cast<char>(v);
  return out;
}

/// Writes up to eight bytes behind what counts. @returns the code
inline unsigned write_value(char*& out, std::uint64_t bits) {
  const unsigned top = bits == 0 ? 0 : 8 - static_cast<unsigned>(std::countr_zero(bits)) / 8;
  const unsigned bottom = 8 - static_cast<unsigned>(std::countl_zero(bits)) / 8;
  const bool from_bottom = bottom < top;
  const unsigned width = from_bottom ? bottom : top;
  const std::uint64_t stored = from_bottom ? bits : bits >> ((64 - 8 * top) & 63);  // top 0 only for 0
  std::memcpy(out, &stored, 8);
  out += width;
  return from_bottom ? kBottomCodes + width : width;
}

template <std::uint64_t kUnit>
class RunWriter {
 public:
  RunWriter(const Batch& batch, char* out) : batch_(batch), out_(out) {}

  /// @returns false when a time is not a whole number of units away
  bool write(SeriesRef ref, const SeriesRun& run, bool strings) {
    char* control = out_++;
    unsigned flags = 0;
    const auto number = static_cast<std::uint32_t>(ref);
    if (number != ref_ + 1) {
      flags |= kHasRef;
      out_ = write_varint(out_, zigzag(static_cast<std::int64_t>(number) - static_cast<std::int64_t>(ref_)));
    }
    ref_ = number;
    if (run.count != 1) {
      flags |= kHasCount;
      out_ = write_varint(out_, run.count);
    }
    auto time = static_cast<std::uint64_t>(batch_.times_ns[run.first]);
    if (time != run_time_) {
      flags |= kHasTime;
      if (!write_step(time - run_time_)) return false;
      run_time_ = time;
    }
    *control = static_cast<char>(flags | write_payload(run.first, strings));
    for (std::uint32_t i = run.first + 1; i < run.first + run.count; ++i) {
      const std::uint64_t step = static_cast<std::uint64_t>(batch_.times_ns[i]) - time;
      time += step;
      control = out_++;
      flags = 0;
      if (step != step_) {
        flags = kHasTime;
        if (!write_step(step)) return false;
        step_ = step;
      }
      *control = static_cast<char>(flags | write_payload(i, strings));
    }
    return true;
  }

  void start_at(std::int64_t time_ns) { run_time_ = static_cast<std::uint64_t>(time_ns); }
  char* out() const { return out_; }

 private:
  bool write_step(std::uint64_t step) {
    const auto signed_step = static_cast<std::int64_t>(step);
    constexpr auto kSigned = static_cast<std::int64_t>(kUnit);
    if (signed_step % kSigned != 0) return false;
    out_ = write_varint(out_, zigzag(signed_step / kSigned));
    return true;
  }

  unsigned write_payload(std::uint32_t sample, bool strings) {
    if (!strings) return write_value(out_, batch_.bits[sample]);
    const std::string_view text = batch_.string_at(sample);
    out_ = write_varint(out_, text.size());
    if (!text.empty()) std::memcpy(out_, text.data(), text.size());
    out_ += text.size();
    return kString;
  }

  const Batch& batch_;
  char* out_;
  std::uint32_t ref_ = 0;
  std::uint64_t run_time_ = 0;
  std::uint64_t step_ = 0;
};

template <std::uint64_t kUnit>
char* write_runs(std::span<const SeriesRef> refs, const Batch& batch, std::span<const ValueType> types,
                 std::int64_t base_ns, char* out) {
  RunWriter<kUnit> writer(batch, out);
  writer.start_at(base_ns);
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (refs[i] == kNoSeries || batch.runs[i].count == 0) continue;
    const bool strings = !types.empty() && types[i] == ValueType::String;
    if (!writer.write(refs[i], batch.runs[i], strings)) return nullptr;
  }
  return writer.out();
}

Status damaged(std::string_view what) { return Status(Code::DataLoss, std::string(what)); }

Status samples_damaged() { return damaged("samples record is malformed"); }

/// ByteReader for the samples' fields: values are read eight bytes at a time where there are eight.
class SampleReader {
 public:
  SampleReader(std::string_view bytes, std::uint64_t unit, Batch& batch)
      : in_(bytes), unit_(unit), batch_(batch) {}

  bool read_run(std::vector<SeriesRef>& refs, std::size_t run, std::size_t& sample, std::uint64_t& time,
                std::uint64_t& step) {
    const auto control = in_.fixed<std::uint8_t>();
    const std::int64_t ref_step = (control & kHasRef) != 0 ? in_.zigzag_varint() : 1;
    const std::uint64_t ref = ref_ + static_cast<std::uint64_t>(ref_step);
    const std::uint64_t count = (control & kHasCount) != 0 ? in_.varint() : 1;
    if (ref == 0 || ref > 0xffff'ffff || count == 0 || count > batch_.bits.size() - sample) return false;
    ref_ = ref;
    refs[run] = SeriesRef{static_cast<std::uint32_t>(ref)};
    batch_.runs[run].first = static_cast<std::uint32_t>(sample);
    batch_.runs[run].count = static_cast<std::uint32_t>(count);

    if ((control & kHasTime) != 0) time += static_cast<std::uint64_t>(in_.zigzag_varint()) * unit_;
    std::uint64_t at = time;
    if (!read_value(control, sample, at)) return false;
    for (const std::size_t end = sample + count; ++sample < end;) {
      const auto next = in_.fixed<std::uint8_t>();
      if ((next & (kHasRef | kHasCount)) != 0) return false;
      if ((next & kHasTime) != 0) step = static_cast<std::uint64_t>(in_.zigzag_varint()) * unit_;
      at += step;
      if (!read_value(next, sample, at)) return false;
    }
    return in_.ok();
  }
  bool at_end() const { return in_.at_end(); }

 private:
  bool read_value(std::uint8_t control, std::size_t sample, std::uint64_t time) {
    batch_.times_ns[sample] = static_cast<std::int64_t>(time);
    const unsigned code = control & kCodeMask;
    if ((control & kString) != 0) {
      const std::string_view text = in_.string();
      batch_.bits[sample] = std::uint64_t{batch_.strings.size()} << 32 | text.size();
      batch_.strings.append(text);
      return in_.ok() && code == 0;
    }
    const unsigned width = code > kBottomCodes ? code - kBottomCodes : code;
    std::uint64_t stored = 0;
    if (in_.left() >= 8) {
      std::memcpy(&stored, in_.position(), 8);
      stored &= kLowBytes[width];
      in_.bytes(width);
    } else {
      const std::string_view bytes = in_.bytes(width);
      if (!in_.ok()) return false;
      if (!bytes.empty()) std::memcpy(&stored, bytes.data(), bytes.size());
    }
    batch_.bits[sample] = code > kBottomCodes ? stored : stored << ((64 - 8 * width) & 63);
    return true;
  }

  ByteReader in_;
  const std::uint64_t unit_;
  Batch& batch_;
  std::uint64_t ref_ = 0;
};

}  // namespace

std::string_view SamplesEncoder::encode(std::span<const SeriesRef> refs, const Batch& batch,
                                        std::span<const ValueType> types) {
  assert(refs.size() == batch.runs.size() && "one ref for each run");
  assert((types.empty() || types.size() == refs.size()) && "one type for each run");
  std::uint64_t runs = 0;
  std::uint64_t samples = 0;
  std::uint64_t string_bytes = 0;
  std::int64_t base_ns = 0;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    const SeriesRun& run = batch.runs[i];
    if (refs[i] == kNoSeries || run.count == 0) continue;
    if (runs++ == 0) base_ns = batch.times_ns[run.first];
    samples += run.count;
    if (types.empty() || types[i] != ValueType::String) continue;
    for (std::uint32_t k = run.first; k < run.first + run.count; ++k)
      string_bytes += batch.string_at(k).size();
  }
  if (runs == 0) return {};

  constexpr std::size_t kHeader = 32;
  constexpr std::size_t kPerRun = 12;     // ref and count
  constexpr std::size_t kPerSample = 21;  // control, time, value or a string's size
  const std::size_t bound = kHeader + kPerRun * runs + kPerSample * samples + string_bytes;
  if (buffer_.size() < bound) buffer_.resize(std::max(bound, 2 * buffer_.size()));
  char* const begin = buffer_.data();
  char* out = write_varint(begin, runs);
  out = write_varint(out, samples);
  std::memcpy(out, &base_ns, 8);
  out += 8;
  char* const unit = out++;

  char* end = write_runs<kUnitsNs[2]>(refs, batch, types, base_ns, out);
  *unit = 2;
  if (end == nullptr) {
    end = write_runs<kUnitsNs[1]>(refs, batch, types, base_ns, out);
    *unit = 1;
  }
  if (end == nullptr) {
    end = write_runs<kUnitsNs[0]>(refs, batch, types, base_ns, out);
    *unit = 0;
  }
  return {begin, static_cast<std::size_t>(end - begin)};
}

Status decode_samples(std::string_view payload, std::vector<SeriesRef>& refs, Batch& batch) {
  refs.clear();
  batch.clear();
  ByteReader head(payload);
  const std::uint64_t runs = head.varint();
  const std::uint64_t samples = head.varint();
  auto time = head.fixed<std::uint64_t>();
  const auto unit = head.fixed<std::uint8_t>();
  // Each run and each sample has a byte of its own, so sizes that do not fit are refused before allocating.
  if (!head.ok() || unit >= kUnitsNs.size() || samples > head.left() || runs > samples || runs == 0) {
    return samples_damaged();
  }
  refs.resize(runs);
  batch.runs.resize(runs);
  batch.times_ns.resize(samples);
  batch.bits.resize(samples);
  SampleReader reader(head.rest(), kUnitsNs[unit], batch);
  std::size_t sample = 0;
  std::uint64_t step = 0;
  for (std::uint64_t i = 0; i < runs; ++i) {
    if (!reader.read_run(refs, i, sample, time, step)) return samples_damaged();
  }
  return sample == samples && reader.at_end() ? Status() : samples_damaged();
}

void append_series_entry(std::string& payload, SeriesRef ref, Tenant tenant, ValueType type,
                         const Labels& labels, std::string_view database, std::string_view measurement,
                         std::string_view field) {
  put_varint(payload, static_cast<std::uint32_t>(ref));
  put_varint(payload, static_cast<std::uint32_t>(tenant));
  put_fixed(payload, static_cast<std::uint8_t>(type));
  put_string(payload, labels.bytes());
  put_string(payload, database);
  put_string(payload, measurement);
  put_string(payload, field);
}

void append_series_entry(std::string& payload, const SeriesEntry& entry) {
  append_series_entry(payload, entry.ref, entry.tenant, entry.type, entry.labels, entry.database,
                      entry.measurement, entry.field);
}

Status decode_series_entries(std::string_view payload, std::vector<SeriesEntry>& entries) {
  entries.clear();
  ByteReader in(payload);
  while (!in.at_end()) {
    SeriesEntry& entry = entries.emplace_back();
    const std::uint64_t ref = in.varint();
    const std::uint64_t tenant = in.varint();
    const auto type = in.fixed<std::uint8_t>();
    auto labels = Labels::from_bytes(std::string(in.string()));
    entry.database = in.string();
    entry.measurement = in.string();
    entry.field = in.string();
    if (!in.ok() || !labels || ref == 0 || ref > 0xffff'ffff || tenant > 0xffff'ffff ||
        type > static_cast<std::uint8_t>(ValueType::Histogram)) {
      return damaged("series record is malformed");
    }
    entry.ref = SeriesRef{static_cast<std::uint32_t>(ref)};
    entry.tenant = Tenant{static_cast<std::uint32_t>(tenant)};
    entry.type = static_cast<ValueType>(type);
    entry.labels = std::move(*labels);
  }
  return {};
}

void encode_progress(std::string& payload, std::span<const Progress> progress) {
  payload.clear();
  put_varint(payload, progress.size());
  for (const Progress& one : progress) {
    put_string(payload, one.source);
    put_zigzag(payload, one.position);
  }
}

Result<std::vector<Progress>> take_progress(std::string_view& payload) {
  ByteReader in(payload);
  std::vector<Progress> progress;
  const std::uint64_t count = in.varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string source(in.string());
    progress.push_back({std::move(source), in.zigzag_varint()});
  }
  if (!in.ok()) return Status(Code::DataLoss, "progress of sources is damaged");
  payload = in.rest();
  return progress;
}

void encode_metadata(std::string& payload, Tenant tenant, std::span<const Metadata> entries) {
  put_varint(payload, static_cast<std::uint32_t>(tenant));
  for (const Metadata& entry : entries) {
    put_string(payload, entry.metric);
    put_string(payload, entry.type);
    put_string(payload, entry.help);
    put_string(payload, entry.unit);
  }
}

Result<MetadataRecord> decode_metadata(std::string_view payload) {
  ByteReader in(payload);
  MetadataRecord record;
  const std::uint64_t tenant = in.varint();
  while (!in.at_end()) {
    Metadata& entry = record.entries.emplace_back();
    entry.metric = in.string();
    entry.type = in.string();
    entry.help = in.string();
    entry.unit = in.string();
  }
  if (!in.ok() || tenant > 0xffff'ffff) return damaged("metadata record is malformed");
  record.tenant = Tenant{static_cast<std::uint32_t>(tenant)};
  return record;
}

void encode_catalog(std::string& payload, const CatalogRecord& record) {
  put_varint(payload, static_cast<std::uint32_t>(record.tenant));
  put_string(payload, record.database);
}

Result<CatalogRecord> decode_catalog(std::string_view payload) {
  ByteReader in(payload);
  CatalogRecord record;
  const std::uint64_t tenant = in.varint();
  record.database = in.string();
  if (!in.ok() || !in.at_end() || tenant > 0xffff'ffff || record.database.empty()) {
    return damaged("catalogue record is malformed");
  }
  record.tenant = Tenant{static_cast<std::uint32_t>(tenant)};
  return record;
}

void encode_checkpoint_mark(std::string& payload, std::uint64_t checkpoint) {
  put_varint(payload, checkpoint);
}

Result<std::uint64_t> decode_checkpoint_mark(std::string_view payload) {
  ByteReader in(payload);
  const std::uint64_t checkpoint = in.varint();
  if (!in.ok() || !in.at_end()) return damaged("checkpoint mark is malformed");
  return checkpoint;
}

}  // namespace silverback::storage
