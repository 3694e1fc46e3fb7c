#include "query/matrix.h"

#include <algorithm>
#include <utility>

namespace silverback::query {

Status Matrix::hold(Budget& budget, std::size_t rows) {
  if (!held_.of(budget)) held_ = Held(budget);
  constexpr std::size_t kBytesPerRow = sizeof(Labels) + 100;  // and what its labels take on the heap
  return held_.more(rows * grid_.steps, rows * (grid_.steps * sizeof(double) + words_ * 8 + kBytesPerRow));
}

void Matrix::move_row(std::size_t from, std::size_t to) {
  labels_[to] = std::move(labels_[from]);
  drop_name_[to] = drop_name_[from];
  std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(from * grid_.steps), grid_.steps,
              values_.begin() + static_cast<std::ptrdiff_t>(to * grid_.steps));
  std::copy_n(present_.begin() + static_cast<std::ptrdiff_t>(from * words_), words_,
              present_.begin() + static_cast<std::ptrdiff_t>(to * words_));
}

void Matrix::truncate(std::size_t rows) {
  labels_.resize(rows);
  drop_name_.resize(rows);
  values_.resize(rows * grid_.steps);
  present_.resize(rows * words_);
}

void Matrix::reorder(std::span<const std::size_t> order) {
  Matrix sorted(grid_);
  sorted.reserve(order.size());
  for (const std::size_t from : order) {
    const std::size_t to = sorted.add_row(std::move(labels_[from]), drop_name(from));
    std::ranges::copy(std::as_const(*this).values(from), sorted.values(to).begin());
    std::ranges::copy(std::as_const(*this).present(from), sorted.present(to).begin());
  }
  sorted.held_ = std::move(held_);
  *this = std::move(sorted);
}

}  // namespace silverback::query
