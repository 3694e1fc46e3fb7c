// BodyBuffer: the bytes of one request body, in one piece, from a pool with a budget.
//
// Memory is taken as bytes arrive, not as they are announced: a client that declares a gigabyte and
// sends nothing holds the first 64 KiB. Buffers come back to the pool and are handed out again last in,
// first out, so a steady load of large writes neither allocates nor touches fresh pages.
//
// Threads: a BodyPool any; a BodyBuffer one at a time.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace silverback::api {

class BodyPool;

class BodyBuffer {
 public:
  BodyBuffer() = default;
  BodyBuffer(BodyBuffer&& other) noexcept { swap(other); }
  BodyBuffer& operator=(BodyBuffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~BodyBuffer() { release(); }

  /// Room for at least one byte, up to a total of `expected`. @returns empty when the pool's budget is spent
  std::span<char> room(std::size_t expected);
  /// `n` bytes of what room() gave are filled.
  void filled(std::size_t n) { size_ += n; }
  /// @returns false when the budget is spent
  bool append(std::string_view bytes);

  std::string_view view() const { return {data_, size_}; }
  std::size_t size() const { return size_; }
  void release();

 private:
  friend class BodyPool;
  explicit BodyBuffer(BodyPool* pool) : pool_(pool) {}
  bool reserve(std::size_t capacity);
  void swap(BodyBuffer& other) noexcept;

  BodyPool* pool_ = nullptr;
  char* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

class BodyPool {
 public:
  explicit BodyPool(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  ~BodyPool();
  BodyPool(const BodyPool&) = delete;
  BodyPool& operator=(const BodyPool&) = delete;

  BodyBuffer take() EXCLUDES(mutex_);
  /// Of buffers in use; what idles in the pool does not count.
  std::size_t used_bytes() const { return used_.load(std::memory_order_relaxed); }

 private:
  friend class BodyBuffer;
  bool charge(std::size_t bytes);
  void refund(std::size_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  void give_back(char* data, std::size_t capacity) EXCLUDES(mutex_);

  const std::size_t max_bytes_;
  std::atomic<std::size_t> used_{0};  // a budget; orders nothing
  Mutex mutex_;
  std::vector<std::pair<char*, std::size_t>> idle_ GUARDED_BY(mutex_);
  std::size_t idle_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace silverback::api
