// append_body: the one call of the store that every writer makes for a body.
//
// Labels that a request adds to its series change what the bytes mean, so they are mixed into all keys at
// once, as a salt: the keys themselves stay hashes of bytes, and a body without such labels pays nothing.
//
// Threads: any.
#pragma once

#include "base/status.h"
#include "ingest/write.h"
#include "model/appender.h"

namespace silverback::ingest {

/// Nothing is asked of the store when there is neither a sample nor progress to keep. Progress is not kept
/// when something was refused already.
/// @param extras  may be null
/// @param parsed  what came of the body so far
Result<AppendOutcome> append_body(Appender& appender, Tenant tenant, const Batch& batch,
                                  SeriesResolver& resolver, ExtraLabels extra_labels,
                                  const AppendExtras* extras, const WriteReport& parsed);

}  // namespace silverback::ingest
