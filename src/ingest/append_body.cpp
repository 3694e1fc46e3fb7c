#include "ingest/append_body.h"

#include "base/hash.h"

namespace silverback::ingest {
namespace {

std::uint64_t salt_of(ExtraLabels extra_labels) {
  if (extra_labels.empty()) return 0;
  std::uint64_t salt = process_hash_seed() + 3;
  for (const auto& [name, value] : extra_labels) salt = hash64(value, hash64(name, salt));
  return salt;
}

}  // namespace

Result<AppendOutcome> append_body(Appender& appender, Tenant tenant, const Batch& batch,
                                  SeriesResolver& resolver, ExtraLabels extra_labels,
                                  const AppendExtras* extras, const WriteReport& parsed) {
  AppendExtras all = extras == nullptr ? AppendExtras() : *extras;
  if (!parsed.complete()) all.progress = {};
  if (batch.runs.empty() && all.progress.empty()) return AppendOutcome();
  all.key_salt ^= salt_of(extra_labels);
  return appender.append_with(tenant, batch, resolver, all);
}

}  // namespace silverback::ingest
