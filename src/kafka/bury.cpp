#include <algorithm>
#include <functional>
#include <iterator>

#include "base/log.h"
#include "base/number.h"
#include "kafka/producer.h"
#include "kafka/shared.h"

namespace silverback::kafka {
namespace {

constexpr std::int64_t kRest_ms = 60'000;  // of a topic that did not take a letter

DeadLetter make_letter(const Shared& shared, const Message& message, const BadMessage& bad) {
  DeadLetter letter;
  letter.consumer = shared.config.name;
  letter.source = {std::string(message.topic), message.partition};
  letter.offset = message.offset;
  letter.time_ms = message.time_ms;
  letter.failed_at_ms = shared.now_ms();
  letter.code = bad.code;
  letter.text = bad.text;
  letter.key = message.key;
  letter.value = message.value;
  for (const Header& header : message.headers) letter.headers.emplace_back(header.name, header.value);
  return letter;
}

// The message as it came, and why it comes here.
OutMessage to_message(const DeadLetter& letter, const std::string& topic) {
  OutMessage out{.topic = topic, .key = letter.key, .value = letter.value, .headers = letter.headers};
  out.headers.emplace_back("error-code", letter.code);
  out.headers.emplace_back("error-message", letter.text);
  out.headers.emplace_back("source-topic", letter.source.topic);
  out.headers.emplace_back("source-partition", std::to_string(letter.source.number));
  out.headers.emplace_back("source-offset", std::to_string(letter.offset));
  // Not as the message's own time: how long the topic keeps a letter counts from now.
  if (letter.time_ms != 0) out.headers.emplace_back("source-timestamp", std::to_string(letter.time_ms));
  out.headers.emplace_back("failed-at", format_rfc3339(letter.failed_at_ms * kNsPerMs));
  out.headers.emplace_back("consumer", letter.consumer);
  return out;
}

// Read from a topic of dead letters. Two consumers that read each other's would send it to and fro without
// end.
bool was_letter(const DeadLetter& letter) {
  const auto has = [&letter](std::string_view name) {
    return std::ranges::any_of(letter.headers, [name](const auto& header) { return header.first == name; });
  };
  return has("error-code") && has("source-topic") && has("consumer");
}

// Leaves those that the topic did not take, and those that were letters before.
void send(Shared& shared, std::vector<DeadLetter>& letters) {
  if (shared.letter_topic == nullptr || shared.now_ms() < shared.letter_topic_rests_until_ms.load()) return;
  const auto stays = std::stable_partition(letters.begin(), letters.end(), std::not_fn(was_letter));
  std::vector<OutMessage> messages;
  for (auto letter = letters.begin(); letter != stays; ++letter)
    messages.push_back(to_message(*letter, shared.config.dead_letter_topic));
  const std::vector<Status> sent = send_and_wait(*shared.letter_topic, std::move(messages));
  std::vector<DeadLetter> left;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (sent[i].ok()) {
      shared.figures.letters_sent.add();
      continue;
    }
    if (left.empty()) {
      log(LogLevel::Warn, "the topic of dead letters takes none, they are kept here",
          {{"consumer", shared.config.name},
           {"topic", shared.config.dead_letter_topic},
           {"err", sent[i].message()}});
    }
    // A letter that is too large says nothing of the others.
    if (sent[i].code() != Code::InvalidArgument)
      shared.letter_topic_rests_until_ms = shared.now_ms() + kRest_ms;
    left.push_back(std::move(letters[i]));
  }
  std::move(stays, letters.end(), std::back_inserter(left));
  letters = std::move(left);
}

}  // namespace

std::vector<DeadLetter> make_letters(const Shared& shared, std::span<const Message> messages,
                                     std::span<const BadMessage> bad) {
  std::vector<DeadLetter> letters;
  letters.reserve(bad.size());
  for (const BadMessage& one : bad) letters.push_back(make_letter(shared, messages[one.index], one));
  return letters;
}

Status bury(Shared& shared, std::vector<DeadLetter>& letters) {
  send(shared, letters);
  while (!letters.empty()) {  // once, but for letters that do not all fit
    const auto kept = shared.letters.put(letters);
    if (!kept) return kept.status().in("dead letters");
    shared.figures.letters_kept.add(*kept);
    letters.erase(letters.begin(), letters.begin() + static_cast<std::ptrdiff_t>(*kept));
  }
  return {};
}

}  // namespace silverback::kafka
