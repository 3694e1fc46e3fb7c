#include "server/configuration.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "server/config_file.h"
#include "server/help.h"
#include "server/options.h"

namespace silverback::server {
namespace {

class ConfigurationTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "silverback-config-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string file(std::string_view text) const {
    const std::string path = (directory_ / "silverback.yml").string();
    std::ofstream(path) << text;
    return path;
  }
  static Assignment set(std::string_view name, std::string value) {
    return {find_setting(name), std::move(value), "--" + std::string(name)};
  }

  std::filesystem::path directory_;
};

TEST_F(ConfigurationTest, AFlagWinsOverTheEnvironmentThatOverTheFileThatOverTheDefault) {
  const std::string path = file("storage: {path: from-file, retention: 1d, wal-sync: write}\n");
  Sources sources{.flags = {set("config.file", path), set("storage.path", "from-flag")},
                  .environment = {set("storage.path", "from-environment"), set("storage.retention", "2d")}};

  const auto settings = load_settings(sources);

  ASSERT_TRUE(settings) << settings.status().message();
  EXPECT_EQ(settings->storage_path, "from-flag");
  EXPECT_EQ(settings->retention, std::chrono::hours(48));
  EXPECT_EQ(settings->wal_sync, "write");
  EXPECT_EQ(settings->listen_address, ":9428");
}

TEST_F(ConfigurationTest, AllProblemsAreToldALineEach) {
  const std::string path = file("storage:\n  retention: soon\n  pth: x\n");
  const Sources sources{.flags = {set("config.file", path), set("log.level", "loud")}, .environment = {}};

  const auto settings = load_settings(sources);

  ASSERT_FALSE(settings);
  const std::string text(settings.status().message());
  EXPECT_NE(text.find(path + ":3: unknown setting storage.pth"), std::string::npos) << text;
  EXPECT_NE(text.find(path + ":2: storage.retention: not a valid duration"), std::string::npos) << text;
  EXPECT_NE(text.find("--log.level: \"loud\" is not one of"), std::string::npos) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
}

TEST_F(ConfigurationTest, AMissingFileIsAnError) {
  const Sources sources{.flags = {set("config.file", "/nonexistent.yml")}, .environment = {}};
  EXPECT_EQ(load_settings(sources).status().message(),
            "/nonexistent.yml: cannot be read: No such file or directory");
}

TEST_F(ConfigurationTest, WhatIsInForceReadsBackAsItself) {
  Settings settings = default_settings();
  settings.storage_path = "odd \"path\" with \\ and #";
  settings.retention = std::chrono::hours(36);

  const std::string path = file(to_yaml(settings));
  const auto again = load_settings({.flags = {set("config.file", path)}, .environment = {}});

  ASSERT_TRUE(again) << again.status().message();
  EXPECT_EQ(changed_settings(settings, *again), std::vector<std::string>{"config.file"});
}

TEST_F(ConfigurationTest, TheFileThatComesWithUsIsMadeFromTheTable) {
  const std::string path = std::string(SILVERBACK_SOURCE_DIR) + "/config/silverback.yml";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << example_config();

  EXPECT_EQ(*read_config_file(path), example_config()) << "UPDATE_GOLDEN=1 rewrites the file";
}

TEST_F(ConfigurationTest, SectionsOfPrometheusAndAlertmanagerAreToldWhereTheyBelong) {
  const std::string path = testing::TempDir() + "sections.yml";
  std::ofstream(path) << "scrape_configs: []\nremote_write: []\nalerts: []\nroute: {receiver: a}\n";
  const auto found = check_config_file(path);
  ASSERT_FALSE(found);
  for (const std::string_view text :
       {":1: unknown setting scrape_configs; it does not scrape",
        ":2: unknown setting remote_write; this server",
        ":3: unknown setting alerts; rules stand in files that rule_files names",
        ":4: unknown setting route; an Alertmanager's configuration stands under notifications"}) {
    EXPECT_NE(found.status().message().find(text), std::string_view::npos) << found.status().message();
  }
}

TEST_F(ConfigurationTest, TheFileThatComesWithUsIsGoodAndSpellsOutTheDefaults) {
  const std::string path = std::string(SILVERBACK_SOURCE_DIR) + "/config/silverback.yml";

  const auto found = check_config_file(path);
  const auto settings = load_settings({.flags = {set("config.file", path)}, .environment = {}});

  ASSERT_TRUE(found) << found.status().message();
  std::size_t in_file = 0;
  for (const Setting& setting : all_settings()) in_file += setting.in_file ? 1 : 0;
  EXPECT_EQ(*found, std::to_string(in_file) + " settings") << "config/silverback.yml names every setting";
  EXPECT_EQ(changed_settings(default_settings(), *settings), std::vector<std::string>{"config.file"});
}

TEST_F(ConfigurationTest, TheDocumentationHoldsTheTable) {
  const std::string path = std::string(SILVERBACK_SOURCE_DIR) + "/docs/configuration.md";
  std::ifstream stream(path);
  std::string page{std::istreambuf_iterator<char>(stream), {}};
  const std::string begin = "<!-- table of settings -->\n";
  const std::string end = "<!-- end of the table -->";
  const std::size_t from = page.find(begin);
  const std::size_t to = page.find(end);
  ASSERT_NE(from, std::string::npos) << path;
  ASSERT_NE(to, std::string::npos) << path;
  const std::size_t inner = from + begin.size();

  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    page.replace(inner, to - inner, settings_markdown());
    std::ofstream(path) << page;
    return;
  }
  EXPECT_EQ(page.substr(inner, to - inner), settings_markdown()) << "UPDATE_GOLDEN=1 rewrites the page";
}

TEST(Help, NamesEverySettingAndStaysNarrow) {
  const std::string text = help_text();
  for (const Setting& setting : all_settings()) {
    EXPECT_NE(text.find("--" + std::string(setting.name)), std::string::npos) << setting.name;
  }
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    EXPECT_LE(end - begin, 110U) << text.substr(begin, end - begin);
    begin = end + 1;
  }
}

TEST(Options, DefaultsAgreeWithTheRoomsOwn) {
  const Settings settings = default_settings();
  const storage::TsdbOptions tsdb = tsdb_options(settings);
  const storage::TsdbOptions plain;
  EXPECT_EQ(tsdb.wal_sync, plain.wal_sync);
  EXPECT_EQ(tsdb.retention, plain.retention);
  EXPECT_EQ(tsdb.head_memory_bytes, plain.head_memory_bytes);
  EXPECT_EQ(tsdb.checkpoint_wal_bytes, plain.checkpoint_wal_bytes);
  EXPECT_EQ(tsdb.block_cache_bytes, plain.block_cache_bytes);
  const api::HttpOptions http = http_options(settings);
  EXPECT_EQ(http.max_body_bytes, api::HttpOptions{}.max_body_bytes);
  EXPECT_EQ(http.idle_timeout, api::HttpOptions{}.idle_timeout);
  EXPECT_EQ(engine_options(settings).lookback_ms, query::EngineOptions{}.lookback_ms);
}

}  // namespace
}  // namespace silverback::server
