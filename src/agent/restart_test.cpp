#include "agent/restart.hpp"

#include <gtest/gtest.h>

namespace aloft::agent {
namespace {

using Words = std::vector<std::string>;
const std::optional<std::string> kPlain;
const std::optional<std::string> kTryboot = "0 tryboot";

TEST(Restart, BySystemd) {
  EXPECT_EQ(restart_command({}, true, kPlain), (Words{"systemctl", "--no-block", "reboot"}));
  EXPECT_EQ(restart_command({}, true, kTryboot), (Words{"systemctl", "--no-block", "reboot", "--reboot-argument=0 tryboot"}));
}

TEST(Restart, ByAnotherInitThatKnowsNoArgument) {
  EXPECT_EQ(restart_command({}, false, kPlain), (Words{"reboot"}));
  EXPECT_EQ(restart_command({}, false, kTryboot), Words());
}

TEST(Restart, AConfiguredCommandGetsTheArgumentAsItsLastWord) {
  const AgentConfig config{.reboot_command = {"/usr/sbin/board-reset", "-w"}};
  EXPECT_EQ(restart_command(config, true, kPlain), (Words{"/usr/sbin/board-reset", "-w"}));
  EXPECT_EQ(restart_command(config, true, kTryboot), (Words{"/usr/sbin/board-reset", "-w", "0 tryboot"}));
}

}  // namespace
}  // namespace aloft::agent
