// Any bytes, cut anywhere: written as parts they give the same samples, metadata and problems as each part
// written by itself, one after the other.
//
// The first byte says which format and how many cuts, the bytes after it where these are.
#include <algorithm>

#include "ingest/fuzz_store.h"

namespace {

using namespace silverback;
using namespace silverback::ingest;

constexpr unsigned kFormats = 6;

/// A store, and a writer of the format that has seen nothing yet. Field types are remembered, so that they
/// conflict from body to body as they do in one.
class Writer {
 public:
  explicit Writer(unsigned format) : format_(format) { world_.store.remembers = true; }

  Result<WriteReport> write(const Body& body, std::int64_t time_ns) {
    const WriteLimits limits{.max_problems = 1'000'000};
    switch (format_) {
      case 0:
        return kept(lines_, limits)
            .write(kDefaultTenant, body, {.database = "db", .default_time_ns = time_ns});
      case 1:
      case 2:
        return kept(text_, limits)
            .write(kDefaultTenant, body,
                   {.format = format_ == 1 ? TextFormat::Prometheus : TextFormat::OpenMetrics,
                    .default_time_ns = time_ns});
      case 3: return kept(json_, limits).write(kDefaultTenant, body, {.default_time_ns = time_ns});
      default:
        return kept(remote_, limits)
            .write(kDefaultTenant, body, format_ == 4 ? RemoteWriteVersion::V1 : RemoteWriteVersion::V2);
    }
  }
  const FuzzStore& store() const { return world_.store; }

 private:
  template <typename T>
  T& kept(std::unique_ptr<T>& writer, const WriteLimits& limits) {
    if (writer == nullptr) writer = std::make_unique<T>(world_.targets, limits);
    return *writer;
  }

  const unsigned format_;
  FuzzWorld world_;
  std::unique_ptr<LineWriter> lines_;
  std::unique_ptr<TextWriter> text_;
  std::unique_ptr<JsonWriter> json_;
  std::unique_ptr<RemoteWriter> remote_;
};

/// What came of parts that were written by themselves.
struct Alone {
  std::vector<std::vector<WriteProblem>> problems;  // of each
  WriteReport sum;
};

Alone write_alone(Writer& writer, const Body& body) {
  Alone alone;
  std::size_t begin = 0;
  for (const Part& part : body.parts) {
    auto report = writer.write(body.bytes.substr(begin, part.end - begin), part.default_time_ns);
    begin = part.end;
    if (!report) {
      if (report.status().code() != Code::InvalidArgument) std::abort();
      WriteProblem whole{.text = std::string(report.status().message())};
      report = WriteReport();
      report->problem_count = report->refused[0] = 1;
      report->problems.push_back(std::move(whole));
    }
    WriteReport& sum = alone.sum;
    sum.stored += report->stored;
    sum.metadata += report->metadata;
    sum.exemplars_ignored += report->exemplars_ignored;
    sum.start_timestamps_ignored += report->start_timestamps_ignored;
    sum.problem_count += report->problem_count;
    for (std::size_t i = 0; i < kRefusedReasons; ++i) sum.refused[i] += report->refused[i];
    alone.problems.push_back(std::move(report->problems));
  }
  return alone;
}

void compare(const WriteReport& together, const Alone& alone) {
  const WriteReport& sum = alone.sum;
  if (together.stored != sum.stored || together.metadata != sum.metadata ||
      together.exemplars_ignored != sum.exemplars_ignored ||
      together.start_timestamps_ignored != sum.start_timestamps_ignored ||
      together.problem_count != sum.problem_count || !std::ranges::equal(together.refused, sum.refused)) {
    std::abort();
  }
  std::size_t next = 0;
  for (std::uint32_t part = 0; part < alone.problems.size(); ++part) {
    const std::vector<WriteProblem>& problems = alone.problems[part];
    if (problems.empty()) continue;
    if (next == together.problems.size()) std::abort();
    const WriteProblem& found = together.problems[next++];  // one of them
    const auto same = [&](const WriteProblem& problem) {
      return problem.line == found.line && problem.reason == found.reason && problem.text == found.text;
    };
    if (found.part != part || std::ranges::none_of(problems, same)) std::abort();
  }
  if (next != together.problems.size()) std::abort();
}

void compare(const FuzzStore& together, const FuzzStore& alone) {
  const auto same = [](const FuzzStore::Seen& a, const FuzzStore::Seen& b) {
    return a.key == b.key && a.series.labels == b.series.labels && a.series.type == b.series.type &&
           a.samples == b.samples;
  };
  if (!std::ranges::equal(together.seen, alone.seen, same)) std::abort();
  if (together.metadata != alone.metadata || together.types != alone.types) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned format = data[0] % kFormats;
  const std::size_t cuts = data[0] / kFormats % 8;
  if (size < 1 + cuts) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1 + cuts, size - 1 - cuts);
  std::vector<Part> parts;
  for (std::size_t i = 0; i < cuts; ++i) parts.push_back({data[1 + i] * (bytes.size() + 1) / 256, 0});
  parts.push_back({bytes.size(), 0});
  std::ranges::sort(parts, {}, &Part::end);
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts[i].default_time_ns = static_cast<std::int64_t>(i) * 1000;
  const Body body(bytes, parts);

  Writer together(format);
  const auto report = together.write(body, 0);
  if (!report) std::abort();
  check(*report);
  Writer one_by_one(format);
  const Alone alone = write_alone(one_by_one, body);
  compare(*report, alone);
  compare(together.store(), one_by_one.store());
  return 0;
}
