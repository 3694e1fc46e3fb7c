#include "server/settings.h"

#include <gtest/gtest.h>

#include <set>

namespace silverback::server {
namespace {

TEST(Settings, EveryDefaultOfTheTableIsAValidValueAndReadsBackAsItself) {
  Settings settings;
  for (const Setting& setting : all_settings()) {
    SCOPED_TRACE(setting.name);
    const Status assigned = assign(settings, setting, setting.fallback);
    ASSERT_TRUE(assigned.ok()) << assigned.message();
    EXPECT_EQ(text_of(settings, setting), setting.fallback);
  }
}

TEST(Settings, NamesAreUniqueAndSectionsStandTogether) {
  std::set<std::string> names;
  std::set<std::string_view> closed;
  std::string_view section = "config";
  for (const Setting& setting : all_settings()) {
    EXPECT_TRUE(names.insert(environment_name(setting)).second) << setting.name;
    EXPECT_FALSE(setting.help.empty()) << setting.name;
    const std::string_view own = setting.name.substr(0, setting.name.find('.'));
    if (own != section) {
      EXPECT_TRUE(closed.insert(section).second);
      EXPECT_FALSE(closed.contains(own)) << setting.name;
      section = own;
    }
  }
}

TEST(Settings, EnvironmentNamesAreUpperCaseWithUnderscores) {
  EXPECT_EQ(environment_name(*find_setting("storage.wal-sync")), "SILVERBACK_STORAGE_WAL_SYNC");
  EXPECT_EQ(environment_name(*find_setting("enable-feature")), "SILVERBACK_ENABLE_FEATURE");
}

TEST(Settings, RefusesWhatIsWrongInWords) {
  constexpr struct {
    std::string_view name, text, says;
  } kCases[] = {
      {"storage.retention", "15 days", "not a valid duration"},
      {"storage.wal-sync", "alway", "\"alway\" is not one of write, interval, always (did you mean always?)"},
      {"storage.wal-sync-interval", "1ms", "1ms is out of range (from 10ms to 10m)"},
      {"storage.head-memory", "2", "it needs a unit"},
      {"storage.head-memory", "1MiB", "out of range (from 16MiB to 4TiB)"},
      {"storage.max-series", "-1", "not a whole number"},
      {"storage.max-series", "1e6", "not a whole number"},
      {"storage.max-series", "5000000000", "out of range"},
      {"storage.path", "", "must not be empty"},
      {"storage.salvage-wal", "yes", "neither true nor false"},
      {"web.listen-address", "9428", "it has no port"},
      {"web.route-prefix", "sub", "begins with a slash"},
      {"enable-feature", "promql-experimental-function", "did you mean promql-experimental-functions?"},
      {"log.level", "INFO", "is not one of debug, info, warn, error"}};
  for (const auto& [name, text, says] : kCases) {
    SCOPED_TRACE(name);
    Settings settings = default_settings();

    const Status assigned = assign(settings, *find_setting(name), text);

    EXPECT_EQ(assigned.code(), Code::InvalidArgument);
    EXPECT_NE(assigned.message().find(says), std::string_view::npos) << assigned.message();
    EXPECT_EQ(text_of(settings, *find_setting(name)), text_of(default_settings(), *find_setting(name)));
  }
}

TEST(Settings, SuggestsTheNearestName) {
  EXPECT_EQ(suggest_setting("storage.pth"), " (did you mean storage.path?)");
  EXPECT_EQ(suggest_setting("retention"), " (did you mean storage.retention?)");
  EXPECT_EQ(suggest_setting("web.listen-adress"), " (did you mean web.listen-address?)");
  EXPECT_EQ(suggest_setting("completely.different"), "");
  EXPECT_EQ(suggest_setting(std::string(10'000, 'x')), "");
}

}  // namespace
}  // namespace silverback::server
