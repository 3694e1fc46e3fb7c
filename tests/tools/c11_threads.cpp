// C11's threads, locks and conditions by way of POSIX's, for programs under ThreadSanitizer.
//
// librdkafka is made of the former. The sanitizer knows the latter alone: a thread that thrd_create() begins
// has no state of its, and the first instrumented function that it calls back ends the program. Definitions
// in the program go before those of the C library, whose types are the same underneath.
#include <pthread.h>

#include <cerrno>
#include <cstdint>
#include <ctime>
#include <memory>

namespace {

// thrd_success and so on, in the order of the C library's <threads.h>, which is not for C++.
enum Result : int { kSuccess, kBusy, kError, kNoMemory, kTimedOut };

int result(int error) {
  switch (error) {
    case 0: return kSuccess;
    case EBUSY: return kBusy;
    case ENOMEM: return kNoMemory;
    case ETIMEDOUT: return kTimedOut;
    default: return kError;
  }
}

struct Start {
  int (*run)(void*);
  void* argument;
};

void* begin(void* given) {
  const std::unique_ptr<Start> start(static_cast<Start*>(given));
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(start->run(start->argument)));
}

}  // namespace

extern "C" {

int thrd_create(pthread_t* thread, int (*run)(void*), void* argument) {
  auto start = std::make_unique<Start>(Start{run, argument});
  const int error = pthread_create(thread, nullptr, begin, start.get());
  if (error == 0) static_cast<void>(start.release());  // begin() has it
  return result(error);
}

int thrd_join(pthread_t thread, int* answer) {
  void* given = nullptr;
  const int error = pthread_join(thread, &given);
  if (answer != nullptr) *answer = static_cast<int>(reinterpret_cast<std::intptr_t>(given));
  return result(error);
}

int mtx_init(pthread_mutex_t* mutex, int type) {
  constexpr int kRecursive = 1;  // mtx_recursive
  pthread_mutexattr_t kind;
  pthread_mutexattr_init(&kind);
  if ((type & kRecursive) != 0) pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
  const int error = pthread_mutex_init(mutex, &kind);
  pthread_mutexattr_destroy(&kind);
  return result(error);
}
int mtx_lock(pthread_mutex_t* mutex) { return result(pthread_mutex_lock(mutex)); }
int mtx_trylock(pthread_mutex_t* mutex) { return result(pthread_mutex_trylock(mutex)); }
int mtx_unlock(pthread_mutex_t* mutex) { return result(pthread_mutex_unlock(mutex)); }
void mtx_destroy(pthread_mutex_t* mutex) { pthread_mutex_destroy(mutex); }

int cnd_init(pthread_cond_t* condition) { return result(pthread_cond_init(condition, nullptr)); }
int cnd_signal(pthread_cond_t* condition) { return result(pthread_cond_signal(condition)); }
int cnd_broadcast(pthread_cond_t* condition) { return result(pthread_cond_broadcast(condition)); }
int cnd_wait(pthread_cond_t* condition, pthread_mutex_t* mutex) {
  return result(pthread_cond_wait(condition, mutex));
}
int cnd_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until) {
  return result(pthread_cond_timedwait(condition, mutex, until));
}
void cnd_destroy(pthread_cond_t* condition) { pthread_cond_destroy(condition); }

}  // extern "C"
