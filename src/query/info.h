// info(v, {...}): puts the labels of info series (target_info and its like) on the series of v that have
// the same `instance` and `job`.
//
//   info(rate(http_requests_total[5m]), {k8s_cluster_name=~".+"})
//
// Which info series are read, and when they count, follows from the call; the plan knows it before any
// data is read. They are told apart by the time of their samples: where two say different things, the
// newer one is right.
// Source: https://prometheus.io/docs/prometheus/latest/querying/functions/#info
//
// Threads: one, the query's.
#pragma once

#include <vector>

#include "base/status.h"
#include "model/matcher.h"
#include "query/limits.h"
#include "query/matrix.h"
#include "query/promql/ast.h"

namespace silverback::query {

/// Of the info series: their names (target_info when the call says nothing) and the labels asked for.
std::vector<Matcher> info_matchers(const promql::Call& call);

/// Where the first argument's first selector stands: offsets and @ of it, and of subqueries around it until
/// one has an @, are those of the info series too. Outermost last.
std::vector<const promql::Expr*> info_reference(const promql::Call& call);

/// @param base        the first argument's rows
/// @param info_times  rows of info series; values are the times of their samples in seconds
/// @returns Unprocessable when two info series contradict each other at the same time
Result<Matrix> enrich(const promql::Call& call, Matrix base, const Matrix& info_times, Budget& budget);

}  // namespace silverback::query
