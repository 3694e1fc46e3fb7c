// WriterPool: the ingest writers, one set per write in progress, reused last in, first out.
//
// A writer keeps its buffers, so a steady load allocates nothing; after a burst of large bodies their
// memory goes back.
//
// Threads: any; a borrowed set belongs to its borrower.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/api_context.h"
#include "base/mutex.h"
#include "ingest/write.h"

namespace silverback::api {

struct WriterSet {
  WriterSet(const ingest::WriteTargets& targets, const ingest::WriteLimits& limits)
      : remote(targets, limits), lines(targets, limits), text(targets, limits) {}

  ingest::RemoteWriter remote;
  ingest::LineWriter lines;
  ingest::TextWriter text;
  std::string decoded;  // the body, decompressed
};

class WriterPool {
 public:
  WriterPool(const ingest::WriteTargets& targets, const ingest::WriteLimits& limits);

  class Borrowed {
   public:
    Borrowed(WriterPool& pool, std::unique_ptr<WriterSet> set) : pool_(pool), set_(std::move(set)) {}
    ~Borrowed() { pool_.give_back(std::move(set_)); }
    Borrowed(const Borrowed&) = delete;
    Borrowed& operator=(const Borrowed&) = delete;
    WriterSet* operator->() const { return set_.get(); }

   private:
    WriterPool& pool_;
    std::unique_ptr<WriterSet> set_;
  };
  Borrowed borrow();
  const ingest::WriteLimits& limits() const { return limits_; }

 private:
  void give_back(std::unique_ptr<WriterSet> set) EXCLUDES(mutex_);

  const ingest::WriteTargets targets_;
  const ingest::WriteLimits limits_;
  Mutex mutex_;
  std::vector<std::unique_ptr<WriterSet>> idle_ GUARDED_BY(mutex_);
};

}  // namespace silverback::api
