// Version: which build this is. The revision is written at build time by cmake/version.cmake.
#pragma once

#include <string>

#include "api/api_context.h"

namespace silverback::server {

api::BuildInfo build_info();

/// "silverback 0.1.0 (revision 1a2b3c4, built with g++ 12.2.0)"
std::string version_text();

}  // namespace silverback::server
