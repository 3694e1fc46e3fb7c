#include "query/info.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "query/naming.h"

namespace silverback::query {

using namespace promql;

namespace {

// Prometheus takes these for all info metrics alike.
constexpr std::array<std::string_view, 2> kIdentifying = {"instance", "job"};

const VectorSelector* label_selector(const Call& call) {
  return call.args.size() > 1 ? as<VectorSelector>(*call.args[1]) : nullptr;
}

std::vector<Matcher> name_matchers(const Call& call) {
  std::vector<Matcher> names;
  bool positive = false;
  if (const VectorSelector* const selector = label_selector(call)) {
    for (const Matcher& matcher : selector->matchers) {
      if (matcher.name() != kMetricName) continue;
      names.push_back(matcher);
      positive |= matcher.op() == MatchOp::Equal || matcher.op() == MatchOp::Regex;
    }
  }
  if (positive) return names;
  if (names.empty()) return {Matcher::equal(std::string(kMetricName), "target_info")};
  // What is not to be read says nothing about what is: anything that looks like an info metric.
  if (auto any = Matcher::make(MatchOp::Regex, std::string(kMetricName), ".+_info"))
    names.push_back(std::move(*any));
  return names;
}

std::vector<Matcher> data_matchers(const Call& call) {
  std::vector<Matcher> out;
  if (const VectorSelector* const selector = label_selector(call)) {
    std::copy_if(selector->matchers.begin(), selector->matchers.end(), std::back_inserter(out),
                 [](const Matcher& matcher) { return matcher.name() != kMetricName; });
  }
  return out;
}

using Identity = std::array<std::string, kIdentifying.size()>;

Identity identity_of(const Labels& labels) {
  Identity out;
  for (std::size_t i = 0; i < kIdentifying.size(); ++i) out[i] = labels.get(kIdentifying[i]);
  return out;
}

bool find_reference(const Expr& expr, std::vector<const Expr*>& path) {
  if (expr.kind == ExprKind::Vector) {
    path.push_back(&expr);
    return true;
  }
  bool found = false;
  const auto look = [&](const Expr& child) { found = found || find_reference(child, path); };
  // The vector of an aggregation comes before its parameter.
  if (const auto* aggregate = as<AggregateExpr>(expr)) look(*aggregate->expr);
  for_each_child(expr, look);
  if (found && expr.kind == ExprKind::Subquery) path.push_back(&expr);
  return found;
}

class Enricher {
 public:
  Enricher(const Call& call, const Matrix& base, const Matrix& info, Budget& budget)
      : names_(name_matchers(call)),
        wanted_(data_matchers(call)),
        base_(base),
        info_(info),
        out_(base.grid()),
        budget_(budget) {}

  Result<Matrix> run() {
    index_info();
    for (std::size_t row = 0; row < base_.rows(); ++row) {
      if (Status status = is_info(base_.labels(row)) ? copy(row) : enrich_row(row); !status.ok())
        return status;
    }
    out_.drop_empty_rows();
    return merge_equal_rows(std::move(out_));
  }

 private:
  // The info rows of one identity, by the name of their metric.
  using Candidates = std::map<std::string_view, std::vector<std::size_t>>;
  // One info row for each name that has one.
  using Choice = std::vector<std::size_t>;

  // An info series is not enriched itself.
  bool is_info(const Labels& labels) const {
    return std::ranges::all_of(
        names_, [&](const Matcher& matcher) { return matcher.matches(labels.get(kMetricName)); });
  }

  void index_info() {
    std::set<Identity> asked;
    for (std::size_t row = 0; row < base_.rows(); ++row) {
      if (!is_info(base_.labels(row))) asked.insert(identity_of(base_.labels(row)));
    }
    for (std::size_t row = 0; row < info_.rows(); ++row) {
      Identity identity = identity_of(info_.labels(row));
      const bool named =
          std::ranges::any_of(identity, [](const std::string& value) { return !value.empty(); });
      if (named && asked.contains(identity))
        by_identity_[std::move(identity)][info_.labels(row).get(kMetricName)].push_back(row);
    }
  }

  Status copy(std::size_t row) {
    const auto to = add_row(row, base_.labels(row));
    if (!to) return to.status();
    base_.for_each(row, [&](std::size_t step) { out_.set(*to, step, base_.at(row, step)); });
    return {};
  }

