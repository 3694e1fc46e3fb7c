#include "server/command_line.h"

#include <gtest/gtest.h>

#include "server/environment.h"
#include "server/settings.h"

namespace silverback::server {
namespace {

Result<CommandLine> parse(std::initializer_list<const char*> arguments) {
  return parse_command_line({arguments.begin(), arguments.size()});
}

std::string message(std::initializer_list<const char*> arguments) {
  return std::string(parse(arguments).status().message());
}

TEST(CommandLine, TakesFlagsWithAndWithoutAnEqualsSign) {
  const auto line = parse({"serve", "--storage.path=/a=b", "--web.listen-address", ":1",
                           "--storage.salvage-wal", "--no-web.enable-lifecycle"});

  ASSERT_TRUE(line) << line.status().message();
  EXPECT_EQ(line->command, Command::Serve);
  ASSERT_EQ(line->flags.size(), 4U);
  EXPECT_EQ(line->flags[0].value, "/a=b");
  EXPECT_EQ(line->flags[1].value, ":1");
  EXPECT_EQ(line->flags[2].value, "true");
  EXPECT_EQ(line->flags[3].setting->name, "web.enable-lifecycle");
  EXPECT_EQ(line->flags[3].value, "false");
}

TEST(CommandLine, ServesWithoutAnyArgument) {
  EXPECT_EQ(parse({})->command, Command::Serve);
  EXPECT_EQ(parse({"--log.level=debug"})->command, Command::Serve);
}

TEST(CommandLine, LaterFlagsWinAndListsGrow) {
  const auto line =
      parse({"--log.level=debug", "--log.level=warn", "--enable-feature=a", "--enable-feature=b,c"});

  ASSERT_TRUE(line);
  ASSERT_EQ(line->flags.size(), 2U);
  EXPECT_EQ(line->flags[0].value, "warn");
  EXPECT_EQ(line->flags[1].value, "a,b,c");
}

TEST(CommandLine, KnowsItsCommands) {
  EXPECT_EQ(parse({"version"})->command, Command::Version);
  EXPECT_EQ(parse({"--version"})->command, Command::Version);
  EXPECT_EQ(parse({"--nonsense-after", "--help"}).status().code(), Code::InvalidArgument);
  EXPECT_EQ(parse({"--help", "--nonsense"})->command, Command::Help);
  EXPECT_EQ(parse({"-h"})->command, Command::Help);
  const auto check = parse({"check", "config", "a.yml"});
  EXPECT_EQ(check->command, Command::CheckConfig);
  EXPECT_EQ(check->files.front(), "a.yml");
  const auto test = parse({"rules", "test", "a.yml", "b.yml", "c.yml"});
  EXPECT_EQ(test->command, Command::TestRules);
  const auto replay =
      parse({"rules", "replay", "--from=1", "--to", "2", "--write", "--storage.path=x", "a.yml"});
  EXPECT_EQ(replay->command, Command::ReplayRules);
  EXPECT_EQ(replay->options,
            (std::map<std::string, std::string>{{"from", "1"}, {"to", "2"}, {"write", "true"}}));
  EXPECT_EQ(replay->flags.size(), 1U);
  EXPECT_TRUE(message({"rules", "test", "--from=1", "a.yml"}).starts_with("unknown flag --from"));
  EXPECT_EQ(test->files, (std::vector<std::string>{"a.yml", "b.yml", "c.yml"}));
}

TEST(CommandLine, SaysWhatItDoesNotUnderstand) {
  EXPECT_TRUE(
      message({"--storage.pth=x"}).starts_with("unknown flag --storage.pth (did you mean storage.path?)"));
  EXPECT_TRUE(
      message({"-storage.path=x"}).starts_with("unknown flag -storage.path=x (flags begin with two dashes)"));
  EXPECT_TRUE(message({"--storage.path"}).starts_with("--storage.path needs a value"));
  EXPECT_TRUE(message({"--no-storage.path"}).starts_with("unknown flag --no-storage.path"));
  EXPECT_TRUE(
      message({"--no-storage.salvage-wal=true"}).starts_with("--no-storage.salvage-wal takes no value"));
  EXPECT_TRUE(message({"sevre"}).starts_with("unknown command \"sevre\" (did you mean serve?)"));
  EXPECT_TRUE(message({"serve", "twice"}).starts_with("unexpected argument \"twice\""));
  EXPECT_TRUE(message({"check", "config"}).starts_with("write it as: silverback check config FILE"));
  EXPECT_TRUE(message({"rules"}).starts_with("write it as: silverback rules test FILE"));
  EXPECT_TRUE(message({"a", "b", "c", "d"}).starts_with("unexpected argument \"d\""));
  EXPECT_TRUE(message({""}).starts_with("unknown command \"\""));
}

TEST(Environment, ReadsItsOwnVariablesAndWarnsOfNearOnes) {
  const char* const variables[] = {"PATH=/bin",
                                   "SILVERBACK_STORAGE_PATH=/data",
                                   "SILVERBACK_STORAGE_PTH=/typo",
                                   "SILVERBACK_PORT=tcp://10.0.0.1:80",
                                   "SILVERBACK_SERVICE_HOST=10.0.0.1",
                                   "SILVERBACK_NOEQUALS",
                                   nullptr};

  const Environment environment = read_environment(variables);

  ASSERT_EQ(environment.assignments.size(), 1U);
  EXPECT_EQ(environment.assignments[0].setting->name, "storage.path");
  EXPECT_EQ(environment.assignments[0].value, "/data");
  ASSERT_EQ(environment.warnings.size(), 1U);
  EXPECT_EQ(environment.warnings[0], "SILVERBACK_STORAGE_PTH is not a setting (did you mean STORAGE_PATH?)");
}

}  // namespace
}  // namespace silverback::server
