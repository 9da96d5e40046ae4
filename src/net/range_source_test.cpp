#include "net/range_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <numeric>
#include <thread>

#include "net/content_range.hpp"
#include "net/errors.hpp"
#include "net/fake_server.hpp"

namespace aloft::net {
namespace {

using std::chrono::milliseconds;

std::string random_text(std::size_t size) {
  std::string text(size, '\0');
  SeededRandom(7).fill(std::as_writable_bytes(std::span(text)));
  return text;
}

// What a server with ranges sends of it for "bytes=A-B", or for "bytes=A-".
Answer part_answer(const Received& received, const std::string& content) {
  const std::string range = received.header("Range").value_or("");
  const auto dash = range.find('-');
  if (dash == std::string::npos) return {.headers = {"ETag: \"1\""}, .body = content};
  const std::size_t first = std::stoul(range.substr(6));
  const std::size_t end =
      dash + 1 < range.size() ? std::min<std::size_t>(std::stoul(range.substr(dash + 1)) + 1, content.size()) : content.size();
  const std::string place = std::to_string(first) + "-" + std::to_string(end - 1) + "/" + std::to_string(content.size());
  return {.status = 206, .headers = {"ETag: \"1\"", "Content-Range: bytes " + place}, .body = content.substr(first, end - first)};
}

// The file as a server with ranges answers for it.
Answer file_answer(const Received& received, const std::string& content, const std::string& etag = "\"1\"") {
  const auto range = received.header("Range");
  const auto condition = received.header("If-Range");
  if (!range || (condition && *condition != etag)) return {.headers = {"ETag: " + etag}, .body = content};
  const std::size_t first = std::stoul(range->substr(range->find('=') + 1));
  if (first >= content.size()) return {.status = 416};
  const std::string place = std::to_string(first) + "-" + std::to_string(content.size() - 1) + "/" + std::to_string(content.size());
  return {.status = 206, .headers = {"ETag: " + etag, "Content-Range: bytes " + place}, .body = content.substr(first)};
}

class RangeSourceTest : public testing::Test {
 protected:
  std::unique_ptr<RangeSource> open(const std::string& url) {
    RangeSourceOptions options = options_;
    options.sleep = [this](milliseconds time) -> Result<> {
      delays_.push_back(time);
      clock_.advance(time);
      return {};
    };
    return RangeSource::create(url, options, clock_, random_).value();
  }
  static Result<std::string> read(RangeSource& source, std::uint64_t offset, std::size_t size) {
    std::string text(size, '\0');
    text.resize(TRY(source.read_at(offset, std::as_writable_bytes(std::span(text)))));
    return text;
  }
  // The whole file in pieces.
  static Result<std::string> read_all(RangeSource& source, std::size_t piece) {
    std::string all;
    for (;;) {
      const std::string text = TRY(read(source, all.size(), piece));
      all += text;
      if (text.size() < piece) return all;
    }
  }
  static std::string name_of(const auto& result) { return result ? "no error" : std::string(result.error().code.name); }

