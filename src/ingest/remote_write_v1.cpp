// Remote write 1.0:
//   WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3 }
//   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3;
//                  repeated Histogram histograms = 4 }
//   Label        { string name = 1; string value = 2 }      Sample { double value = 1; int64 timestamp = 2 }
//   MetricMetadata { enum type = 1; string metric_family_name = 2; string help = 4; string unit = 5 }
#include <bit>

#include "ingest/protobuf.h"
#include "ingest/remote_write.h"

namespace silverback::ingest {
namespace {

using protobuf::kBytes;
using protobuf::kFixed64;
using protobuf::kVarint;
using protobuf::left;
using protobuf::tag_of;

constexpr char kTimeSeries = tag_of(1, kBytes);
constexpr char kMetadata = tag_of(3, kBytes);
constexpr char kLabel = tag_of(1, kBytes);
constexpr char kSample = tag_of(2, kBytes);
constexpr char kExemplar = tag_of(3, kBytes);
constexpr char kHistogram = tag_of(4, kBytes);
constexpr std::size_t kPlainSampleReads = 20;

// The sample as every sender writes it: value, then a time of one to eight bytes, both there.
// kPlainSampleReads bytes from `p` on can be read. Returns the position after it, or null when it is anything
// else.
const char* read_plain_sample(const char* p, std::uint64_t& bits, std::uint64_t& time_ms) {
  constexpr std::uint64_t kContinues = 0x8080808080808080;
  const auto size = static_cast<std::uint8_t>(p[1]);
  if (p[2] != tag_of(1, kFixed64) || p[11] != tag_of(2, kVarint)) return nullptr;
  std::memcpy(&bits, p + 3, sizeof bits);
  std::uint64_t raw = 0;
  std::memcpy(&raw, p + 12, sizeof raw);
  const int width = (std::countr_zero(~raw & kContinues) + 1) / 8;  // 8 also when there is no last byte
  if ((~raw & kContinues) == 0 || size != 10 + static_cast<unsigned>(width)) return nullptr;
  raw &= ~std::uint64_t{0} >> (64 - 8 * width);
  // Groups of seven bits, closed up in three steps.
  raw = (raw & 0x007f007f007f007f) | ((raw & 0x7f007f007f007f00) >> 1);
  raw = (raw & 0x00003fff00003fff) | ((raw & 0x3fff00003fff0000) >> 2);
  time_ms = (raw & 0x000000000fffffff) | ((raw & 0x0fffffff00000000) >> 4);
  return p + 12 + width;
}

bool read_label(std::string_view message, LabelView& label) {
  const char* p = message.data();
  const char* const end = p + message.size();
  while (p != end) {
    std::uint64_t tag = 0;
    if (!protobuf::read_tag(p, end, tag)) return false;
    if (tag >> 3 > 2) {
      if (!protobuf::skip_value(p, end, tag)) return false;
    } else if ((tag & 7) != kBytes ||
               !protobuf::read_bytes(p, end, tag >> 3 == 1 ? label.name : label.value)) {
      return false;
    }
  }
  return true;
}

}  // namespace

Status RemoteWriteV1::parse_message(std::string_view body) {
  const char* p = body.data();
  const char* const end = p + body.size();
  std::string_view message;
  while (p != end) {
    const char tag = *p;
    if (tag == kTimeSeries || tag == kMetadata) {
      if (!protobuf::read_bytes(++p, end, message)) return damaged(p, "a field is cut short");
      const Status parsed = tag == kTimeSeries ? parse_series(message.data(), message.data() + message.size())
                                               : parse_metadata(message);
      if (!parsed.ok()) return parsed;
      continue;
    }
    std::uint64_t other = 0;
    if (!protobuf::read_tag(p, end, other)) return damaged(p, "no protobuf field");
    if (other >> 3 == 1 || other >> 3 == 3) return damaged(p, "a field of the wrong type");
    if (!protobuf::skip_value(p, end, other)) return damaged(p, "an unknown field is cut short");
  }
  return {};
}

Status RemoteWriteV1::parse_series(const char* p, const char* end) {
  const char* const series = p;
  ++series_count_;
  const auto no_label = [end](const char* at) { return at == end || *at != kLabel; };
  if (const SeenKeys::Known* known = keys_.expect(series, end, /*seed=*/0, no_label)) {
    p += known->size;
    begin_run(known->hash, series, left(series, end));
  } else {
    while (p != end && *p == kLabel) {
      std::string_view label;
      if (!protobuf::read_bytes(++p, end, label)) return damaged(p, "a label is cut short");
    }
    const std::string_view key(series, left(series, p));
    const Hash128 hash = hash_(key);
    keys_.learn(key, /*seed=*/0, hash);
    begin_run(hash, series, left(series, end));
  }

  Counts counts;
  bool scattered = false;  // labels after something else: no sender does it, the format allows it
  const char* const body_end = body_.data() + body_.size();
  while (p != end) {
    const char tag = *p;
    if (tag == kSample) {
      std::uint64_t bits = 0;
      std::uint64_t time_ms = 0;
      const char* const after =
          left(p, body_end) >= kPlainSampleReads ? read_plain_sample(p, bits, time_ms) : nullptr;
      if (after != nullptr && after <= end) {
        add_sample(static_cast<std::int64_t>(time_ms), bits);
        p = after;
      } else if (!add_sample(++p, end, counts)) {
        return damaged(p, "a sample is cut short or damaged");
      }
      continue;
    }
    std::uint64_t other = 0;
    if (!protobuf::read_tag(p, end, other)) return damaged(p, "no protobuf field");
    if (other >> 3 <= 4 && (other & 7) != kBytes) return damaged(p, "a field of the wrong type");
    if (!protobuf::skip_value(p, end, other)) return damaged(p, "a field is cut short");
    scattered |= tag == kLabel;
    counts.exemplars += static_cast<std::uint32_t>(tag == kExemplar);
    counts.histograms += static_cast<std::uint32_t>(tag == kHistogram);
  }
  if (scattered) batch_->runs.back().key = scattered_key({series, left(series, end)});
  end_run();
  if (counts.any()) report(counts);
  return {};
}

// The key of the same labels standing together. `series` has been walked, so it is whole.
Hash128 RemoteWriteV1::scattered_key(std::string_view series) {
  scratch_.clear();
  const char* p = series.data();
  const char* const end = p + series.size();
  while (p != end) {
    const char* const field = p;
    std::uint64_t tag = 0;
    if (!protobuf::read_tag(p, end, tag) || !protobuf::skip_value(p, end, tag)) break;
    if (tag >> 3 == 1) scratch_.append(field, p);
  }
  return hash_(scratch_);
}

Status RemoteWriteV1::parse_metadata(std::string_view message) {
  const char* p = message.data();
  const char* const end = p + message.size();
  std::uint64_t type = 0;
  std::string_view text[6];  // by field number
  while (p != end) {
    std::uint64_t tag = 0;
    if (!protobuf::read_tag(p, end, tag)) return damaged(p, "no protobuf field");
    const std::uint64_t field = tag >> 3;
    const bool known_text = field == 2 || field == 4 || field == 5;
    if ((field == 1 && (tag & 7) != kVarint) || (known_text && (tag & 7) != kBytes)) {
      return damaged(p, "a field of the wrong type");
    }
    const bool good = field == 1   ? protobuf::read_varint(p, end, type)
                      : known_text ? protobuf::read_bytes(p, end, text[field])
                                   : protobuf::skip_value(p, end, tag);
    if (!good) return damaged(p, "metadata is cut short");
  }
  add_metadata(type, text[2], text[4], text[5], hash64(message, process_hash_seed()));
  return {};
}

Result<NewSeries> RemoteWriteV1::decode(std::size_t run, RefusedBecause& reason) {
  go_to(run);
  const Extent& extent = extents_[run];
  const char* p = body_.data() + extent.at;
  const char* const end = p + extent.size;
  labels_.clear();
  while (p != end) {
    std::uint64_t tag = 0;
    std::string_view message;
    if (!protobuf::read_tag(p, end, tag)) return damaged(p, "no protobuf field");
    if (tag >> 3 != 1) {
      if (!protobuf::skip_value(p, end, tag)) return damaged(p, "a field is cut short");
      continue;
    }
    LabelView label;
    if (!protobuf::read_bytes(p, end, message) || !read_label(message, label)) {
      return damaged(p, "a label is cut short or damaged");
    }
    if (const Status added = labels_.add(label.name, label.value, reason); !added.ok()) return added;
  }
  auto labels = labels_.finish(reason);
  if (!labels) return labels.status();
  NewSeries series;
  series.labels = std::move(*labels);
  return series;
}

}  // namespace silverback::ingest
