#include "httpd/watch.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.hpp"

namespace aloft::httpd {
namespace {

using Way = Watch::Way;

class WatchTest : public testing::Test {
 protected:
  // A watched end, the other end, and what has become of whoever waits.
  struct Line {
    Fd own;
    Fd other;
    bool peer_left = false;
    int woken = 0;
    std::optional<Watch::Place> place;
  };
  std::unique_ptr<Line> line() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    auto line = std::make_unique<Line>();
    line->own = Fd(ends[0]);
    line->other = Fd(ends[1]);
    line->place.emplace(watch_, ends[0], [raw = line.get()] { raw->peer_left = true; });
    EXPECT_TRUE(line->place->entered());
    return line;
  }
  static std::string read_all(Line& line) {
    char bytes[64];
    const ssize_t got = ::read(line.own.get(), bytes, sizeof bytes);
    line.place->used_up(Way::in);
    return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : std::string{};
  }
  static void send(Line& line, std::string_view text) {
    EXPECT_EQ(::write(line.other.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  static Awaitable<void> wait_for(Line& line, Way way) {
    co_await line.place->wait(way);
    ++line.woken;
  }
  void begin_to_wait(Line& line, Way way = Way::in) {
    read_all(line);
    boost::asio::co_spawn(loop_, wait_for(line, way), boost::asio::detached);
    turn();
  }
  void turn() {
    loop_.restart();
    for (int i = 0; i < 20; ++i) loop_.run_for(std::chrono::milliseconds(1));
  }
  void end() {
    watch_.end();
    loop_.restart();
    loop_.run();  // and it runs out of work
  }

  boost::asio::io_context loop_;
  Watch watch_{loop_};
};

TEST_F(WatchTest, WakesWhoWaitsWhenBytesCome) {
  const auto line = this->line();
  EXPECT_FALSE(line->place->ready(Way::in)) << "who has said nothing is idle";
  begin_to_wait(*line);
  EXPECT_EQ(line->woken, 0);
  send(*line, "one");
  turn();
  EXPECT_EQ(line->woken, 1);
  EXPECT_EQ(read_all(*line), "one");
  begin_to_wait(*line);
  EXPECT_EQ(line->woken, 1) << "what was read wakes nobody again";
  send(*line, "two");
  turn();
  EXPECT_EQ(line->woken, 2);
  line->place.reset();
  end();
}

TEST_F(WatchTest, KnowsWhatWasThereBeforeItWasWatched) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
  const Fd own(ends[0]);
  const Fd other(ends[1]);
  ASSERT_EQ(::write(other.get(), "x", 1), 1);
  {
    const Watch::Place place(watch_, own.get(), {});
    turn();
    EXPECT_TRUE(place.ready(Way::in));
  }
  end();
}

TEST_F(WatchTest, KnowsWhatCameWhileNobodyWaited) {
  const auto line = this->line();
  read_all(*line);
  EXPECT_FALSE(line->place->ready(Way::in));
  send(*line, "early");
  turn();
  EXPECT_TRUE(line->place->ready(Way::in));
  line->place.reset();
  end();
}

TEST_F(WatchTest, TellsThatThePeerHasLeftAndLetsTheRestBeRead) {
  const auto line = this->line();
  begin_to_wait(*line);
  send(*line, "last words");
  line->other = Fd();
  turn();
  EXPECT_TRUE(line->peer_left);
  EXPECT_EQ(line->woken, 1);
  EXPECT_EQ(read_all(*line), "last words");
  EXPECT_TRUE(line->place->ready(Way::in)) << "the end is still to be read, and no further edge comes";
  line->place.reset();
  end();
}

TEST_F(WatchTest, WakesWhoWaitsForRoomToWrite) {
  const auto line = this->line();
  const std::string much(1U << 16, 'x');
  while (::write(line->own.get(), much.data(), much.size()) > 0) {
  }
  turn();
  line->place->used_up(Way::out);
  begin_to_wait(*line, Way::out);
  EXPECT_EQ(line->woken, 0);
  std::string taken(1U << 20, ' ');
  while (::read(line->other.get(), taken.data(), taken.size()) > 0) {
  }
  turn();
  EXPECT_EQ(line->woken, 1);
  line->place.reset();
  end();
}

TEST_F(WatchTest, CanBeWokenWithoutAReasonButNotWithinTheCall) {
  const auto line = this->line();
  begin_to_wait(*line);
  line->place->wake();
  line->place->wake();
  EXPECT_EQ(line->woken, 0);
  turn();
  EXPECT_EQ(line->woken, 1);
  line->place.reset();
  end();
}

// Two sockets become ready at once; whoever is woken first ends the other.
TEST_F(WatchTest, TellsNothingToAPlaceThatHasGoneInTheSameBatch) {
  const auto one = line();
  const auto two = line();
  read_all(*one);
  read_all(*two);
  turn();
  const auto ending = [](Line& mine, Line& other) -> Awaitable<void> {
    co_await mine.place->wait(Way::in);
    ++mine.woken;
    other.place.reset();
  };
  boost::asio::co_spawn(loop_, ending(*one, *two), boost::asio::detached);
  turn();
  send(*one, "x");
  send(*two, "x");
  turn();
  EXPECT_EQ(one->woken, 1);
  EXPECT_FALSE(two->place.has_value());
  EXPECT_EQ(two->woken, 0);
  one->place.reset();
  end();
}

TEST_F(WatchTest, TakesMoreThanABatch) {
  std::vector<std::unique_ptr<Line>> lines;
  for (int i = 0; i < 600; ++i) {
    lines.push_back(line());
    read_all(*lines.back());
    boost::asio::co_spawn(loop_, wait_for(*lines.back(), Way::in), boost::asio::detached);
  }
  turn();
  for (const auto& line : lines) send(*line, "x");
  turn();
  for (const auto& line : lines) EXPECT_EQ(line->woken, 1);
  for (const auto& line : lines) line->place.reset();
  end();
}

}  // namespace
}  // namespace aloft::httpd
