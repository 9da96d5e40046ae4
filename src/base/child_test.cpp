#include "base/child.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "base/errors.hpp"

namespace aloft {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

Child start(const std::string& script, Input input = Input::fed, std::function<void(std::string_view)> on_line = {}) {
  ChildSpec spec{.argv = {"sh", "-c", script}, .folder = "/", .environment = {"WORD=here"}, .input = input, .on_line = std::move(on_line)};
  auto child = Child::start(std::move(spec));
  if (!child) std::abort();
  return std::move(*child);
}

TEST(Child, IsFedAndFollowed) {
  std::vector<std::string> lines;
  Child child = start("echo $WORD $(pwd); wc -c; printf unfinished", Input::fed, [&](std::string_view line) { lines.emplace_back(line); });
  const Bytes bytes(300'000, std::byte{'x'});
  ASSERT_TRUE(child.feed(bytes, seconds(20)));
  child.end_input();
  const ProcessEnd end = child.wait(seconds(20));
  EXPECT_EQ(end.exit_status, 0);
  EXPECT_EQ(lines, (std::vector<std::string>{"here /", "300000", "unfinished"}));
}

TEST(Child, OneThatDoesNotReadIsAnErrorAndNoSignal) {
  const Bytes bytes(1 << 20, std::byte{'x'});
  Child ended = start("exit 3");
  EXPECT_EQ(ended.feed(bytes, seconds(20)).error().code.number, kProcess.number);
  EXPECT_EQ(ended.wait(seconds(20)).exit_status, 3);
  Child closed = start("exec <&-; sleep 30");
  EXPECT_EQ(closed.feed(bytes, seconds(20)).error().code.number, kProcess.number);
  Child asleep = start("sleep 30");
  EXPECT_EQ(asleep.feed(bytes, std::chrono::milliseconds(100)).error().code.number, kProcess.number);
}

TEST(Child, IsKilledWithWhatItStarted) {
  Child child = start("sleep 30 & sleep 30", Input::none);
  const ProcessEnd end = child.wait(std::chrono::milliseconds(50));
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.exit_status, 128 + 9);
}

// It says more than is read of it.
TEST(Child, OneThatNeverStopsTalkingIsTimedOut) {
  const auto slowly = [](std::string_view) { std::this_thread::sleep_for(std::chrono::microseconds(100)); };
  Child child = start("while :; do echo waiting; done", Input::none, slowly);
  EXPECT_FALSE(child.has_ended(std::chrono::milliseconds(200)));
  EXPECT_TRUE(child.wait(std::chrono::milliseconds(200)).timed_out);
  Child stopped = start("yes", Input::none, slowly);
  const std::atomic<bool> stop = true;
  EXPECT_TRUE(stopped.wait(seconds(20), &stop).timed_out);
}

// Whoever waits for something else looks now and then, and the program must not wait for that.
TEST(Child, OneLookTakesAllThatThePipeHolds) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd said(ends[0]);
  const Fd says(ends[1]);
  std::size_t lines = 0;
  ChildSpec spec{.argv = {"sh", "-c", "head -c 40000 /dev/zero | tr '\\0' '\\n'; echo >&3; exec sleep 30"},
                 .descriptors = {says.get()},
                 .on_line = [&](std::string_view) { ++lines; }};
  Child child = Child::start(std::move(spec)).value();
  char all_said = 0;
  ASSERT_EQ(::read(said.get(), &all_said, 1), 1);
  EXPECT_FALSE(child.has_ended(seconds(0)));
  EXPECT_EQ(lines, 40000U);
}

TEST(Child, WhatItPrintsLastIsTakenWhenItEndsWhileWeAreLate) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd waits(ends[0]);
  const Fd go(ends[1]);
  std::size_t lines = 0;
  std::string last;
  ChildSpec spec{.argv = {"sh", "-c", "n() { head -c $1 /dev/zero | tr '\\0' '\\n'; }; n 57344; read go <&3; n 50000; echo last"},
                 .descriptors = {waits.get()},
                 .on_line = [&](std::string_view line) {
                   last = line;
                   if (++lines == 49'152) (void)!::write(go.get(), "\n", 1);
                   if (lines == 1 || lines == 49'152) std::this_thread::sleep_for(milliseconds(400));
                 }};
  Child child = Child::start(std::move(spec)).value();
  while (!child.has_ended(milliseconds(200)));
  EXPECT_EQ(lines, 57'344U + 50'000 + 1);
  EXPECT_EQ(last, "last");
}

TEST(Child, GetsTheDescriptorsThatItIsPassed) {
  const Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Fd second(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
  Child child =
      Child::start({.argv = {"sh", "-c", "readlink /proc/$$/fd/3 /proc/$$/fd/4"}, .descriptors = {second.get(), first.get()}}).value();
  EXPECT_EQ(child.wait(seconds(20)).output, "/dev/zero\n/dev/null\n");
}

TEST(Child, ThatCannotStartIsAnError) {
  ChildSpec spec{.argv = {"/does/not/exist"}};
  EXPECT_EQ(Child::start(std::move(spec)).error().code.number, kProcess.number);
}

}  // namespace
}  // namespace aloft
