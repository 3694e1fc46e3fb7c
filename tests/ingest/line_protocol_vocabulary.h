// What the tests of line protocol share: a write, and what is in the store after it.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include "base/number.h"
#include "ingest/line_protocol.h"
#include "tests/ingest/fake_store.h"

namespace silverback::ingest {

inline WriteReport write(Bench& bench, std::string_view body, Precision precision = Precision::Nanoseconds) {
  // A copy of exactly this size, so that the sanitizer sees a read past the end.
  const std::vector<char> exact(body.begin(), body.end());
  auto report = bench.lines.write(kDefaultTenant, std::string_view(exact.data(), exact.size()),
                                  {.database = "db0", .precision = precision});
  EXPECT_TRUE(report) << report.status().message();
  return report ? *report : WriteReport();
}

// One series a line: labels, type, and its samples.
inline std::string dump(const FakeStore& store) {
  std::string out;
  for (const auto& [name, series] : store.series) {
    out += series.labels.to_string();
    for (const auto& [time, bits] : series.numbers) {
      out += ' ';
      switch (series.type) {
        case ValueType::Float64: out += format_float(std::bit_cast<double>(bits)); break;
        case ValueType::Int64: out += std::to_string(static_cast<std::int64_t>(bits)) + "i"; break;
        case ValueType::Uint64: out += std::to_string(bits) + "u"; break;
        default: out += bits == 1 ? "true" : "false";
      }
      out += "@" + std::to_string(time);
    }
    for (const auto& [time, text] : series.strings) out += " \"" + text + "\"@" + std::to_string(time);
    out += '\n';
  }
  return out;
}

}  // namespace silverback::ingest
