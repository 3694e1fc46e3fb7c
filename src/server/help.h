// Texts made from the table of settings: --help, config/silverback.yml and the table in
// docs/configuration.md.
#pragma once

#include <string>

namespace silverback::server {

std::string help_text();

/// The part of docs/configuration.md between its two markers; a test compares them.
std::string settings_markdown();

/// config/silverback.yml: every setting with its default and what it does; a test compares them.
std::string example_config();

}  // namespace silverback::server
