#include "storage/wal_segment.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace silverback::storage {
namespace {

constexpr std::string_view kMagic = "SBWALSEG";
constexpr std::string_view kSuffix = ".log";
constexpr std::size_t kDigits = 8;

std::optional<std::uint64_t> number_of(std::string_view name) {
  if (!name.ends_with(kSuffix) || name.size() < kDigits + kSuffix.size()) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

template <typename Visit>
Status for_each_name(const std::filesystem::path& dir, const Visit& visit) {
  std::error_code error;
  std::filesystem::directory_iterator entry(dir, error);
  if (error == std::errc::no_such_file_or_directory) return {};
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    visit(entry->path().filename().native());
  }
  return error ? file_error("list", dir, error.value()) : Status();
}

}  // namespace

std::string encode_segment_header(const SegmentHeader& header) {
  std::string out(kMagic);
  put_fixed(out, kWalVersion);
  put_fixed(out, header.number);
  put_fixed(out, header.previous);
  put_fixed(out, header.previous_bytes);
  put_fixed(out, header.synced_before);
  put_fixed(out, crc32c(out));
  return out;
}

Result<SegmentHeader> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < kSegmentHeaderBytes) return Status(Code::NotFound, "header is cut short");
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  if (bytes.find_first_not_of('\0') == bytes.npos) return Status(Code::NotFound, "header is all zero bytes");

  ByteReader reader(bytes);
  const std::string_view magic = reader.bytes(kMagic.size());
  const auto version = reader.fixed<std::uint32_t>();
  if (magic == kMagic && version > kWalVersion) {
    return Status(Code::InvalidArgument, "log format " + std::to_string(version) +
                                             " is newer than this program's " + std::to_string(kWalVersion) +
                                             "; start the newer version again");
  }
  SegmentHeader header;
  header.number = reader.fixed<std::uint64_t>();
  header.previous = reader.fixed<std::uint64_t>();
  header.previous_bytes = reader.fixed<std::uint64_t>();
  header.synced_before = reader.fixed<std::uint64_t>();
  const auto checksum = reader.fixed<std::uint32_t>();
  if (magic != kMagic || version == 0 || checksum != crc32c(bytes.substr(0, kSegmentHeaderBytes - 4))) {
    return Status(Code::DataLoss, "header is damaged");
  }
  return header;
}

std::uint32_t record_checksum(RecordType type, std::string_view payload) {
  const char byte = static_cast<char>(type);
  return crc32c(payload, crc32c(std::string_view(&byte, 1)));
}

void append_record_header(std::string& out, RecordType type, std::uint32_t payload_bytes,
                          std::uint32_t checksum) {
  char bytes[kRecordHeaderBytes];
  std::memcpy(bytes, &payload_bytes, 4);
  std::memcpy(bytes + 4, &checksum, 4);
  bytes[8] = static_cast<char>(type);
  out.append(bytes, sizeof bytes);
}

std::filesystem::path segment_path(const std::filesystem::path& dir, std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return dir / digits.append(kSuffix);
}

Result<std::vector<std::uint64_t>> list_segments(const std::filesystem::path& dir) {
  std::vector<std::uint64_t> numbers;
  const Status listed = for_each_name(dir, [&](std::string_view name) {
    if (const auto number = number_of(name)) numbers.push_back(*number);
  });
  if (!listed.ok()) return listed;
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<std::uint64_t> last_used_number(const std::filesystem::path& dir) {
  std::uint64_t last = 0;
  const Status listed = for_each_name(dir, [&](std::string_view name) {
    if (name.ends_with(kLostSuffix)) name.remove_suffix(kLostSuffix.size());
    last = std::max(last, number_of(name).value_or(0));
  });
  if (!listed.ok()) return listed;
  return last;
}

Status file_error(std::string_view doing, const std::filesystem::path& path, int error) {
  return Status(Code::Unavailable, "cannot " + std::string(doing) + " " + path.string() + ": " +
                                       std::generic_category().message(error) + " (errno " +
                                       std::to_string(error) + ")");
}

Status sync_directory(const std::filesystem::path& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return file_error("open", dir, errno);
  const int failed = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  return failed == 0 ? Status() : file_error("sync", dir, failed);
}

}  // namespace silverback::storage
