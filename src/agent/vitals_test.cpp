#include "agent/vitals.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>

#include "agent/test_folder.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

using protocol::BootReason;
using std::chrono::seconds;

Metrics metrics_in(std::string_view output) {
  Metrics metrics;
  read_metrics(output, "script", metrics);
  return metrics;
}

TEST(ReadMetrics, TakesNumbersAndPassesOverTheRest) {
  EXPECT_EQ(metrics_in("temp 51.5\nload -0.25e1\r\n\nno-value\ntext abc\nbad name 1\nhalf 5x\nnan nan\nbig 1e16\ncrash-reboots 1\ntemp 52"),
            (Metrics{{"temp", 52.0}, {"load", -2.5}}));
}

TEST(ReadMetrics, HoldsAsManyAsTheProtocolTakes) {
  std::string output;
  for (int i = 0; i < 100; ++i) output += "m" + std::to_string(i) + " 1\n";
  EXPECT_EQ(metrics_in(output).size(), protocol::kMaxMetrics);
}

class Book : public ::testing::Test {
 protected:
  // One start of the machine; `evidence` is what it finds.
  VitalsBook start(const std::string& version, const std::string& boot_id, BootEvidence evidence = {}) {
    evidence.panics.insert(old_panics_.begin(), old_panics_.end());
    return {file(), version, boot_id, evidence, SteadyTime{}};
  }
  std::filesystem::path file() const { return folder_ / "vitals"; }
  static std::uint64_t reboots(const VitalsBook& book, std::size_t version, BootReason reason) {
    return book.vitals().versions.at(version).reboots[static_cast<std::size_t>(reason)];
  }
  const test::Folder folder_;
  std::set<std::string> old_panics_;
};

TEST_F(Book, CountsARebootForTheVersionThatRanBefore) {
  auto first = start("1", "boot-1");
  EXPECT_EQ(first.vitals().last_boot, BootReason::requested) << "the first of all is nobody's fault";
  ASSERT_TRUE(first.end(SteadyTime{seconds(5)}));
  auto second = start("2", "boot-2");
  EXPECT_EQ(reboots(second, 0, BootReason::requested), 1U);
  ASSERT_TRUE(second.save());
  const auto third = start("1", "boot-3", {.watchdog = true});
  EXPECT_EQ(third.vitals().last_boot, BootReason::watchdog);
  EXPECT_EQ(reboots(third, 1, BootReason::watchdog), 1U) << "version 2 hung";
  EXPECT_EQ(reboots(third, 0, BootReason::watchdog), 0U);
  EXPECT_EQ(third.vitals().versions[0].uptime_s, 5U);
}

TEST_F(Book, TellsACutFromAPanicFromAnEndInOrder) {
  old_panics_ = {"dmesg-efi-1 100"};
  ASSERT_TRUE(start("1", "a").save());
  auto cut = start("1", "b");
  EXPECT_EQ(cut.vitals().last_boot, BootReason::unclear);
  ASSERT_TRUE(cut.save());
  auto panic = start("1", "c", {.watchdog = true, .panics = {"dmesg-efi-2 200"}});
  EXPECT_EQ(panic.vitals().last_boot, BootReason::panic) << "the watchdog made the reset, but the kernel had died";
  ASSERT_TRUE(panic.save());
  old_panics_.insert("dmesg-efi-2 200");
  auto heat = start("1", "d", {.overheated = true});
  EXPECT_EQ(heat.vitals().last_boot, BootReason::overheated) << "a record that was known is no news";
  ASSERT_TRUE(heat.end(SteadyTime{}));
  const auto last = start("1", "e", {.overheated = true});
  EXPECT_EQ(last.vitals().last_boot, BootReason::requested);
  EXPECT_EQ(last.vitals().versions[0].reboots, (protocol::Reboots{1, 0, 1, 1, 0, 1}));
}

TEST_F(Book, AnAgentThatIsRestartedIsNoReboot) {
  auto book = start("1", "a");
  ASSERT_TRUE(book.end(SteadyTime{seconds(1)}));
  ASSERT_TRUE(start("1", "a", {.watchdog = true}).save());
  const auto later = start("1", "b");
  EXPECT_EQ(later.vitals().versions[0].reboots, (protocol::Reboots{0, 0, 0, 0, 0, 1})) << "it ran again, and did not end";
}

