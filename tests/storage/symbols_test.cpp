#include "storage/symbols.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

namespace silverback::storage {
namespace {

TEST(Symbols, NumbersAreDenseAndTextsStay) {
  Symbols symbols;
  std::vector<std::string_view> views;
  for (int i = 0; i < 50'000; ++i) {
    const std::string text =
        "symbol " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 300), 'x');
    EXPECT_EQ(symbols.intern(text), static_cast<std::uint32_t>(i));
    views.push_back(symbols.get(static_cast<std::uint32_t>(i)));
  }
  for (int i = 0; i < 50'000; ++i) {
    const std::string text =
        "symbol " + std::to_string(i) + std::string(static_cast<std::size_t>(i % 300), 'x');
    ASSERT_EQ(symbols.find(text), static_cast<std::uint32_t>(i));
    ASSERT_EQ(symbols.intern(text), static_cast<std::uint32_t>(i));
    ASSERT_EQ(views[static_cast<std::size_t>(i)], text);
  }
  EXPECT_EQ(symbols.find("never seen"), Symbols::kNone);
  EXPECT_EQ(symbols.size(), 50'000u);
}

TEST(Symbols, AnyBytesAndAnySize) {
  Symbols symbols;
  const std::string texts[] = {"",         std::string(1, '\0'),  std::string(200'000, 'L'),
                               "\xff\xfe", std::string(127, 'a'), std::string(128, 'a')};
  for (const std::string& text : texts) symbols.intern(text);
  for (std::uint32_t i = 0; i < 6; ++i) EXPECT_EQ(symbols.get(i), texts[i]);
}

TEST(TagTable, FindsWhatIsThereThroughGrowthAndErasure) {
  std::mt19937 random(3);
  TagTable table;
  std::multimap<std::uint32_t, std::uint32_t> model;
  for (std::uint32_t step = 0; step < 20'000; ++step) {
    const auto number = static_cast<std::uint32_t>(random());
    const std::uint32_t tag = number % 3 == 0 ? 0xffff'ffff - number % 5 : number << (random() % 20);
    if (random() % 3 != 0 || model.empty()) {
      table.insert(tag, step);
      model.emplace(tag, step);
    } else {
      auto victim = model.lower_bound(tag);
      if (victim == model.end()) victim = model.begin();
      EXPECT_TRUE(table.erase(victim->first, victim->second));
      EXPECT_FALSE(table.erase(victim->first, victim->second));
      model.erase(victim);
    }
    EXPECT_EQ(table.size(), model.size());
  }
  for (const auto& [tag, id] : model) {
    const std::uint32_t wanted = id;
    EXPECT_EQ(table.find(tag, [&](std::uint32_t candidate) { return candidate == wanted; }), id);
  }
}

}  // namespace
}  // namespace silverback::storage
