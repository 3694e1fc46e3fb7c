// Remote write 2.0:
//   Request    { repeated string symbols = 4; repeated TimeSeries timeseries = 5 }
//   TimeSeries { repeated uint32 labels_refs = 1 (packed: name, value, name, value, ...);
//                repeated Sample samples = 2; repeated Histogram histograms = 3; repeated Exemplar exemplars
//                = 4; Metadata metadata = 5; int64 created_timestamp = 6 (drafts) }
//   Sample     { double value = 1; int64 timestamp = 2; int64 start_timestamp = 3 }
//   Metadata   { enum type = 1; uint32 help_ref = 3; uint32 unit_ref = 4 }
#include "ingest/protobuf.h"
#include "ingest/remote_write.h"

namespace silverback::ingest {
namespace {

using protobuf::kBytes;
using protobuf::kVarint;

constexpr std::size_t kMaxSymbols = std::size_t{1} << 20;  // each costs 32 bytes, and may have come in two

// Both halves of a 128-bit product folded into one: unpredictable, since the factors are hashed with a
// secret.
std::uint64_t fold_product(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

struct RemoteWriteV2::Series {
  std::string_view whole;
  std::string_view metadata;
  Hash128 key;
  std::uint32_t name = 0;  // symbol of the value of __name__; 0 when there is none
};

Status RemoteWriteV2::read_symbols(std::string_view body) {
  if (parts_.number() == 0) {
    if (all_symbols_.capacity() > kMaxSymbols) std::vector<std::string_view>().swap(all_symbols_);
    all_symbols_.clear();
    first_symbols_.clear();
  }
  first_symbols_.push_back(all_symbols_.size());
  hashes_.clear();
  name_symbol_ = std::numeric_limits<std::uint32_t>::max();
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p != end) {
    std::uint64_t tag = 0;
    if (!protobuf::read_tag(p, end, tag)) return damaged(p, "no protobuf field");
    const std::uint64_t field = tag >> 3;
    if ((field == 4 || field == 5) && (tag & 7) != kBytes) return damaged(p, "a field of the wrong type");
    std::string_view text;
    if (field != 4) {
      if (!protobuf::skip_value(p, end, tag)) return damaged(p, "a field is cut short");
      continue;
    }
    if (!protobuf::read_bytes(p, end, text)) return damaged(p, "a symbol is cut short");
    if (hashes_.size() == kMaxSymbols) return damaged(p, "more than 1048576 symbols (send smaller batches)");
    if (text == kMetricName) name_symbol_ = static_cast<std::uint32_t>(hashes_.size());
    all_symbols_.push_back(text);
    hashes_.push_back(hash_(text));
  }
  take_symbols(parts_.number());
  return {};
}

void RemoteWriteV2::take_symbols(std::size_t part) {
  const std::size_t next = part + 1;
  const std::size_t end = next < first_symbols_.size() ? first_symbols_[next] : all_symbols_.size();
  symbols_ = std::span(all_symbols_).subspan(first_symbols_[part], end - first_symbols_[part]);
}

Status RemoteWriteV2::parse_message(std::string_view body) {
  if (const Status read = read_symbols(body); !read.ok()) return read;
  const char* p = body.data();
  const char* const end = p + body.size();
  while (p != end) {  // walked before, so whole
    std::uint64_t tag = 0;
    std::string_view message;
    if (!protobuf::read_tag(p, end, tag)) return damaged(p, "no protobuf field");
    if (tag >> 3 != 5) {
      if (!protobuf::skip_value(p, end, tag)) return damaged(p, "a field is cut short");
    } else if (!protobuf::read_bytes(p, end, message)) {
      return damaged(p, "a series is cut short");
    } else if (const Status parsed = parse_series(message); !parsed.ok()) {
      return parsed;
    }
  }
  return {};
}

Status RemoteWriteV2::parse_series(std::string_view message) {
  ++series_count_;
  Series series;
  series.whole = message;
  begin_run({}, message.data(), message.size());
  Counts counts;
  const std::size_t samples_before = batch_->times_ns.size() + tally_->report().refused_samples();
  const char* p = message.data();
  const char* const end = p + message.size();
  while (p != end) {
    std::uint64_t tag = 0;
    std::string_view value;
    if (!protobuf::read_tag(p, end, tag)) return damaged(p, "no protobuf field");
    const std::uint64_t field = tag >> 3;
    if (field == 2 && (tag & 7) == kBytes) {
      if (!add_sample(p, end, counts)) return damaged(p, "a sample is cut short or damaged");
      continue;
    }
    if (field == 1 && (tag & 7) == kVarint) {
      return damaged(p, "label references that are not packed");
    }
    if (field <= 5 && (tag & 7) != kBytes) return damaged(p, "a field of the wrong type");
    if (field > 5) {
      if (!protobuf::skip_value(p, end, tag)) return damaged(p, "a field is cut short");
      counts.start_timestamps += static_cast<std::uint32_t>(field == 6);
      continue;
    }
    if (!protobuf::read_bytes(p, end, value)) return damaged(p, "a field is cut short");
    if (field == 1) {
      if (const Status read = read_refs(value, series); !read.ok()) return read;
    }
    if (field == 5) series.metadata = value;
    counts.histograms += static_cast<std::uint32_t>(field == 3);
    counts.exemplars += static_cast<std::uint32_t>(field == 4);
  }
  batch_->runs.back().key = series.key;
  const bool empty = samples_before == batch_->times_ns.size() + tally_->report().refused_samples() &&
                     counts.histograms == 0;
  if (empty) {
    tally_->refuse(
        RefusedBecause::Malformed, 0, 0,
        "series " + std::to_string(series_count_) + " of the request has neither samples nor histograms");
  }
  end_run();
  if (counts.any()) report(counts);
  return series.metadata.empty() ? Status() : parse_metadata(series);
}

// Adds the labels' hashes to the key. Several packed fields are one list, as protobuf has it, but each must
// hold whole pairs.
Status RemoteWriteV2::read_refs(std::string_view refs, Series& series) const {
  const char* p = refs.data();
  const char* const end = p + refs.size();
  while (p != end) {
    std::uint64_t name = 0;
    std::uint64_t value = 0;
    if (!protobuf::read_varint(p, end, name)) return damaged(p, "a label reference is cut short");
    if (p == end) return damaged(p, "an odd number of label references");
    if (!protobuf::read_varint(p, end, value)) return damaged(p, "a label reference is cut short");
    if (name >= symbols_.size() || value >= symbols_.size()) {
      return damaged(p, "label reference " + std::to_string(std::max(name, value)) + " into a table of " +
                            std::to_string(symbols_.size()) + " symbols");
    }
    if (symbols_[value].empty() && !symbols_[name].empty()) continue;  // an empty value is no label
    const Hash128& n = hashes_[name];
    const Hash128& v = hashes_[value];
    // Crosswise, so that a="b" is not b="a".
    series.key.lo += fold_product(n.lo + 0x9e3779b97f4a7c15, v.hi);
    series.key.hi += fold_product(n.hi + 0xc2b2ae3d27d4eb4f, v.lo);
    if (name == name_symbol_ || (name > name_symbol_ && symbols_[name] == kMetricName)) {
      series.name = static_cast<std::uint32_t>(value);
    }
  }
  return {};
}

Status RemoteWriteV2::parse_metadata(const Series& series) {
  const char* p = series.metadata.data();
  const char* const end = p + series.metadata.size();
  std::uint64_t number[5] = {};  // by field number
  while (p != end) {
    std::uint64_t tag = 0;
    if (!protobuf::read_tag(p, end, tag)) return damaged(p, "no protobuf field");
    const std::uint64_t field = tag >> 3;
    const bool known = field == 1 || field == 3 || field == 4;
    if (known && (tag & 7) != kVarint) return damaged(p, "a field of the wrong type");
    if (known ? !protobuf::read_varint(p, end, number[field]) : !protobuf::skip_value(p, end, tag)) {
      return damaged(p, "metadata is cut short");
    }
  }
  const std::uint64_t help = number[3];
  const std::uint64_t unit = number[4];
  if (help >= symbols_.size() || unit >= symbols_.size()) {
    return damaged(p, "metadata reference " + std::to_string(std::max(help, unit)) + " into a table of " +
                          std::to_string(symbols_.size()) + " symbols");
  }
  if (series.name == 0 || (number[1] == 0 && symbols_[help].empty() && symbols_[unit].empty())) return {};
  const std::uint64_t hash = hashes_[series.name].lo +
                             fold_product(hashes_[help].lo, number[1] + 0x9e3779b9) +
                             fold_product(hashes_[unit].lo, 0xc2b2ae3d27d4eb4f);
  add_metadata(number[1], symbols_[series.name], symbols_[help], symbols_[unit], hash);
  return {};
}

Result<NewSeries> RemoteWriteV2::decode(std::size_t run, RefusedBecause& reason) {
  if (go_to(run)) take_symbols(parts_.number());
  const Extent& extent = extents_[run];
  const char* p = body_.data() + extent.at;
  const char* const end = p + extent.size;
  labels_.clear();
  while (p != end) {  // walked before, so whole and in range
    std::uint64_t tag = 0;
    std::string_view refs;
    if (!protobuf::read_tag(p, end, tag)) return damaged(p, "no protobuf field");
    if (tag >> 3 != 1) {
      if (!protobuf::skip_value(p, end, tag)) return damaged(p, "a field is cut short");
      continue;
    }
    if (!protobuf::read_bytes(p, end, refs)) return damaged(p, "a field is cut short");
    const char* q = refs.data();
    const char* const refs_end = q + refs.size();
    while (q != refs_end) {
      std::uint64_t name = 0;
      std::uint64_t value = 0;
      if (!protobuf::read_varint(q, refs_end, name) || !protobuf::read_varint(q, refs_end, value)) {
        return damaged(q, "a label reference is cut short");
      }
      const Status added = labels_.add(symbols_[name], symbols_[value], reason);
      if (!added.ok()) return added;
    }
  }
  auto labels = labels_.finish(reason);
  if (!labels) return labels.status();
  NewSeries series;
  series.labels = std::move(*labels);
  return series;
}

}  // namespace silverback::ingest
