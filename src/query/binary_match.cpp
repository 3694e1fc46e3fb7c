// vector op vector: one-to-one, and many-to-one with group_left or group_right.
#include <algorithm>
#include <bit>
#include <string>
#include <unordered_map>
#include <vector>

#include "query/binary.h"
#include "query/grouping.h"
#include "query/naming.h"

namespace silverback::query {
namespace {

using namespace promql;

Grouping signatures(const VectorMatching& matching) {
  std::vector<std::string> names = matching.labels;
  if (!matching.on) names.emplace_back(kMetricName);
  return Grouping(matching.on ? Grouping::Keep::These : Grouping::Keep::AllBut, std::move(names));
}

/// The labels that two series match by; what an error shows, and what stands in for a missing series.
Labels match_labels(const VectorMatching& matching, const Labels& labels) {
  Grouping grouping = signatures(matching);
  return grouping.labels_of(grouping.group_of(labels));
}

Status repeated_series(const VectorMatching& matching, const Labels& one, const Labels& other, bool on_left) {
  std::string first = in_braces(one);
  std::string second = in_braces(other);
  if (second < first) std::swap(first, second);
  return Status(Code::Unprocessable,
                "found duplicate series for the match group " + in_braces(match_labels(matching, one)) +
                    " on the " + (on_left ? "left" : "right") + " hand-side of the operation: [" + first +
                    ", " + second +
                    "];many-to-many matching not allowed: matching labels must be unique on one side");
}

// Sides are named for what they are: there may be many rows of a match group on the `many` side, at each
// step one at most on the `one` side. One-to-one has the left as `many`.
class Matching {
 public:
  Matching(const BinaryContext& context, Matrix left, Matrix right)
      : context_(context),
        matching_(context.node.matching),
        swapped_(matching_.cardinality == Cardinality::OneToMany),
        many_(swapped_ ? std::move(right) : std::move(left)),
        one_(swapped_ ? std::move(left) : std::move(right)),
        result_(context.grid),
        buffer_(context.grid.steps),
        bits_(many_.words_per_row()) {}

  Result<Matrix> run() {
    const auto& fill_many = swapped_ ? matching_.fill_right : matching_.fill_left;
    const auto& fill_one = swapped_ ? matching_.fill_left : matching_.fill_right;
    if (!fill_many && !fill_one && (many_.empty() || one_.empty())) return std::move(result_);
    group_rows();
    find_active_steps(fill_many.has_value() || fill_one.has_value());
    result_.reserve(std::min(many_.rows(), groups_.size()));
    for (const Group& group : groups_) {
      ++group_number_;
      if (Status status = context_.budget.pace(); !status.ok()) return status;
      if (Status status = check_one_side(group); !status.ok()) return status;
      if (Status status = join(group, fill_one, fill_many); !status.ok()) return status;
    }
    result_.drop_empty_rows();
    return std::move(result_);
  }

 private:
  struct Group {
    std::vector<std::size_t> many;
    std::vector<std::size_t> one;
  };

  void group_rows() {
    Grouping grouping = signatures(matching_);
    const auto sort_in = [&](const Matrix& side, std::vector<std::size_t> Group::*rows) {
      for (std::size_t row = 0; row < side.rows(); ++row) {
        const std::size_t group = grouping.group_of(side.labels(row));
        if (group == groups_.size()) groups_.emplace_back();
        (groups_[group].*rows).push_back(row);
      }
    };
    sort_in(many_, &Group::many);
    sort_in(one_, &Group::one);
  }

  // A step at which one side is empty is not looked at, so repeated series there are no error.
  void find_active_steps(bool fill) {
    active_.assign(many_.words_per_row(), fill ? ~std::uint64_t{0} : 0);
    if (fill) return;
    std::vector<std::uint64_t> any_one(active_.size(), 0);
    for (std::size_t row = 0; row < many_.rows(); ++row) merge(active_, many_.present(row));
    for (std::size_t row = 0; row < one_.rows(); ++row) merge(any_one, one_.present(row));
    for (std::size_t w = 0; w < active_.size(); ++w) active_[w] &= any_one[w];
  }
  static void merge(std::vector<std::uint64_t>& into, std::span<const std::uint64_t> from) {
    for (std::size_t w = 0; w < into.size(); ++w) into[w] |= from[w];
  }

