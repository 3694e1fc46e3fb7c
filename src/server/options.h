// From settings to what each room takes at construction.
#pragma once

#include "api/http_options.h"
#include "base/log.h"
#include "ingest/write.h"
#include "query/engine.h"
#include "query/promql/parser.h"
#include "server/settings.h"
#include "storage/tsdb.h"

namespace silverback::server {

storage::TsdbOptions tsdb_options(const Settings& settings);
query::EngineOptions engine_options(const Settings& settings);
/// What expressions of rules may use.
query::promql::ParserOptions rule_expressions(const Settings& settings);
/// Of the engine that evaluates rules.
query::EngineOptions rule_engine_options(const Settings& settings);
ingest::WriteLimits write_limits(const Settings& settings);
api::HttpOptions http_options(const Settings& settings);
LogLevel log_level(const Settings& settings);
LogFormat log_format(const Settings& settings);

}  // namespace silverback::server
