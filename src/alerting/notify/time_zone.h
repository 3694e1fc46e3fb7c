// Time zones by their IANA names. For .cpp files: it brings Abseil's header along.
//
// Threads: any.
#pragma once

#include <absl/time/time.h>

#include <optional>
#include <string>

namespace silverback::notify {

/// Go's names, of which the library knows more than we want to offer: files, fixed offsets, libc's own.
inline std::optional<absl::TimeZone> find_zone(const std::string& name) {
  if (name.empty() || name == "UTC") return absl::UTCTimeZone();
  if (name == "Local") return absl::LocalTimeZone();
  absl::TimeZone zone;
  const bool plain = !name.starts_with('/') && name.find("..") == name.npos &&
                     name.find_first_of(":\\") == name.npos && !name.starts_with("Fixed/");
  if (!plain || !absl::LoadTimeZone(name, &zone)) return {};
  return zone;
}

}  // namespace silverback::notify
