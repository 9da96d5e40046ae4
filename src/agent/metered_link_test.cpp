#include "agent/metered_link.hpp"

#include <gtest/gtest.h>

namespace aloft::agent {
namespace {

constexpr std::string_view kRoutesHead = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
using Names = std::vector<std::string>;

TEST(MeteredLink, FindsTheDefaultRouteWithTheLowestMetric) {
  const std::string routes = std::string(kRoutesHead) +
                             "wwan0\t00000000\t0101A8C0\t0003\t0\t0\t700\t00000000\t0\t0\t0\n"
                             "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
                             "usb0\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
  EXPECT_EQ(default_interfaces(routes, ""), Names{"eth0"});
  const std::string zero(32, '0');
  const std::string six = zero + " 00 " + zero + " 00 fe800000000000000000000000000001 00000400 00000001 00000000 00450003    ppp0\n" +
                          zero + " 00 " + zero + " 00 " + zero + " ffffffff 00000001 00000000 00200200       lo\n" + "20010db8" +
                          std::string(24, '0') + " 40 " + zero + " 00 " + zero + " 00000001 00000001 00000000 00000001     eth0\n";
  EXPECT_EQ(default_interfaces(routes, six), (Names{"eth0", "ppp0"}));
  EXPECT_EQ(default_interfaces(kRoutesHead, ""), Names{});
}

TEST(MeteredLink, PassesOverWhatItDoesNotKnow) {
  for (const std::string_view text :
       {"", "\n\n", "eth0", "eth0 00000000 x", "eth0 00000000 0 0 0 0 many 00000000 0 0 0", "\t\t\t\t\t\t\t\t\n"}) {
    EXPECT_EQ(default_interfaces(text, text), Names{}) << text;
  }
}

TEST(MeteredLink, PatternsAreTheShells) {
  EXPECT_EQ(metered_among({"eth0", "wwan1"}, {"wwan*", "ppp*"}), "wwan1");
  EXPECT_EQ(metered_among({"eth0"}, {"wwan*"}), "");
  EXPECT_EQ(metered_among({"wwan0"}, {}), "");
  EXPECT_EQ(metered_among({}, {"*"}), "");
}

}  // namespace
}  // namespace aloft::agent
