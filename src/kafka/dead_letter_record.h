// How a dead letter stands in the StateStore: docs/format/dead_letters.md.
//
// Threads: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "kafka/dead_letters.h"

namespace silverback::kafka {

/// Of all letters.
inline constexpr std::string_view kLettersPrefix = "kafka/dead/";
/// Of a consumer's.
std::string letters_prefix(std::string_view consumer);
/// Different for letters of which consumer, topic, partition or offset differ.
std::string letter_key(const DeadLetter& letter);
/// @returns InvalidArgument when it is none that DeadLetter::id() gives
Result<std::string> key_of_id(std::string_view id);
/// Consumer, source and offset. @returns DataLoss when no letter has that key
Status read_letter_key(std::string_view key, DeadLetter& letter);

/// What the key does not say.
std::string encode(const DeadLetter& letter);
/// @returns DataLoss, or InvalidArgument for what a newer program wrote; then nothing has changed in `letter`
Status decode(std::string_view bytes, DeadLetter& letter);

}  // namespace silverback::kafka
