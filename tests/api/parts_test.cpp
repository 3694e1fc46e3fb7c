// The parts below the server: gate, crew, bodies, gzip, JSON.
#include <gtest/gtest.h>
#include <zlib.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "api/body_buffer.h"
#include "api/crew.h"
#include "api/gate.h"
#include "api/gzip.h"
#include "api/json.h"

namespace silverback::api {
namespace {

TEST(Gate, LetsInFirstComeFirstServed) {
  Gate gate(1, 2);
  std::string told;
  ASSERT_TRUE(gate.try_enter());
  EXPECT_FALSE(gate.try_enter());
  ASSERT_TRUE(gate.wait(100, [&](bool in) { told += in ? "a+" : "a-"; }));
  ASSERT_TRUE(gate.wait(200, [&](bool in) { told += in ? "b+" : "b-"; }));
  EXPECT_FALSE(gate.wait(300, [](bool) { FAIL(); })) << "two wait already";

  gate.expire(150);
  EXPECT_EQ(told, "a-");
  gate.leave();
  EXPECT_EQ(told, "a-b+");
  EXPECT_EQ(gate.inside(), 1U);
  gate.leave();
  EXPECT_EQ(gate.inside(), 0U);
}

TEST(Gate, SendsEverybodyAwayWhenItCloses) {
  Gate gate(1, 2);
  ASSERT_TRUE(gate.try_enter());
  int sent_away = 0;
  ASSERT_TRUE(gate.wait(100, [&](bool in) { sent_away += in ? 0 : 1; }));

  gate.close();

  EXPECT_EQ(sent_away, 1);
  gate.leave();
  EXPECT_FALSE(gate.try_enter());
  EXPECT_FALSE(gate.wait(100, [](bool) { FAIL(); }));
}

// Work arrives one piece at a time at whoever leads; every piece takes a while.
TEST(Crew, AlwaysHasALeaderWhileOthersWork) {
  std::mutex mutex;
  std::atomic<int> leaders{0};
  std::atomic<int> most_leaders{0};
  std::atomic<int> working{0};
  std::atomic<int> most_working{0};
  int left = 200;
  Crew* self = nullptr;
  Crew crew([&] {
    const int now = ++leaders;
    most_leaders = std::max(most_leaders.load(), now);
    {
      const std::lock_guard lock(mutex);
      if (left == 0) {
        --leaders;
        return false;
      }
      --left;
    }
    --leaders;
    self->step_down();
    most_working = std::max(most_working.load(), ++working);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    --working;
    return true;
  });
  self = &crew;

  crew.start(4);
  while (true) {
    const std::lock_guard lock(mutex);
    if (left == 0) break;
  }

  EXPECT_EQ(most_leaders, 1);
  EXPECT_GT(most_working, 1);
}

TEST(BodyBuffer, GrowsWithWhatArrivesAndKeepsToTheBudget) {
  BodyPool pool(200'000);
  auto buffer = pool.take();

  EXPECT_EQ(buffer.room(1'000'000).size(), 65'536U) << "not what was announced";
  buffer.filled(65'536);
  EXPECT_EQ(buffer.room(1'000'000).size(), 65'536U);
  EXPECT_EQ(pool.used_bytes(), 131'072U);
  buffer.filled(65'536);
  EXPECT_TRUE(buffer.room(1'000'000).empty());
  auto other = pool.take();
  EXPECT_TRUE(other.append("abc"));
  EXPECT_EQ(other.view(), "abc");
  buffer.release();
  EXPECT_EQ(pool.used_bytes(), 65'536U);
  other.release();
  EXPECT_EQ(pool.used_bytes(), 0U);
}

TEST(BodyBuffer, IsHandedOutAgain) {
  BodyPool pool(1 << 20);
  auto first = pool.take();
  const char* data = first.room(100'000).data();
  first.release();

  auto second = pool.take();

  EXPECT_EQ(second.size(), 0U);
  EXPECT_EQ(second.room(100'000).data(), data);
}

std::string gunzip(const std::string& packed, std::size_t size) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 31), Z_OK);
  std::string out(size + 1, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  inflateEnd(&stream);
  return out;
}

TEST(Gzip, ReadsBackWholeAndStreamed) {
  std::mt19937 random(1);
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(random() % 1000) + ",";

  std::string whole = text;
  ASSERT_TRUE(gzip_in_place(whole));
  EXPECT_EQ(gunzip(whole, text.size()), text);

  GzipStream stream;
  std::string packed;
  for (std::size_t at = 0; at < text.size(); at += 30'000)
    stream.add(std::string_view(text).substr(at, 30'000), false, packed);
  stream.add("end", true, packed);
  EXPECT_EQ(gunzip(packed, text.size() + 3), text + "end");
}

TEST(Gzip, LeavesAloneWhatDoesNotGetShorter) {
  std::mt19937 random(1);
  std::string noise;
  for (int i = 0; i < 2000; ++i) noise += static_cast<char>(random());
  const std::string before = noise;

  EXPECT_FALSE(gzip_in_place(noise));
  EXPECT_EQ(noise, before);
}

TEST(Gzip, ReadsAcceptEncoding) {
  for (const char* yes : {"gzip", "deflate, gzip", "GZIP", "gzip;q=0.1", "br;q=1, gzip ; q=1.0", "*",
                          "x-gzip", "*;q=0, gzip"}) {
    EXPECT_TRUE(accepts_gzip(yes)) << yes;
  }
  for (const char* no :
       {"", "identity", "gzip;q=0", "gzip;q=0.000", "deflate", "br", "*;q=0", "gzip;q=0, *", "gzipped"}) {
    EXPECT_FALSE(accepts_gzip(no)) << no;
  }
}

TEST(Json, EscapesWhatMustBeAndReplacesWhatIsNotUtf8) {
  struct Case {
    std::string text;
    std::string json;
  };
  const Case cases[] = {
      {"", R"("")"},
      {"plain text", R"("plain text")"},
      {"a\"b\\c\nd\te\rf", R"("a\"b\\c\nd\te\rf")"},
      {std::string("\x00\x1f\x7f", 3), R"("\u0000\u001f\u007f")"},
      {"<&>", R"("\u003c\u0026\u003e")"},
      {"Z\xc3\xbcrich \xf0\x9f\x98\x80", "\"Z\xc3\xbcrich \xf0\x9f\x98\x80\""},
      {"\xe2\x80\xa8\xe2\x80\xa9", R"("\u2028\u2029")"},
      {"a\xff\xfe", "\"a\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xf4\x90\x80\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
  };
  for (const Case& one : cases) {
    std::string out;
    append_json_string(out, one.text);
    EXPECT_EQ(out, one.json);
  }
}

}  // namespace
}  // namespace silverback::api
