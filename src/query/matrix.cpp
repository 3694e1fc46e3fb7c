#include "query/matrix.h"

#include <algorithm>
#include <utility>

namespace silverback::query {

Status Matrix::hold(Budget& budget, std::size_t rows) {
  if (!held_.of(budget)) held_ = Held(budget);
  constexpr std::size_t kBytesPerRow = sizeof(Labels) + 100;  // and what its labels take on the heap
  return held_.more(rows * grid_.steps, rows * (grid_.steps * sizeof(double) + words_ * 8 + kBytesPerRow));
}

void Matrix::reorder(std::span<const std::size_t> order) {
  std::vector<Labels> labels;
  std::vector<std::uint8_t> drop_name;
  std::vector<std::size_t> slot;
  labels.reserve(order.size());
  drop_name.reserve(order.size());
  slot.reserve(order.size());
  for (const std::size_t row : order) {
    labels.push_back(std::move(labels_[row]));
    drop_name.push_back(drop_name_[row]);
    slot.push_back(slot_[row]);
  }
  labels_ = std::move(labels);
  drop_name_ = std::move(drop_name);
  slot_ = std::move(slot);
}

}  // namespace silverback::query