  Status check_one_side(const Group& group) {
    for (std::size_t b = 1; b < group.one.size(); ++b) {
      for (std::size_t a = 0; a < b; ++a) {
        for (std::size_t w = 0; w < active_.size(); ++w) {
          if ((one_.present(group.one[a])[w] & one_.present(group.one[b])[w] & active_[w]) == 0) continue;
          return repeated_series(matching_, one_.labels(group.one[b]), one_.labels(group.one[a]), swapped_);
        }
      }
    }
    return {};
  }

  Status join(const Group& group, const std::optional<double>& fill_one,
              const std::optional<double>& fill_many) {
    matched_.assign(active_.size(), 0);  // one-to-one: steps at which a pair was found
    for (const std::size_t many : group.many) {
      missing_.assign(many_.present(many).begin(), many_.present(many).end());
      for (const std::size_t one : group.one) {
        bool any = false;
        for (std::size_t w = 0; w < bits_.size(); ++w) {
          bits_[w] = many_.present(many)[w] & one_.present(one)[w];
          missing_[w] &= ~bits_[w];
          any = any || bits_[w] != 0;
        }
        if (!any) continue;
        if (Status s = emit(many_.labels(many), one_.labels(one), many_.values(many), one_.values(one));
            !s.ok())
          return s;
      }
      if (!fill_one || !any_set(missing_)) continue;
      std::ranges::copy(missing_, bits_.begin());
      filled_.assign(context_.grid.steps, *fill_one);
      const Labels& labels = many_.labels(many);
      if (Status s = emit(labels, match_labels(matching_, labels), many_.values(many), filled_); !s.ok())
        return s;
    }
    if (!fill_many) return {};
    for (const std::size_t one : group.one) {
      for (std::size_t w = 0; w < bits_.size(); ++w) bits_[w] = one_.present(one)[w] & ~matched_[w];
      if (!any_set(bits_)) continue;
      filled_.assign(context_.grid.steps, *fill_many);
      const Labels& labels = one_.labels(one);
      if (Status s = emit(match_labels(matching_, labels), labels, filled_, one_.values(one)); !s.ok())
        return s;
    }
    return {};
  }

  // Computes a pair of rows at the steps in bits_ and puts it into the result row of its labels.
  Status emit(const Labels& many, const Labels& one, std::span<const double> many_values,
              std::span<const double> one_values) {
    const bool one_to_one = matching_.cardinality == Cardinality::OneToOne;
    for (std::size_t w = 0; w < bits_.size(); ++w) {
      if (one_to_one && (matched_[w] & bits_[w]) != 0) {
        return Status(
            Code::Unprocessable,
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)");
      }
      matched_[w] |= bits_[w];
    }
    Labels labels = result_labels(many, one);
    auto at = rows_.find(labels.bytes());
    if (at == rows_.end()) {
      if (Status held = result_.hold(context_.budget); !held.ok()) return held;
      at = rows_.emplace(std::string(labels.bytes()), result_.rows()).first;
      result_.add_row(std::move(labels), context_.node.return_bool);
      seen_.resize(result_.rows() * bits_.size());
      seen_in_.push_back(group_number_);
    }
    std::uint64_t* const seen = seen_.data() + at->second * bits_.size();
    if (seen_in_[at->second] != group_number_) std::fill_n(seen, bits_.size(), 0);
    seen_in_[at->second] = group_number_;
    for (std::size_t w = 0; w < bits_.size(); ++w) {
      if ((seen[w] & bits_[w]) != 0) {
        return Status(Code::Unprocessable,
                      "multiple matches for labels: grouping labels must ensure unique matches");
      }
      seen[w] |= bits_[w];
    }
    const std::span<const double> left = swapped_ ? one_values : many_values;
    const std::span<const double> right = swapped_ ? many_values : one_values;
    const ElementOperation operation{context_.node.op, context_.node.return_bool, false};
    if (!any_set(result_.present(at->second))) {
      apply(operation, left, right, result_.values(at->second), bits_);
      std::ranges::copy(bits_, result_.present(at->second).begin());
      return {};
    }
    apply(operation, left, right, buffer_, bits_);
    for (std::size_t w = 0; w < bits_.size(); ++w) {
      if ((result_.present(at->second)[w] & bits_[w]) != 0) return same_labelset();
    }
    for_each_present(
        std::span<const std::uint64_t>(bits_), buffer_.size(),
        [&](std::size_t from, std::size_t to) {
          for (std::size_t step = from; step < to; ++step) result_.set(at->second, step, buffer_[step]);
        },
        [&](std::size_t step) { result_.set(at->second, step, buffer_[step]); });
    return {};
  }

