#include "agent/hold_gate.hpp"

#include <gtest/gtest.h>

#include "agent/errors.hpp"
#include "agent/test_folder.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

TEST(HoldGate, HoldsOneUpdateUntilItIsReleased) {
  const test::Folder folder;
  HoldGate gate(folder.path() / "hold");
  EXPECT_FALSE(gate.objection(7));
  ASSERT_TRUE(gate.set(7, "download only"));
  ASSERT_TRUE(gate.objection(7));
  EXPECT_EQ(gate.objection(7)->code.number, kHeld.number);
  EXPECT_EQ(gate.objection(7)->message, "download only");
  EXPECT_FALSE(gate.objection(8));
  EXPECT_FALSE(gate.objection(0)) << "a local install is nobody's to hold";
  ASSERT_TRUE(gate.set(7, ""));
  EXPECT_FALSE(gate.objection(7));
}

TEST(HoldGate, IsKeptOverARestart) {
  const test::Folder folder;
  ASSERT_TRUE(HoldGate(folder.path() / "hold").set(7, "download only"));
  EXPECT_TRUE(HoldGate(folder.path() / "hold").objection(7));
  ASSERT_TRUE(HoldGate(folder.path() / "hold").set(7, ""));
  EXPECT_FALSE(HoldGate(folder.path() / "hold").objection(7));
}

TEST(HoldGate, AReleaseThatCannotBeKeptIsNone) {
  const test::Folder folder;
  std::filesystem::create_directory(folder.path() / "state");
  HoldGate gate(folder.path() / "state" / "hold");
  ASSERT_TRUE(gate.set(7, "download only"));
  std::filesystem::remove_all(folder.path() / "state");
  EXPECT_FALSE(gate.set(7, "")) << "after a restart it would be held again";
  EXPECT_TRUE(gate.objection(7));
  EXPECT_FALSE(gate.set(8, "download only"));
  EXPECT_TRUE(gate.objection(8)) << "what is to be held is, as long as it can be remembered";
}

TEST(HoldGate, AFileThatIsNoneHoldsNothing) {
  const test::Folder folder;
  ASSERT_TRUE(replace_file(folder.path() / "hold", "{\"deployment\":7", 0600));
  EXPECT_FALSE(HoldGate(folder.path() / "hold").objection(7));
}

}  // namespace
}  // namespace aloft::agent
