// What is asked of dead letters over HTTP: a page of them, retrying some, dropping some.
//
// Those that are many are taken in pages, so that memory stays bounded however many there are; each page is
// whole when it is done. A failure in between says how far it came, and asking again goes on with what is
// left.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "api/params.h"
#include "base/status.h"
#include "kafka/dead_letters.h"

namespace silverback::api {

/// Which letters: `id`, repeated; or `consumer`; or `all=true`.
struct LetterChoice {
  std::vector<std::string> ids;
  std::string consumer;  // with no ids: of this one, or of all when it is empty

  /// @returns InvalidArgument unless exactly one of the three is given
  static Result<LetterChoice> from(const Params& params);
};

struct RetriedLetters {
  std::size_t stored = 0;
  std::size_t failed = 0;
};

/// How a letter is taken in again. @returns whether it is stored now; NotFound when it or its consumer is not
/// there
using RetryLetter = std::function<Result<bool>(const std::string& id)>;

using Names = std::set<std::string, std::less<>>;

/// @param consumers  that are set up: letters of others count as failed where they were not asked for by name
/// @returns Cancelled when `cancel` asks for it
Result<RetriedLetters> retry_letters(const kafka::DeadLetters& letters, const LetterChoice& choice,
                                     const Names& consumers, const RetryLetter& retry,
                                     const std::stop_token& cancel);

/// @returns how many
Result<std::size_t> drop_letters(kafka::DeadLetters& letters, const LetterChoice& choice,
                                 const std::stop_token& cancel);

/// Appends {"letters":[...],"next":"..."}, `next` only when there are more: it is to be given as `after`. A
/// page ends before `limit` when it grows large.
Status append_letter_page(std::string& out, const kafka::DeadLetters& letters, std::string_view consumer,
                          std::string_view after, std::size_t limit);

}  // namespace silverback::api