TEST_F(Book, AHangThatNobodySawIsNotHeldAgainstTheVersionThatEndedInOrder) {
  ASSERT_TRUE(start("1", "a").end(SteadyTime{}));
  const auto back = start("1", "c", {.watchdog = true});
  EXPECT_EQ(back.vitals().last_boot, BootReason::watchdog);
  EXPECT_EQ(back.vitals().versions[0].reboots, (protocol::Reboots{1, 0, 0, 0, 0, 0}));
}

TEST_F(Book, AddsUpTimeAndMetricsOverRestarts) {
  auto book = start("1", "a");
  book.add({{"temp", 50}}, SteadyTime{std::chrono::milliseconds(1500)});
  book.add({{"temp", 60}, {"load", 1}}, SteadyTime{std::chrono::milliseconds(3200)});
  ASSERT_TRUE(book.save());
  auto next = start("1", "b");
  next.add({{"temp", 70}}, SteadyTime{seconds(10)});
  const auto& version = next.vitals().versions[0];
  EXPECT_EQ(version.uptime_s, 13U);
  EXPECT_EQ(version.metrics.at("temp").count, 3U);
  EXPECT_EQ(version.metrics.at("temp").sum, 180);
  EXPECT_EQ(version.metrics.at("temp").last, 70);
}

TEST_F(Book, KeepsTheLastVersionsAndOneThatRunsAgainAsItWas) {
  for (int i = 1; i <= 6; ++i) ASSERT_TRUE(start(std::to_string(i), "boot-" + std::to_string(i)).end(SteadyTime{}));
  const auto back = start("5", "boot-7");
  ASSERT_EQ(back.vitals().versions.size(), protocol::kMaxVitalsVersions);
  EXPECT_EQ(back.vitals().versions.front().version, "3");
  EXPECT_EQ(back.vitals().versions.back().version, "6");
  EXPECT_EQ(back.vitals().versions[2].began, 5U);
}

TEST_F(Book, BeginsAnewWhenItsFileIsNone) {
  for (const char* text :
       {"", "{}", "not json", R"({"boot":{"id":"a","version":"1","ended":true},"panics":[],"next":9,"last_boot":"panic","versions":[]})"}) {
    ASSERT_TRUE(replace_file(file(), text));
    auto book = start("1", "b");
    EXPECT_EQ(book.vitals().versions.size(), 1U);
    EXPECT_TRUE(book.save());
  }
}

TEST(PanicRecords, AreOfTheKernelAndOfSystemd) {
  const test::Folder folder;
  ASSERT_TRUE(replace_file(folder / "dmesg-ramoops-0", "x"));
  ASSERT_TRUE(replace_file(folder / "console-ramoops-0", "x"));
  std::filesystem::create_directory(folder / "1712345678");
  EXPECT_EQ(panic_records({folder.path(), "/nonexistent"}).size(), 2U);
}

TEST(VitalsKeeper, TellsWhatItFoundAndEndsInOrder) {
  const test::Folder folder;
  std::filesystem::create_directory(folder / "metrics.d");
  ASSERT_TRUE(replace_file(folder / "metrics.d/one", "#!/bin/sh\necho temp 50\n", 0755));
  ASSERT_EQ(::chmod((folder / "metrics.d/one").c_str(), 0755), 0);
  SystemClock clock;
  std::promise<void> told;
  VitalsKeeper keeper({.dir = folder / "metrics.d"}, {.state_dir = folder.path(), .panic_dirs = {}}, clock);
  EXPECT_FALSE(keeper.latest());
  keeper.start("1", "a", {}, [&told] { told.set_value(); });
  ASSERT_EQ(told.get_future().wait_for(seconds(30)), std::future_status::ready);
  EXPECT_EQ(keeper.latest()->versions[0].metrics.at("temp").last, 50);
  EXPECT_GT(keeper.latest()->versions[0].metrics.at("free-mib.state").last, 0);
  keeper.stop();
  const VitalsBook next(folder / "vitals", "1", "b", {}, SteadyTime{});
  EXPECT_EQ(next.vitals().last_boot, BootReason::requested);
}

}  // namespace
}  // namespace aloft::agent