  const std::string content_ = random_text(1'000'000);
  RangeSourceOptions options_;
  FakeClock clock_;
  SeededRandom random_{1};
  std::vector<milliseconds> delays_;
};

TEST_F(RangeSourceTest, StreamsTheWholeFileWithOneRequest) {
  FakeServer server([&](const Received& received) { return file_answer(received, content_); });
  for (const std::size_t piece : {1'000U, 65'536U, 999'999U, 1'000'000U, 2'000'000U}) {
    auto source = open(server.url());
    EXPECT_EQ(read_all(*source, piece).value(), content_) << piece;
    EXPECT_EQ(source->requests(), 1U) << piece;
    EXPECT_EQ(source->size_bytes(), content_.size());
  }
}

TEST_F(RangeSourceTest, AnEmptyFileIsRead) {
  FakeServer server([&](const Received& received) { return file_answer(received, ""); });
  EXPECT_EQ(read_all(*open(server.url()), 100).value(), "");
}

TEST_F(RangeSourceTest, JumpsByRangeAndReadsThroughSmallGaps) {
  FakeServer server([&](const Received& received) { return file_answer(received, content_); });
  auto source = open(server.url());
  EXPECT_EQ(read(*source, 10, 20).value(), content_.substr(10, 20));
  EXPECT_EQ(read(*source, 50'000, 20).value(), content_.substr(50'000, 20));
  EXPECT_EQ(source->requests(), 1U);
  EXPECT_EQ(read(*source, 900'000, 20).value(), content_.substr(900'000, 20));
  EXPECT_EQ(read(*source, 5, 20).value(), content_.substr(5, 20));
  EXPECT_EQ(source->requests(), 3U);
  EXPECT_EQ(read(*source, 999'990, 20).value(), content_.substr(999'990));
  EXPECT_EQ(read(*source, 1'000'000, 20).value(), "");
  EXPECT_EQ(read(*source, 1'000'010, 20).value(), "");
}

TEST_F(RangeSourceTest, AsksForNoByteBeyondWhatIsExpected) {
  std::vector<std::string> asked;
  FakeServer server([&](const Received& received) {
    asked.push_back(received.header("Range").value_or("all"));
    Answer answer = file_answer(received, content_);
    const auto last = asked.back().substr(asked.back().find('-') + 1);
    if (last.empty() || answer.status != 206) return answer;
    const std::size_t first = std::stoul(asked.back().substr(6));
    const std::size_t end = std::min<std::size_t>(std::stoul(last) + 1, content_.size());
    answer.headers[1] = "Content-Range: bytes " + std::to_string(first) + "-" + std::to_string(end - 1) + "/1000000";
    answer.body.resize(end - first);
    if (first == 64 && asked.size() == 2) answer.break_after = 1'000;
    return answer;
  });
  auto source = open(server.url());
  source->expect(64);
  EXPECT_EQ(read(*source, 0, 64).value(), content_.substr(0, 64));
  source->expect(300'000);
  EXPECT_EQ(read(*source, 64, 200'000).value(), content_.substr(64, 200'000));
  EXPECT_EQ(read(*source, 200'064, 99'936).value(), content_.substr(200'064, 99'936));
  source->expect(2'000'000);
  EXPECT_EQ(read(*source, 990'000, 20'000).value(), content_.substr(990'000));
  source->expect(bundle::kNoEnd);
  EXPECT_EQ(read(*source, 300'000, 50).value(), content_.substr(300'000, 50));
  EXPECT_THAT(asked, testing::ElementsAre("bytes=0-63", "bytes=64-299999", "bytes=1064-299999", "bytes=990000-1999999", "bytes=300000-"));
}

// Runs of a size and a distance that change, so that none looks like another.
std::vector<ByteRun> some_runs() {
  std::vector<ByteRun> runs;
  for (std::uint64_t begin = 1'000, i = 0; i < 20; ++i, begin += 40'000 + 777 * i) runs.push_back({begin, begin + 3'000 + 1'111 * i});
  return runs;
}

TEST_F(RangeSourceTest, AsksForSeveralRunsAtOnce) {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> asked;
  FakeServer server([&](const Received& received) {
    std::unique_lock lock(mutex);
    asked.push_back(received.header("Range").value_or("all"));
    changed.notify_all();
    // The first is not answered before all that may be under way have come.
    if (asked.size() < kInFlight) changed.wait_for(lock, std::chrono::seconds(20), [&] { return asked.size() >= kInFlight; });
    return part_answer(received, content_);
  });
  auto source = open(server.url());
  const auto runs = some_runs();
  source->plan(runs);
  for (const ByteRun& run : runs) {
    EXPECT_EQ(read(*source, run.begin, 1'000).value(), content_.substr(run.begin, 1'000));
    EXPECT_EQ(read(*source, run.begin + 1'000, run.end - run.begin - 1'000).value(),
              content_.substr(run.begin + 1'000, run.end - run.begin - 1'000));
  }
  std::vector<std::string> expected;
  for (const ByteRun& run : runs) expected.push_back("bytes=" + std::to_string(run.begin) + "-" + std::to_string(run.end - 1));
  EXPECT_THAT(asked, testing::UnorderedElementsAreArray(expected)) << "each byte once";
  EXPECT_EQ(source->received_bytes(), std::accumulate(runs.begin(), runs.end(), std::uint64_t{0},
                                                      [](std::uint64_t sum, const ByteRun& run) { return sum + run.end - run.begin; }));
  EXPECT_LE(server.connections(), kInFlight);
}

TEST_F(RangeSourceTest, ReadsOutsideOfThePlanAndAfterIt) {
  FakeServer server([&](const Received& received) { return part_answer(received, content_); });
  auto source = open(server.url());
  const auto runs = some_runs();
  source->plan(runs);
  EXPECT_EQ(read(*source, runs[0].begin, 500).value(), content_.substr(runs[0].begin, 500));
  EXPECT_EQ(read(*source, 300'000, 500).value(), content_.substr(300'000, 500)) << "in no run";
  EXPECT_EQ(read(*source, runs[1].begin, 500).value(), content_.substr(runs[1].begin, 500));
  EXPECT_EQ(read(*source, runs[9].begin + 70, 500).value(), content_.substr(runs[9].begin + 70, 500)) << "runs passed over";
  EXPECT_EQ(read(*source, runs[2].begin, 500).value(), content_.substr(runs[2].begin, 500)) << "back";
  source->plan({});
  EXPECT_EQ(read_all(*source, 65'536).value(), content_);
}

TEST_F(RangeSourceTest, EachRunIsTakenUpWhereItsConnectionBroke) {
  FakeServer server([&](const Received& received) {
    Answer answer = part_answer(received, content_);
    if (received.index % 3 != 2) answer.break_after = received.index % 3 == 0 ? 0 : answer.body.size() / 2;
    return answer;
  });
  auto source = open(server.url());
  const auto runs = some_runs();
  source->plan(runs);
  for (const ByteRun& run : runs)
    EXPECT_EQ(read(*source, run.begin, run.end - run.begin).value(), content_.substr(run.begin, run.end - run.begin));
}

TEST_F(RangeSourceTest, AServerWithoutRangesIsReadAsOneStreamWhateverIsPlanned) {
  FakeServer server([&](const Received&) { return Answer{.body = content_}; });
  auto source = open(server.url());
  const auto runs = some_runs();
  source->plan(runs);
  for (const ByteRun& run : runs)
    EXPECT_EQ(read(*source, run.begin, run.end - run.begin).value(), content_.substr(run.begin, run.end - run.begin));
  EXPECT_LE(server.requests(), kInFlight + 1);
}

TEST_F(RangeSourceTest, NoticesThatTheFileWasReplacedBetweenTwoRuns) {
  const auto runs = some_runs();
  FakeServer server([&](const Received& received) {
    Answer answer = part_answer(received, content_);
    if (std::stoul(received.header("Range").value().substr(6)) >= runs[kInFlight].begin) answer.headers[0] = "ETag: \"2\"";
    return answer;
  });
  auto source = open(server.url());
  source->plan(runs);
  std::vector<std::string> ends;
  for (const ByteRun& run : runs) ends.push_back(name_of(read(*source, run.begin, run.end - run.begin)));
  EXPECT_THAT(std::vector(ends.begin(), ends.begin() + kInFlight), testing::Each("no error"));
  EXPECT_EQ(ends[kInFlight], "content-changed");
}

TEST_F(RangeSourceTest, CancelEndsPlannedReads) {
  FakeServer server([&](const Received&) { return Answer{.status = 206, .body = "x", .stall_after = 0}; });
  auto source = open(server.url());
  source->plan(some_runs());
  auto reading = std::async(std::launch::async, [&] { return read(*source, 1'000, 10); });
  while (server.requests() == 0) std::this_thread::yield();
  source->cancel();
  EXPECT_EQ(name_of(reading.get()), "cancelled");
  source->plan(some_runs());
  EXPECT_EQ(name_of(read(*source, 1'000, 10)), "cancelled");
}

TEST_F(RangeSourceTest, AServerWithoutRangesIsReadOnWhateverIsExpected) {
  FakeServer server([&](const Received&) { return Answer{.body = content_}; });
  auto source = open(server.url());
  source->expect(64);
  EXPECT_EQ(read(*source, 0, 64).value(), content_.substr(0, 64));
  source->expect(bundle::kNoEnd);
  EXPECT_EQ(read(*source, 64, 1'000'000).value(), content_.substr(64));
  EXPECT_EQ(source->requests(), 1U);
}

TEST_F(RangeSourceTest, TakesUpWhereTheConnectionBroke) {
  std::vector<std::string> asked;
  FakeServer server([&](const Received& received) {
    asked.push_back(received.header("Range").value_or("all") + " " + received.header("If-Range").value_or("-"));
    Answer answer = file_answer(received, content_);
    if (received.index < 3) answer.break_after = 100'000;
    return answer;
  });
  EXPECT_EQ(read_all(*open(server.url()), 65'536).value(), content_);
  EXPECT_THAT(asked, testing::ElementsAre("all -", "bytes=100000- \"1\"", "bytes=200000- \"1\"", "bytes=300000- \"1\""));
  EXPECT_EQ(delays_.size(), 3U);
}

TEST_F(RangeSourceTest, ABreakAnywhereCostsNoByte) {
  const std::string content = content_.substr(0, 40'000);
  for (const std::size_t at : {0U, 1U, 999U, 1000U, 1001U, 16'383U, 16'384U, 16'385U, 39'999U}) {
    FakeServer server([&](const Received& received) {
      Answer answer = file_answer(received, content);
      if (received.index == 0) answer.break_after = at;
      return answer;
    });
    EXPECT_EQ(read_all(*open(server.url()), 1000).value(), content) << at;
  }
}

TEST_F(RangeSourceTest, SkipsForwardWhenTheServerIgnoresRanges) {
  FakeServer server([&](const Received& received) {
    Answer answer{.headers = {"ETag: \"1\""}, .body = content_};
    if (received.index == 0) answer.break_after = 400'000;
    return answer;
  });
  EXPECT_EQ(read_all(*open(server.url()), 65'536).value(), content_);
}

TEST_F(RangeSourceTest, NoticesThatTheFileWasReplaced) {
  struct Case {
    const char* name;
    std::function<Answer(const Received&)> second;
  };
  const std::vector<Case> cases{
      {"another tag, in full", [&](const Received& received) { return file_answer(received, content_, "\"2\""); }},
      {"another tag, a part",
       [&](const Received& received) {
         Answer answer = file_answer(received, content_);
         answer.headers[0] = "ETag: \"2\"";
         return answer;
       }},
      {"another size", [&](const Received& received) { return file_answer(received, content_ + "more"); }},
      {"shorter", [&](const Received&) { return Answer{.status = 416}; }},
  };
  for (const Case& one : cases) {
    FakeServer server([&](const Received& received) {
      if (received.index > 0) return one.second(received);
      Answer answer = file_answer(received, content_);
      answer.break_after = 100'000;
      return answer;
    });
    EXPECT_EQ(name_of(read_all(*open(server.url()), 65'536)), "content-changed") << one.name;
  }
}

TEST_F(RangeSourceTest, RefusesAnotherPlaceThanItAskedFor) {
  options_.give_up_after = milliseconds(0);
  for (const char* place : {"bytes 0-999999/1000000", "bytes x", "bytes 499999-999999/1000000"}) {
    FakeServer server(
        [&](const Received&) { return Answer{.status = 206, .headers = {std::string("Content-Range: ") + place}, .body = content_}; });
    const auto result = read(*open(server.url()), 500'000, 10);
    EXPECT_EQ(name_of(result), "gave-up");
    EXPECT_THAT(result.error().message, testing::HasSubstr("asked for bytes from 500000"));
  }
}

TEST_F(RangeSourceTest, BacksOffTwiceAsLongEachTimeAndGivesUpInTheEnd) {
  options_.first_delay = milliseconds(1000);
  options_.max_delay = milliseconds(60'000);
  options_.give_up_after = std::chrono::minutes(10);
  FakeServer server([](const Received&) { return Answer{.status = 500}; });
  EXPECT_EQ(name_of(read(*open(server.url()), 0, 10)), "gave-up");
  ASSERT_GT(delays_.size(), 10U);
  for (std::size_t i = 0; i < delays_.size(); ++i) {
    const auto full = std::min(milliseconds(1000LL << std::min<std::size_t>(i, 20)), milliseconds(60'000));
    EXPECT_GE(delays_[i], full / 2) << i;
    EXPECT_LE(delays_[i], full) << i;
  }
}

TEST_F(RangeSourceTest, AByteStartsThePatienceAnew) {
  options_.give_up_after = std::chrono::seconds(40);
  options_.first_delay = options_.max_delay = std::chrono::seconds(30);
  FakeServer server([&](const Received& received) {
    Answer answer = file_answer(received, content_);
    answer.break_after = std::min<std::size_t>(answer.body.size(), 100'000);
    return answer;
  });
  EXPECT_EQ(read_all(*open(server.url()), 1'000'001).value(), content_);
}

TEST_F(RangeSourceTest, WaitsAsLongAsABusyServerAsks) {
  FakeServer server([&](const Received& received) {
    return received.index == 0 ? Answer{.status = 503, .headers = {"Retry-After: 120"}} : file_answer(received, content_);
  });
  EXPECT_EQ(read(*open(server.url()), 0, 10).value(), content_.substr(0, 10));
  EXPECT_THAT(delays_, testing::ElementsAre(milliseconds(120'000)));
}

TEST_F(RangeSourceTest, DoesNotInsistWhereTheServerRefuses) {
  FakeServer server([](const Received& received) { return Answer{.status = received.line().contains("secret") ? 401U : 404U}; });
  EXPECT_EQ(name_of(read(*open(server.url("/gone")), 0, 10)), "server-refused");
  EXPECT_EQ(name_of(read(*open(server.url("/secret")), 0, 10)), "unauthorized");
  EXPECT_TRUE(delays_.empty());
}

TEST_F(RangeSourceTest, RenewsCredentialsOnceTheyAreRefused) {
  std::string token = "old";
  options_.headers = [&](Credentials wanted) -> Result<std::vector<Header>> {
    if (wanted == Credentials::renewed) token = "new";
    return std::vector<Header>{{"Authorization", "Bearer " + token}};
  };
  FakeServer server([&](const Received& received) {
    return received.header("Authorization") == "Bearer new" ? file_answer(received, content_) : Answer{.status = 401};
  });
  EXPECT_EQ(read_all(*open(server.url()), 65'536).value(), content_);
  FakeServer never([](const Received&) { return Answer{.status = 401}; });
  EXPECT_EQ(name_of(read(*open(never.url()), 0, 10)), "unauthorized");
  EXPECT_EQ(never.requests(), 2U);
}

TEST_F(RangeSourceTest, FollowsARedirect) {
  FakeServer target([&](const Received& received) { return file_answer(received, content_); });
  FakeServer server(
      [&](const Received&) { return Answer{.status = 302, .headers = {"Location: " + target.url("/moved")}, .body = "moved"}; });
  EXPECT_EQ(read_all(*open(server.url()), 65'536).value(), content_);
}

TEST_F(RangeSourceTest, TakesASilentServerForABrokenConnection) {
  options_.stall_timeout = milliseconds(50);
  FakeServer server([&](const Received& received) {
    Answer answer = file_answer(received, content_);
    if (received.index == 0) answer.stall_after = 100'000;
    return answer;
  });
  auto source = open(server.url());
  EXPECT_EQ(read_all(*source, 65'536).value(), content_);
  EXPECT_GE(source->requests(), 2U);
}

TEST_F(RangeSourceTest, CancelEndsAReadAndAWait) {
  std::promise<void> asked;
  FakeServer stalls([&](const Received&) {
    asked.set_value();
    return Answer{.body = "x", .stall_after = 0};
  });
  auto source = open(stalls.url());
  auto reading = std::async(std::launch::async, [&] { return read(*source, 0, 1); });
  asked.get_future().wait();
  source->cancel();
  EXPECT_EQ(name_of(reading.get()), "cancelled");

  std::promise<void> refused;
  FakeServer busy([&](const Received&) {
    refused.set_value();
    return Answer{.status = 503, .headers = {"Retry-After: 3600"}};
  });
  auto waiting_source = RangeSource::create(busy.url(), {}, clock_, random_).value();
  auto waiting = std::async(std::launch::async, [&] { return read(*waiting_source, 0, 1); });
  refused.get_future().wait();
  waiting_source->cancel();
  EXPECT_EQ(name_of(waiting.get()), "cancelled");
}

TEST_F(RangeSourceTest, KnowsItsSchemes) {
  EXPECT_EQ(RangeSource::create("file:///etc/passwd", {}, clock_, random_).error().code.number, kBadUrl.number);
  for (const char* url : {"http://h/", "https://h/", "ftp://h/x", "ftps://h/x", "sftp://h/x"})
    EXPECT_TRUE(RangeSource::create(url, {}, clock_, random_)) << url;
}

TEST(ContentRange, ParsesWhatServersMaySay) {
  const auto range = parse_content_range("bytes 100-199/1000");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 100U);
  EXPECT_EQ(range->last, 199U);
  EXPECT_EQ(range->size_bytes, 1000U);
  EXPECT_EQ(parse_content_range("bytes 0-0/*")->size_bytes, std::nullopt);
  EXPECT_TRUE(parse_content_range("bytes 0-9223372036854775806/9223372036854775807"));
  for (const char* bad : {"", "bytes", "bytes */1000", "bytes 5-4/10", "bytes 0-10/10", "bytes 0-9/10 ", "bytes -9/10", "bytes 0-9",
                          "items 0-9/10", "bytes 0-9223372036854775808/*", "bytes 0-9/18446744073709551616", "bytes 0x1-9/10"})
    EXPECT_FALSE(parse_content_range(bad)) << bad;
}

}  // namespace
}  // namespace aloft::net
