// Rules' questions to an engine.
//
// Threads: as the engine's.
#pragma once

#include <stop_token>

#include "alerting/rule.h"

namespace silverback::query {
class Engine;
}

namespace silverback::alerting {

/// @param engine  outlives it
/// @param cancel  ends a query that is under way
QueryAt instant_query(query::Engine& engine, std::stop_token cancel = {});

}  // namespace silverback::alerting
