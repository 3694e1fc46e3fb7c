#include "ingest/parts.h"

#include <algorithm>
#include <cassert>

namespace silverback::ingest {

void Parts::begin(const Body& body) {
  assert(body.parts.back().end == body.bytes.size());
  body_ = body;
}

Parts::Mark Parts::next(const Part& part, const Batch& batch, Tally& tally) {
  assert(part.end <= body_.bytes.size());
  const auto number = static_cast<std::uint32_t>(first_runs_.size());
  first_runs_.push_back(static_cast<std::uint32_t>(batch.runs.size()));
  make_current(number);
  tally.go_to_part(number);
  return {batch.runs.size(), batch.bits.size(), batch.strings.size(), tally.counts()};
}

void Parts::take_back(const Mark& mark, const Status& why, Batch& batch, Tally& tally) {
  batch.runs.resize(mark.runs);
  batch.times_ns.resize(mark.samples);
  batch.bits.resize(mark.samples);
  batch.strings.resize(mark.strings);
  tally.take_part_back(mark.counts);
  tally.refuse(RefusedBecause::Malformed, 1, 0, std::string(why.message()));
}

// Of several that begin with the same run the last, since those before it have none.
std::uint32_t Parts::find_part_of(std::size_t run) const {
  const auto after = std::upper_bound(first_runs_.begin(), first_runs_.end(), run);
  return static_cast<std::uint32_t>(after - first_runs_.begin() - 1);
}

void Parts::make_current(std::uint32_t number) {
  const std::size_t begin = number == 0 ? 0 : body_.parts[number - 1].end;
  const std::size_t end = body_.parts[number].end;
  assert(begin <= end);
  number_ = number;
  bytes_ = body_.bytes.substr(begin, end - begin);
}

}  // namespace silverback::ingest
