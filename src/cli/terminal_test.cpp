#include "cli/terminal.hpp"

#include <gtest/gtest.h>

#include <iostream>
#include <sstream>

#include "base/errors.hpp"

namespace aloft::cli {
namespace {

TEST(Terminal, TablesLineUpAndAreSafeToPrint) {
  testing::internal::CaptureStdout();
  print_table({{"NAME", "STATE"}, {"a-long-name", "x"}, {"b", "\x1b[2J"}});
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "NAME         STATE\na-long-name  x\nb            ?[2J\n");
}

TEST(Terminal, NothingThatIsPrintedSteersIt) {
  testing::internal::CaptureStdout();
  print("a\tb\x1b]0;title\a\r\x7f \u009b2J \u00e9\u00a0\xc2\n");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "a\tb?]0;title??? ?2J \u00e9\u00a0\xc2\n");
}

TEST(Terminal, APasswordThatIsNoUtf8IsRefusedAndNotChanged) {
  std::istringstream given(
      "gr\xc3\xbc\xc3\x9f"
      "e12345\ngr\xfc\xdf"
      "e12345\n");
  std::streambuf* const before = std::cin.rdbuf(given.rdbuf());
  EXPECT_EQ(read_line().value(), "gr\u00fc\u00dfe12345");
  const auto refused = read_line();
  std::cin.rdbuf(before);
  EXPECT_EQ(refused.error().code.number, kBadArgument.number);
  EXPECT_EQ(refused.error().message.find("12345"), std::string::npos) << "it stays secret";
}

TEST(Terminal, SizesAreReadable) {
  EXPECT_EQ(device_count_text(0), "0 devices");
  EXPECT_EQ(device_count_text(1), "1 device");
  EXPECT_EQ(readable_size(0), "0 B");
  EXPECT_EQ(readable_size(1023), "1023 B");
  EXPECT_EQ(readable_size(1024), "1.0 KiB");
  EXPECT_EQ(readable_size(1'572'864), "1.5 MiB");
  EXPECT_EQ(readable_size(5ULL << 40), "5.0 TiB");
  EXPECT_EQ(readable_size(UINT64_MAX), "16777215.9 TiB");
}

TEST(Terminal, BarsAndTimes) {
  EXPECT_EQ(progress_bar(0), "[------------------------------]   0.0 %");
  EXPECT_EQ(progress_bar(412), "[############------------------]  41.2 %");
  EXPECT_EQ(progress_bar(5000), "[##############################] 100.0 %");
  EXPECT_EQ(readable_time(0), "-");
  EXPECT_EQ(readable_time(1'769'860'800'000), "2026-01-31 12:00:00");
}

}  // namespace
}  // namespace aloft::cli