  Status enrich_row(std::size_t row) {
    const auto found = by_identity_.find(identity_of(base_.labels(row)));
    const Candidates none;
    const Candidates& candidates = found == by_identity_.end() ? none : found->second;
    std::map<Choice, std::optional<std::size_t>> rows;  // nothing: the series is not wanted there
    auto current = rows.end();
    Status status;
    base_.for_each(row, [&](std::size_t step) {
      if (!status.ok()) return;
      const auto choice = choose(candidates, step);
      if (!choice) {
        status = choice.status();
        return;
      }
      if (current == rows.end() || current->first != *choice) {
        current = rows.find(*choice);
        if (current == rows.end()) {
          const auto made = row_for(row, *choice);
          if (!made) {
            status = made.status();
            return;
          }
          current = rows.emplace(*choice, *made).first;
        }
      }
      if (current->second) out_.set(*current->second, step, base_.at(row, step));
    });
    return status;
  }

  Result<Choice> choose(const Candidates& candidates, std::size_t step) const {
    Choice choice;
    for (const auto& [name, rows] : candidates) {
      std::optional<std::size_t> best;
      for (const std::size_t row : rows) {
        if (!info_.has(row, step)) continue;
        if (best && info_.at(*best, step) == info_.at(row, step)) return contradiction(*best, row, step);
        if (!best || info_.at(*best, step) < info_.at(row, step)) best = row;
      }
      if (best) choice.push_back(*best);
    }
    return choice;
  }

  Status contradiction(std::size_t a, std::size_t b, std::size_t step) const {
    const std::string at = " @ " + std::to_string(std::llround(info_.at(a, step) * 1000));
    return Status(Code::Unprocessable, "found duplicate series for info metric: existing " +
                                           info_.labels(a).to_string() + at + ", new " +
                                           info_.labels(b).to_string() + at);
  }

  // The row of the result with the labels of these info series; nothing when they lack a label that must be.
  Result<std::optional<std::size_t>> row_for(std::size_t row, const Choice& choice) {
    const Labels& base = base_.labels(row);
    if (choice.empty() && !std::ranges::all_of(wanted_, [](const Matcher& m) { return m.matches(""); })) {
      return std::optional<std::size_t>();
    }
    LabelsBuilder added;
    for (const std::size_t info_row : choice) {
      for (const LabelView& pair : info_.labels(info_row)) {
        if (pair.name == kMetricName || !is_wanted(pair.name)) continue;
        if (const std::string_view other = added.get(pair.name); !other.empty() && other != pair.value) {
          return Status(Code::Unprocessable, "conflicting label: " + std::string(pair.name));
        }
        if (base.get(pair.name).empty()) added.set(pair.name, pair.value);
      }
    }
    LabelsBuilder labels(base);
    for (const LabelView& pair : added.build()) labels.set(pair.name, pair.value);
    const auto to = add_row(row, labels.build());
    if (!to) return to.status();
    return std::optional<std::size_t>(*to);
  }

  bool is_wanted(std::string_view label) const {
    return wanted_.empty() ||
           std::ranges::any_of(wanted_, [&](const Matcher& m) { return m.name() == label; });
  }

  Result<std::size_t> add_row(std::size_t row, Labels labels) {
    if (Status held = out_.hold(budget_); !held.ok()) return held;
    return out_.add_row(std::move(labels), base_.drop_name(row));
  }

  const std::vector<Matcher> names_;
  const std::vector<Matcher> wanted_;
  const Matrix& base_;
  const Matrix& info_;
  Matrix out_;
  Budget& budget_;
  std::map<Identity, Candidates> by_identity_;
};

}  // namespace

std::vector<Matcher> info_matchers(const Call& call) {
  std::vector<Matcher> matchers = data_matchers(call);
  for (Matcher& name : name_matchers(call)) matchers.push_back(std::move(name));
  return matchers;
}

std::vector<const Expr*> info_reference(const Call& call) {
  std::vector<const Expr*> path;
  find_reference(*call.args[0], path);
  return path;
}

Result<Matrix> enrich(const Call& call, Matrix base, const Matrix& info_times, Budget& budget) {
  return Enricher(call, base, info_times, budget).run();
}

}  // namespace silverback::query
