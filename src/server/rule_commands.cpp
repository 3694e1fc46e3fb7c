#include "server/rule_commands.h"

#include <cstdio>

#include "alerting/unit_test.h"
#include "base/log.h"

namespace silverback::server {

int test_rules(const std::vector<std::string>& paths) {
  configure_log(LogLevel::Error, LogFormat::Logfmt);  // what fails stands in the report
  int code = 0;
  for (const std::string& path : paths) {
    std::printf("Unit Testing:  %s\n", path.c_str());
    std::fflush(stdout);
    const alerting::UnitTestReport report = alerting::run_unit_test_file(path);
    for (const std::string& warning : report.warnings) std::fprintf(stderr, "%s\n", warning.c_str());
    if (report.failures.empty()) {
      std::printf("  SUCCESS\n");
    } else {
      code = 1;
      std::fprintf(stderr, "  FAILED:\n");
      for (const std::string& failure : report.failures) {
        std::fprintf(stderr, "%s\n", failure.c_str());
        std::printf("\n");
        std::fflush(stdout);
      }
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  return code;
}

}  // namespace silverback::server
