#include "alerting/sample_writer.h"

#include "base/clock.h"
#include "base/hash.h"

namespace silverback::alerting {
namespace {

class Resolver final : public SeriesResolver {
 public:
  explicit Resolver(std::span<const RuleSample> samples) : samples_(samples) {}
  Result<NewSeries> resolve(std::size_t run) override {
    NewSeries series;
    series.labels = samples_[run].labels;
    return series;
  }

 private:
  std::span<const RuleSample> samples_;
};

}  // namespace

Status SampleWriter::write(std::span<const RuleSample> samples, std::int64_t time_ms) {
  if (samples.empty()) return {};
  // Canonical label bytes are a spelling of their own: keys of other writers cannot meet these.
  constexpr std::uint64_t kSpelling = 0x72756c65;
  batch_.clear();
  for (const RuleSample& sample : samples) {
    batch_.add_series(hash128(sample.labels.bytes(), process_hash_seed() + kSpelling));
    batch_.add_sample(time_ms * kNsPerMs, sample.value);
  }
  Resolver resolver(samples);
  const auto outcome = appender_.append(kDefaultTenant, batch_, resolver);
  if (!outcome) return outcome.status();
  if (!outcome->refused.empty()) return outcome->refused.front().why;
  return {};
}

}  // namespace silverback::alerting
