#include "kafka/messages_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  silverback::kafka::fuzz_messages(silverback::kafka::Format::Text, data, size);
  return 0;
}
