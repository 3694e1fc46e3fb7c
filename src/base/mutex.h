// Mutex, SharedMutex and their locks, with clang's thread-safety annotations.
//
// -Wthread-safety then finds the read without a lock before any test does. g++ ignores the
// annotations. Source: https://clang.llvm.org/docs/ThreadSafetyAnalysis.html
#pragma once

#include <condition_variable>
#include <mutex>
#include <shared_mutex>

#if defined(__clang__)
#define SILVERBACK_TSA(x) __attribute__((x))
#else
#define SILVERBACK_TSA(x)
#endif

#define CAPABILITY(x) SILVERBACK_TSA(capability(x))
#define SCOPED_CAPABILITY SILVERBACK_TSA(scoped_lockable)
#define GUARDED_BY(x) SILVERBACK_TSA(guarded_by(x))
#define PT_GUARDED_BY(x) SILVERBACK_TSA(pt_guarded_by(x))
#define REQUIRES(...) SILVERBACK_TSA(requires_capability(__VA_ARGS__))
#define REQUIRES_SHARED(...) SILVERBACK_TSA(requires_shared_capability(__VA_ARGS__))
#define ACQUIRE(...) SILVERBACK_TSA(acquire_capability(__VA_ARGS__))
#define ACQUIRE_SHARED(...) SILVERBACK_TSA(acquire_shared_capability(__VA_ARGS__))
#define RELEASE(...) SILVERBACK_TSA(release_capability(__VA_ARGS__))
#define RELEASE_SHARED(...) SILVERBACK_TSA(release_shared_capability(__VA_ARGS__))
#define RELEASE_GENERIC(...) SILVERBACK_TSA(release_generic_capability(__VA_ARGS__))
#define EXCLUDES(...) SILVERBACK_TSA(locks_excluded(__VA_ARGS__))
#define RETURN_CAPABILITY(x) SILVERBACK_TSA(lock_returned(x))
#define NO_THREAD_SAFETY_ANALYSIS SILVERBACK_TSA(no_thread_safety_analysis)

namespace silverback {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class Condition;
  std::mutex mutex_;
};

class CAPABILITY("mutex") SharedMutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  void lock_shared() ACQUIRE_SHARED() { mutex_.lock_shared(); }
  void unlock_shared() RELEASE_SHARED() { mutex_.unlock_shared(); }

 private:
  std::shared_mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~WriterLock() RELEASE() { mutex_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mutex_;
};

class SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mutex) ACQUIRE_SHARED(mutex) : mutex_(mutex) { mutex_.lock_shared(); }
  ~ReaderLock() RELEASE_GENERIC() { mutex_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mutex_;
};

/// A condition variable that waits on a held Mutex.
class Condition {
 public:
  void wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  /// @returns false on timeout
  template <typename Rep, typename Period>
  bool wait_for(Mutex& mutex, std::chrono::duration<Rep, Period> timeout) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const auto status = condition_.wait_for(lock, timeout);
    lock.release();
    return status == std::cv_status::no_timeout;
  }
  void notify_one() { condition_.notify_one(); }
  void notify_all() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace silverback
