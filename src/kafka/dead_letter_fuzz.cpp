// What is read as a stored letter is written as one that is read again; a key that is read is the key of what
// was read, and so is the key of its id.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kafka/dead_letter_record.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace silverback::kafka;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  DeadLetter letter;
  if (decode(bytes, letter).ok()) {
    DeadLetter again;
    if (!decode(encode(letter), again).ok() || again != letter) std::abort();
  }
  DeadLetter named;
  if (read_letter_key(bytes, named).ok() && letter_key(named) != bytes) std::abort();
  // As an id: whoever asks for it may send anything.
  const auto key = key_of_id(bytes);
  if (!key) return 0;
  if (!read_letter_key(*key, named).ok()) std::abort();
  const auto same = key_of_id(named.id());
  if (!same || *same != *key) std::abort();
  return 0;
}
