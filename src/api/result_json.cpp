#include "api/result_json.h"

#include <algorithm>
#include <cmath>

#include "api/http_error.h"
#include "api/json.h"
#include "base/number.h"

namespace silverback::api {
namespace {

using query::Matrix;
using query::QueryResult;
using query::ResultType;

constexpr std::string_view kTruncated = "results truncated due to limit";

/// As Prometheus writes values: with an exponent below 1e-6 and from 1e21 on.
void append_value(std::string& out, double value) {
  const double magnitude = std::fabs(value);
  if (magnitude >= 1e-6 && magnitude < 1e21) return append_float(out, value);
  append_float_exponent(out, value);
}

void append_point(std::string& out, std::int64_t time_ms, double value) {
  out += '[';
  append_seconds(out, time_ms);
  out += ",\"";
  append_value(out, value);
  out += "\"]";
}

std::string_view type_name(ResultType type) {
  switch (type) {
    case ResultType::Scalar: return "scalar";
    case ResultType::String: return "string";
    case ResultType::Vector: return "vector";
    case ResultType::Matrix: return "matrix";
  }
  return "matrix";
}

void append_number(std::string& out, std::string_view name, double value) {
  append_json_key(out, name);
  append_float(out, value);
}

void append_stats(std::string& out, const QueryResult& result, bool per_step) {
  const query::QueryStats& stats = result.stats;
  out += R"(,"stats":{"timings":{)";
  append_number(out, "evalTotalTime", stats.eval_total_s);
  append_number(out += ',', "resultSortTime", stats.result_sort_s);
  append_number(out += ',', "queryPreparationTime", stats.query_preparation_s);
  append_number(out += ',', "innerEvalTime", stats.inner_eval_s);
  append_number(out += ',', "execQueueTime", stats.exec_queue_s);
  append_number(out += ',', "execTotalTime", stats.exec_total_s);
  out += R"(},"samples":{)";
  if (per_step) {
    out += R"("totalQueryableSamplesPerStep":[)";
    for (std::size_t step = 0; step < stats.total_queryable_samples_per_step.size(); ++step) {
      if (step != 0) out += ',';
      out += '[';
      append_seconds(out, result.matrix.grid().time(step));
      out += ',';
      out += std::to_string(stats.total_queryable_samples_per_step[step]);
      out += ']';
    }
    out += "],";
  }
  append_number(out, "totalQueryableSamples", static_cast<double>(stats.total_queryable_samples));
  append_number(out += ',', "peakSamples", static_cast<double>(stats.peak_samples));
  out += "}}";
}

class ResultStream final : public BodyStream {
 public:
  ResultStream(QueryResult result, const ResultFormat& format) : result_(std::move(result)), format_(format) {
    const std::size_t all = result_.is_raw ? result_.raw.size() : result_.matrix.rows();
    rows_ = format_.limit == 0 ? all : std::min(all, format_.limit);
    if (rows_ < all) result_.warnings.emplace_back(kTruncated);
  }

  bool next(std::string& out, std::size_t size) override {
    const std::size_t full = out.size() + size;
    if (!begun_) begin(out);
    while (row_ < rows_ && out.size() < full) append_row(out);
    if (row_ < rows_) return true;
    end(out);
    return false;
  }

 private:
  void begin(std::string& out) {
    begun_ = true;
    begin_success(out);
    out += R"({"resultType":")";
    out += type_name(result_.type);
    out += R"(","result":)";
    if (result_.type == ResultType::String) {
      out += '[';
      append_seconds(out, format_.time_ms);
      out += ',';
      append_json_string(out, result_.text);
      out += ']';
      rows_ = 0;
    } else if (result_.type == ResultType::Scalar) {
      append_point(out, format_.time_ms, result_.matrix.empty() ? 0 : result_.matrix.at(0, 0));
      rows_ = 0;
    } else {
      out += '[';
      if (!result_.is_raw && rows_ > 0) render_times();
    }
  }

  // The text between two values of a row: `[1700000000.123,"`.
  void render_times() {
    const auto& grid = result_.matrix.grid();
    time_ends_.reserve(grid.steps);
    for (std::size_t step = 0; step < grid.steps; ++step) {
      times_ += '[';
      append_seconds(times_, grid.time(step));
      times_ += ",\"";
      time_ends_.push_back(static_cast<std::uint32_t>(times_.size()));
    }
  }
  std::string_view time_text(std::size_t step) const {
    const std::size_t begin = step == 0 ? 0 : time_ends_[step - 1];
    return std::string_view(times_).substr(begin, time_ends_[step] - begin);
  }

  void append_row(std::string& out) {
    out += row_ == 0 ? R"({"metric":)" : R"(,{"metric":)";
    if (result_.is_raw) {
      append_raw(out, result_.raw[row_]);
    } else if (result_.type == ResultType::Vector) {
      append_json_labels(out, result_.matrix.labels(row_), result_.matrix.drop_name(row_));
      out += R"(,"value":)";
      out += time_text(0);
      append_value(out, result_.matrix.at(row_, 0));
      out += "\"]}";
    } else {
      append_matrix_row(out);
    }
    ++row_;
  }

  void append_matrix_row(std::string& out) {
    const Matrix& matrix = result_.matrix;
    append_json_labels(out, matrix.labels(row_), matrix.drop_name(row_));
    out += R"(,"values":[)";
    const auto values = matrix.values(row_);
    bool first = true;
    matrix.for_each(row_, [&](std::size_t step) {
      if (!first) out += ',';
      first = false;
      out += time_text(step);
      append_value(out, values[step]);
      out += "\"]";
    });
    out += "]}";
  }

  static void append_raw(std::string& out, const query::RawSeries& series) {
    append_json_labels(out, series.labels);
    out += R"(,"values":[)";
    for (std::size_t i = 0; i < series.times_ms.size(); ++i) {
      if (i != 0) out += ',';
      append_point(out, series.times_ms[i], series.values[i]);
    }
    out += "]}";
  }

  void end(std::string& out) {
    if (result_.type == ResultType::Vector || result_.type == ResultType::Matrix) out += ']';
    if (format_.stats) append_stats(out, result_, format_.per_step_stats);
    out += '}';
    end_success(out, result_.warnings, result_.infos);
  }

  QueryResult result_;
  const ResultFormat format_;
  std::size_t rows_ = 0;
  std::size_t row_ = 0;
  bool begun_ = false;
  std::string times_;                     // the steps' texts, one after another
  std::vector<std::uint32_t> time_ends_;  // where each ends
};

}  // namespace

std::unique_ptr<BodyStream> stream_result(QueryResult result, const ResultFormat& format) {
  return std::make_unique<ResultStream>(std::move(result), format);
}

}  // namespace silverback::api
