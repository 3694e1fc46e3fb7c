#include "ingest/remote_write.h"

#include <limits>

#include "base/clock.h"
#include "base/utf8.h"
#include "ingest/protobuf.h"

namespace silverback::ingest {

using protobuf::kFixed64;
using protobuf::kVarint;
using protobuf::tag_of;

std::string_view metric_type_name(std::uint64_t number) {
  constexpr std::string_view kNames[] = {"unknown",        "counter", "gauge", "histogram",
                                         "gaugehistogram", "summary", "info",  "stateset"};
  return number < std::size(kNames) ? kNames[number] : kNames[0];
}

Status RemoteWriteDecoder::parse(const Body& body, ExtraLabels extra_labels, std::int64_t now_ns,
                                 Batch& batch, Tally& tally, std::vector<Metadata>& metadata) {
  labels_.set_extra(extra_labels);
  batch_ = &batch;
  tally_ = &tally;
  metadata_ = &metadata;
  batch.clear();
  metadata.clear();
  clear_refused();
  if (extents_.capacity() > (std::size_t{1} << 18)) std::vector<Extent>().swap(extents_);
  extents_.clear();
  if (body.bytes.size() > std::numeric_limits<std::uint32_t>::max()) {
    return {Code::InvalidArgument, "the message is larger than 4 GiB; send smaller batches"};
  }
  const bool bounded = limits_.max_future_ns > 0;
  if (!bounded || __builtin_add_overflow(now_ns, limits_.max_future_ns, &latest_ns_)) {
    latest_ns_ = std::numeric_limits<std::int64_t>::max();
  }
  return parts_.read(body, 0, batch, tally, [this](std::int64_t) { return parse_part(); });
}

Status RemoteWriteDecoder::parse_part() {
  body_ = parts_.bytes();
  series_count_ = 0;
  const std::size_t extents_before = extents_.size();
  const std::size_t metadata_before = metadata_->size();
  Status parsed = parse_message(body_);
  if (!parsed.ok()) {
    extents_.resize(extents_before);
    metadata_->resize(metadata_before);
    forget_metadata();  // what the message said was remembered, and is dropped with it
  }
  return parsed;
}

std::string RemoteWriteDecoder::describe(std::size_t run) const {
  return "series " + std::to_string(extents_[run].number + 1) + " of the request";
}

Status RemoteWriteDecoder::damaged(const char* p, std::string_view what) const {
  return {Code::InvalidArgument, "remote write: " + std::string(what) + " at byte " +
                                     std::to_string(p - body_.data()) + " of " +
                                     std::to_string(body_.size()) + " of the decompressed message"};
}

void RemoteWriteDecoder::refuse_time(std::int64_t time_ms) {
  std::int64_t time_ns = 0;
  const bool fits = !__builtin_mul_overflow(time_ms, kNsPerMs, &time_ns);
  tally_->refuse(RefusedBecause::TimeRange, 1, 0,
                 "series " + std::to_string(series_count_) + " of the request: timestamp " +
                     std::to_string(time_ms) +
                     (fits ? " ms is too far in the future; check the sender's clock"
                           : " ms is outside the years 1677 to 2262"));
}

bool RemoteWriteDecoder::add_sample(const char*& p, const char* end, Counts& counts) {
  std::string_view message;
  if (!protobuf::read_bytes(p, end, message)) return false;
  const char* q = message.data();
  const char* const message_end = q + message.size();
  std::uint64_t bits = 0;
  std::uint64_t time_ms = 0;
  std::uint64_t start = 0;
  while (q != message_end) {
    const char tag = *q;
    bool good = false;
    if (tag == tag_of(1, kFixed64)) {
      good = protobuf::read_fixed64(++q, message_end, bits);
    } else if (tag == tag_of(2, kVarint)) {
      good = protobuf::read_varint(++q, message_end, time_ms);
    } else if (tag == tag_of(3, kVarint)) {
      good = protobuf::read_varint(++q, message_end, start);
    } else {
      std::uint64_t other = 0;
      good = protobuf::read_tag(q, message_end, other) && other >> 3 > 2 &&
             protobuf::skip_value(q, message_end, other);
    }
    if (!good) {
      p = q;
      return false;
    }
  }
  counts.start_timestamps += static_cast<std::uint32_t>(start != 0);
  add_sample(static_cast<std::int64_t>(time_ms), bits);
  return true;
}

void RemoteWriteDecoder::add_metadata(std::uint64_t type, std::string_view metric, std::string_view help,
                                      std::string_view unit, std::uint64_t hash) {
  if (metric.empty() || !filter_.is_new(hash)) return;
  if (!valid_utf8(metric) || !valid_utf8(help) || !valid_utf8(unit)) {
    tally_->refuse(RefusedBecause::Malformed, 0, 0,
                   "metadata of metric " + quoted(metric) + " is not valid UTF-8");
    return;
  }
  if (metric.size() + help.size() + unit.size() > limits_.max_label_value_bytes) {
    tally_->refuse(RefusedBecause::TooLong, 0, 0,
                   "metadata of metric " + quoted(metric) + " is longer than " +
                       std::to_string(limits_.max_label_value_bytes) + " bytes");
    return;
  }
  metadata_->push_back(
      {std::string(metric), std::string(metric_type_name(type)), std::string(help), std::string(unit)});
}

void RemoteWriteDecoder::report(const Counts& counts) {
  WriteReport& report = tally_->report();
  report.exemplars_ignored += counts.exemplars;
  report.start_timestamps_ignored += counts.start_timestamps;
  if (counts.histograms > 0) {
    tally_->refuse(RefusedBecause::Unsupported, counts.histograms, 0,
                   "series " + std::to_string(series_count_) +
                       " of the request: " + std::to_string(counts.histograms) +
                       " native histogram samples are not stored; send classic histograms");
  }
}

}  // namespace silverback::ingest
