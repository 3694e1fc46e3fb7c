// UninitialisedVector: a vector whose resize() leaves new elements as they are, for what is written before it
// is read. Clearing some hundred numbers first costs as much as decoding them.
//
// Threads: as containers.
#pragma once

#include <memory>
#include <utility>
#include <vector>

namespace silverback {

template <typename T>
struct Uninitialised : std::allocator<T> {
  template <typename U>
  struct rebind {
    using other = Uninitialised<U>;
  };
  template <typename U>
  void construct(U* at) {
    ::new (static_cast<void*>(at)) U;
  }
  template <typename U, typename... Args>
  void construct(U* at, Args&&... args) {
    ::new (static_cast<void*>(at)) U(std::forward<Args>(args)...);
  }
};

template <typename T>
using UninitialisedVector = std::vector<T, Uninitialised<T>>;

}  // namespace silverback