  Labels result_labels(const Labels& many, const Labels& one) const {
    const bool drop_name =
        changes_meaning(context_.node.op) || (context_.node.return_bool && !context_.delayed_names);
    const auto listed = [](const std::vector<std::string>& names, std::string_view name) {
      return std::ranges::find(names, name) != names.end();
    };
    std::string bytes;
    for (const LabelView& pair : many) {
      if (drop_name && is_metadata_label(pair.name)) continue;
      if (matching_.cardinality == Cardinality::OneToOne &&
          listed(matching_.labels, pair.name) != matching_.on)
        continue;
      append_label(bytes, pair.name, pair.value);
    }
    Labels labels = *Labels::from_bytes(std::move(bytes));
    if (matching_.include.empty()) return labels;
    LabelsBuilder builder(labels);
    for (const std::string& name : matching_.include) builder.set(name, one.get(name));
    return builder.build();
  }

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const { return hash64(key); }
  };

  const BinaryContext& context_;
  const VectorMatching& matching_;
  const bool swapped_;
  const Matrix many_;
  const Matrix one_;
  std::vector<Group> groups_;
  std::vector<std::uint64_t> active_;
  std::vector<std::uint64_t> matched_;
  std::vector<std::uint64_t> missing_;
  std::vector<double> filled_;
  Matrix result_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> rows_;  // of the result, by labels
  // Of each row of the result: steps with a match, whether or not a comparison kept it, and in which group.
  std::vector<std::uint64_t> seen_;
  std::vector<std::size_t> seen_in_;
  std::size_t group_number_ = 0;
  std::vector<double> buffer_;
  std::vector<std::uint64_t> bits_;
};

}  // namespace

Result<Matrix> match_vectors(const BinaryContext& context, Matrix left, Matrix right) {
  return Matching(context, std::move(left), std::move(right)).run();
}

Result<Matrix> combine_sets(const BinaryContext& context, Matrix left, Matrix right) {
  const BinaryOp op = context.node.op;
  Grouping grouping = signatures(context.node.matching);
  // The side that decides, and at which steps each of its match groups is there.
  const Matrix& deciding = op == BinaryOp::Or ? left : right;
  const std::size_t words = left.words_per_row();
  std::vector<std::uint64_t> there;
  for (std::size_t row = 0; row < deciding.rows(); ++row) {
    const std::size_t group = grouping.group_of(deciding.labels(row));
    there.resize(grouping.size() * words);
    for (std::size_t w = 0; w < words; ++w) there[group * words + w] |= deciding.present(row)[w];
  }
  Matrix& filtered = op == BinaryOp::Or ? right : left;
  for (std::size_t row = 0; row < filtered.rows(); ++row) {
    const std::size_t group = grouping.find(filtered.labels(row));
    for (std::size_t w = 0; w < words; ++w) {
      const std::uint64_t mask = group == Grouping::npos ? 0 : there[group * words + w];
      filtered.present(row)[w] &= op == BinaryOp::And ? mask : ~mask;
    }
  }
  filtered.drop_empty_rows();
  if (op != BinaryOp::Or) return left;
  if (right.empty()) return left;
  if (Status held = left.hold(context.budget, right.rows()); !held.ok()) return held;
  left.reserve(left.rows() + right.rows());
  for (std::size_t row = 0; row < right.rows(); ++row) {
    const std::size_t at = left.add_row(right.labels(row), right.drop_name(row));
    std::ranges::copy(std::as_const(right).values(row), left.values(at).begin());
    std::ranges::copy(std::as_const(right).present(row), left.present(at).begin());
  }
  return merge_equal_rows(std::move(left));
}

}  // namespace silverback::query
