#include "query/aggregate.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "base/number.h"
#include "base/utf8.h"
#include "query/fold.h"
#include "query/grouping.h"
#include "query/quantile.h"

namespace silverback::query {
namespace {

using promql::AggregateExpr;

// `without` takes the metric name away as well.
Grouping grouping_of(const AggregateExpr& node) {
  std::vector<std::string> names = node.grouping;
  if (node.without) names.emplace_back(kMetricName);
  return Grouping(node.without ? Grouping::Keep::AllBut : Grouping::Keep::These, std::move(names));
}

}  // namespace

Result<Matrix> aggregate_rows(const AggregateContext& context, RowSource& rows) {
  Grouping grouping = grouping_of(context.node);
  Fold fold(context.node.op, context.grid.steps);
  std::vector<bool> drop_name;
  Held held(context.budget);
  Row row;
  for (;;) {
    const auto more = rows.next(row);
    if (!more) return more.status();
    if (!*more) break;
    const std::size_t group = grouping.group_of(*row.labels);
    if (group == fold.groups()) {
      if (Status taken = held.more(context.grid.steps, fold.bytes_per_group()); !taken.ok()) return taken;
      fold.add_group();
      drop_name.push_back(false);
    }
    drop_name[group] = drop_name[group] || row.drop_name;
    fold.add(group, row);
  }

  Matrix result(context.grid);
  if (Status taken = result.hold(context.budget, fold.groups()); !taken.ok()) return taken;
  result.reserve(fold.groups());
  for (std::size_t group = 0; group < fold.groups(); ++group) {
    const std::size_t at = result.add_row(grouping.labels_of(group), drop_name[group]);
    fold.finish(group, result.values(at), result.present(at));
  }
  return result;
}

Result<Matrix> aggregate_quantile(const AggregateContext& context, Matrix input,
                                  std::span<const double> parameter) {
  for (const double q : parameter) {
    if (!(q >= 0 && q <= 1)) {
      context.annotations.warn("quantile value should be between 0 and 1, got " + format_g(q),
                               context.node.param->pos);
    }
  }
  Grouping grouping = grouping_of(context.node);
  std::vector<std::vector<std::size_t>> members;
  std::vector<bool> drop_name;
  for (std::size_t row = 0; row < input.rows(); ++row) {
    const std::size_t group = grouping.group_of(input.labels(row));
    if (group == members.size()) {
      members.emplace_back();
      drop_name.push_back(false);
    }
    members[group].push_back(row);
    drop_name[group] = drop_name[group] || input.drop_name(row);
  }

  Matrix result(context.grid);
  if (Status taken = result.hold(context.budget, members.size()); !taken.ok()) return taken;
  std::vector<double> values;
  for (std::size_t group = 0; group < members.size(); ++group) {
    if (Status status = context.budget.pace(); !status.ok()) return status;
    const std::size_t at = result.add_row(grouping.labels_of(group), drop_name[group]);
    for (std::size_t step = 0; step < context.grid.steps; ++step) {
      values.clear();
      for (const std::size_t row : members[group]) {
        if (input.has(row, step)) values.push_back(input.at(row, step));
      }
      if (!values.empty()) result.set(at, step, quantile(parameter[step], values));
    }
  }
  return result;
}

Result<Matrix> count_values(const AggregateContext& context, Matrix input, const std::string& label) {
  if (label.empty() || !valid_utf8(label)) {
    return Status(Code::Unprocessable, "invalid label name \"" + label + "\"");
  }
  std::vector<std::string> names = context.node.grouping;
  names.emplace_back(context.node.without ? std::string(kMetricName) : label);
  Grouping grouping(context.node.without ? Grouping::Keep::AllBut : Grouping::Keep::These, std::move(names));
  Matrix result(context.grid);
  std::string text;
  LabelsBuilder builder;
  for (std::size_t row = 0; row < input.rows(); ++row) {
    builder = LabelsBuilder(input.labels(row));
    double last = 0;
    std::size_t group = Grouping::npos;
    Status status;
    input.for_each(row, [&](std::size_t step) {
      if (!status.ok()) return;
      const double value = input.at(row, step);
      if (group == Grouping::npos ||
          std::bit_cast<std::uint64_t>(value) != std::bit_cast<std::uint64_t>(last)) {
        text.clear();
        append_float(text, value);
        builder.set(label, text);
        group = grouping.group_of(builder.build());
        last = value;
        if (group == result.rows()) {
          status = result.hold(context.budget);
          if (!status.ok()) return;
          result.add_row(grouping.labels_of(group));
        }
      }
      result.set(group, step, (result.has(group, step) ? result.at(group, step) : 0) + 1);
    });
    if (!status.ok()) return status;
  }
  return result;
}

}  // namespace silverback::query
