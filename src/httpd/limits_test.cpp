#include "httpd/limits.hpp"

#include <gtest/gtest.h>

namespace aloft::httpd {
namespace {

TEST(Limits, LeaveOpenFilesForWhatConnectionsAskFor) {
  struct Case {
    std::uint64_t open_files;
    std::size_t connections;
    std::size_t turned_away;
  };
  for (const Case& one :
       {Case{64, 40, 8}, Case{1024, 640, 128}, Case{4096, 3328, 256}, Case{10'768, 10'000, 256}, Case{~0ULL, 10'000, 256}}) {
    const Limits limits = within_open_files({}, one.open_files);
    EXPECT_EQ(limits.max_connections, one.connections) << one.open_files;
    EXPECT_EQ(limits.max_turned_away, one.turned_away) << one.open_files;
  }
}

}  // namespace
}  // namespace aloft::httpd
