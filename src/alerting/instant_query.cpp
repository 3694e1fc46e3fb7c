#include "alerting/instant_query.h"

#include <string>
#include <utility>

#include "query/engine.h"

namespace silverback::alerting {

QueryAt instant_query(query::Engine& engine, std::stop_token cancel) {
  return [&engine, cancel = std::move(cancel)](std::string_view expression,
                                               std::int64_t time_ms) -> Result<std::vector<VectorSample>> {
    query::QueryRequest request{.text = std::string(expression)};
    request.start_ms = request.end_ms = time_ms;
    request.cancel = cancel;
    auto result = engine.run(request);
    if (!result) return result.status();
    if (result->is_raw ||
        (result->type != query::ResultType::Vector && result->type != query::ResultType::Scalar)) {
      return Status(Code::Unprocessable, "rule result is not a vector or scalar");
    }
    std::vector<VectorSample> samples;
    samples.reserve(result->matrix.rows());
    for (std::size_t row = 0; row < result->matrix.rows(); ++row) {
      samples.push_back({result->matrix.labels(row), result->matrix.at(row, 0)});
    }
    return samples;
  };
}

}  // namespace silverback::alerting
