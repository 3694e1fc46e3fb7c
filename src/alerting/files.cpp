#include "alerting/files.h"

#include <glob.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>

namespace silverback::alerting {
namespace {

constexpr std::size_t kMaxFile = std::size_t{16} << 20;

}  // namespace

Result<std::vector<std::string>> matching_files(const std::vector<std::string>& patterns) {
  std::vector<std::string> files;
  for (const std::string& pattern : patterns) {
    glob_t found{};
    const int code = glob(pattern.c_str(), 0, nullptr, &found);
    for (std::size_t i = 0; i < found.gl_pathc; ++i) files.emplace_back(found.gl_pathv[i]);
    globfree(&found);
    if (code == GLOB_NOMATCH && pattern.find_first_of("*?[") == pattern.npos) {
      return Status(Code::NotFound, "rule_files: there is no file " + pattern);
    }
    if (code != 0 && code != GLOB_NOMATCH)
      return Status(Code::Unavailable, "rule_files: " + pattern + " cannot be read");
  }
  std::set<std::string> seen;
  std::erase_if(files, [&](const std::string& file) { return !seen.insert(file).second; });
  return files;
}

Result<std::string> read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status(Code::NotFound, path + ": " + std::strerror(errno));
  std::string text;
  std::array<char, std::size_t{16} << 10> part;
  while (text.size() <= kMaxFile && file) {
    file.read(part.data(), part.size());
    text.append(part.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (text.size() > kMaxFile) return Status(Code::InvalidArgument, path + ": larger than 16 MiB");
  return text;
}

}  // namespace silverback::alerting
