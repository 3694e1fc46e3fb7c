#include "api/dead_letter_jobs.h"

#include <algorithm>
#include <span>
#include <utility>

#include "api/json.h"
#include "api/kafka_json.h"

namespace silverback::api {
namespace {

using kafka::DeadLetter;
using kafka::DeadLetters;

constexpr std::size_t kPage = 256;             // letters at once
constexpr std::size_t kAnswerBytes = 4 << 20;  // of a page of the list

Status cancelled() { return {Code::Cancelled, "the request was cancelled"}; }

// Calls `each` with what was chosen, a page at a time, in order. @returns the first failure
template <typename Each>
Status for_each_page(const DeadLetters& letters, std::string_view consumer, const std::stop_token& cancel,
                     const Each& each) {
  for (std::string after;;) {
    if (cancel.stop_requested()) return cancelled();
    const auto page = letters.list(consumer, after, kPage);
    if (!page) return page.status();
    if (page->empty()) return {};
    if (Status done = each(*page); !done.ok()) return done;
    after = page->back().id();
  }
}

std::vector<std::string> ids_of(std::span<const DeadLetter> letters) {
  std::vector<std::string> ids;
  for (const DeadLetter& letter : letters) ids.push_back(letter.id());
  return ids;
}

class Retry {
 public:
  Retry(const DeadLetters& letters, const RetryLetter& retry, const std::stop_token& cancel)
      : letters_(letters), retry_(retry), cancel_(cancel) {}

  RetriedLetters sum() const { return sum_; }

  Status take(const std::string& id) {
    if (cancel_.stop_requested()) return cancelled();
    const auto stored = retry_(id);
    if (stored) ++(*stored ? sum_.stored : sum_.failed);
    return stored.status();
  }
  Status take_named(std::span<const std::string> ids) {
    for (const std::string& id : ids) {
      if (Status taken = take(id); !taken.ok()) return taken;
    }
    return {};
  }
  /// Those that nobody named: one that is gone meanwhile is none, and one that nobody can take has failed.
  Status take_page(std::span<const DeadLetter> page, const Names& consumers) {
    for (const DeadLetter& letter : page) {
      if (letter.code == kafka::kUnreadable || !consumers.contains(letter.consumer)) {
        ++sum_.failed;
        continue;
      }
      const std::string id = letter.id();
      Status taken = take(id);
      if (taken.ok()) continue;
      const bool gone = taken.code() == Code::NotFound && letters_.get(id).status().code() == Code::NotFound;
      if (!gone) return taken;
    }
    return {};
  }

 private:
  const DeadLetters& letters_;
  const RetryLetter& retry_;
  const std::stop_token& cancel_;
  RetriedLetters sum_;
};

}  // namespace

Result<LetterChoice> LetterChoice::from(const Params& params) {
  LetterChoice choice;
  choice.ids = params.all("id");
  choice.consumer = params.get("consumer");
  const std::string_view all = params.get("all");
  if (!all.empty() && all != "true" && all != "false") {
    return invalid_param(
        "all", {Code::InvalidArgument, "expected true or false, found \"" + std::string(all) + "\""});
  }
  const int given =
      (choice.ids.empty() ? 0 : 1) + (choice.consumer.empty() ? 0 : 1) + (all == "true" ? 1 : 0);
  if (given != 1) {
    return Status(
        Code::InvalidArgument,
        "which dead letters? give exactly one of: id=<id> (may be repeated), consumer=<name>, all=true");
  }
  return choice;
}

Result<RetriedLetters> retry_letters(const DeadLetters& letters, const LetterChoice& choice,
                                     const Names& consumers, const RetryLetter& retry,
                                     const std::stop_token& cancel) {
  if (!choice.consumer.empty() && !consumers.contains(choice.consumer))
    return Status(Code::NotFound, "there is no consumer of the name \"" + choice.consumer + "\"");
  Retry work(letters, retry, cancel);
  const Status done =
      !choice.ids.empty()
          ? work.take_named(choice.ids)
          : for_each_page(letters, choice.consumer, cancel,
                          [&](std::span<const DeadLetter> page) { return work.take_page(page, consumers); });
  const RetriedLetters sum = work.sum();
  if (done.ok()) return sum;
  return done.in("dead letters: " + std::to_string(sum.stored) + " stored, " + std::to_string(sum.failed) +
                 " failed again, then");
}

Result<std::size_t> drop_letters(DeadLetters& letters, const LetterChoice& choice,
                                 const std::stop_token& cancel) {
  if (!choice.ids.empty()) return letters.remove(choice.ids);
  std::size_t dropped = 0;
  const Status done =
      for_each_page(letters, choice.consumer, cancel, [&](std::span<const DeadLetter> page) -> Status {
        const auto removed = letters.remove(ids_of(page));
        if (removed) dropped += *removed;
        return removed.status();
      });
  if (done.ok()) return dropped;
  return done.in("dead letters: " + std::to_string(dropped) + " dropped, then");
}

Status append_letter_page(std::string& out, const DeadLetters& letters, std::string_view consumer,
                          std::string_view after, std::size_t limit) {
  const std::size_t most_bytes = out.size() + kAnswerBytes;
  std::string last(after);
  std::size_t shown = 0;
  bool more = false;
  append_json_key(out += '{', "letters");
  out += '[';
  while (!more) {
    // One beyond the limit tells that there are more.
    const auto page = letters.list(consumer, last, std::min(kPage, limit - shown + 1));
    if (!page) return page.status();
    if (page->empty()) break;
    for (const DeadLetter& letter : *page) {
      more = shown == limit || out.size() > most_bytes;
      if (more) break;
      if (shown++ != 0) out += ',';
      append_dead_letter(out, letter, LetterShape::Listed);
      last = letter.id();
    }
  }
  out += ']';
  if (more) {
    append_json_key(out += ',', "next");
    append_json_string(out, last);
  }
  out += '}';
  return {};
}

}  // namespace silverback::api
