// What the agent promises to be durable, it has flushed when it says so: file before name, name before the next step. The simulated disks
// of the cut tests take the agent's word for that.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "agent/block_index.hpp"
#include "agent/factory_reset.hpp"
#include "agent/identity.hpp"
#include "agent/spool.hpp"
#include "base/fresh_file.hpp"
#include "boot/entry_folder.hpp"
#include "boot/region.hpp"
#include "crypto/sha256.hpp"
#include "file_calls.hpp"
#include "storage/file_device.hpp"
#include "storage/file_target.hpp"
#include "update/state_files.hpp"

namespace aloft {
namespace {

namespace fs = std::filesystem;

class DurableAgent : public ::testing::Test {
 protected:
  fs::path path(const std::string& name) const { return calls_.folder() / name; }
  void make(const std::string& name, const std::string& content = "old") {
    std::ofstream(path(name)) << content;
    calls_.taken();
  }
  // In the folder itself.
  static std::string replaced(const std::string& name) {
    return "write " + name + ".new, fsync " + name + ".new, rename " + name + ".new " + name + ", fsync .";
  }
  test::FileCalls calls_;
};

TEST_F(DurableAgent, JournalFloorAndSwitches) {
  update::StateFolder state = update::StateFolder::open(calls_.folder()).value();
  ASSERT_TRUE(state.append("journal", "one"));
  EXPECT_EQ(calls_.taken(), "write journal, fsync journal, fsync .");
  ASSERT_TRUE(state.append("journal", "two"));
  EXPECT_EQ(calls_.taken(), "write journal, fsync journal, fsync .");
  ASSERT_TRUE(state.replace("floor", "11"));
  EXPECT_EQ(calls_.taken(), replaced("floor"));
  ASSERT_TRUE(state.set_aside("journal"));
  EXPECT_EQ(calls_.taken(), "rename journal journal.bad, fsync .");
}

TEST_F(DurableAgent, BootStateInARegion) {
  make("state", "");
  boot::FileRegion region(path("state"), 0, 1024);
  ASSERT_TRUE(region.create(std::string(1024, 'a')));
  EXPECT_EQ(calls_.taken(), "write state, fsync state, fsync .");
  ASSERT_TRUE(region.write(512, std::string(512, 'b')));
  EXPECT_EQ(calls_.taken(), "write through state, fsync state");
}

TEST_F(DurableAgent, BootStateInEntries) {
  boot::MountedFolder entries(calls_.folder());
  ASSERT_TRUE(entries.create_blank("b+3.conf", 1024));
  EXPECT_EQ(calls_.taken(), "write b+3.conf, fsync b+3.conf, fsync .");
  ASSERT_TRUE(entries.write_sector("b+3.conf", 1, std::string(512, 'b')));
  EXPECT_EQ(calls_.taken(), "write through b+3.conf, fsync b+3.conf");
  ASSERT_TRUE(entries.remove("b+3.conf"));
  EXPECT_EQ(calls_.taken(), "remove b+3.conf, fsync .");
}

TEST_F(DurableAgent, ASlotThatIsADevice) {
  make("slot", std::string(8192, 'a'));
  const auto device = storage::FileDevice::open(path("slot")).value();
  ASSERT_TRUE(device->write(0, as_bytes("new")));
  ASSERT_TRUE(device->flush());
  EXPECT_EQ(calls_.taken(), "write slot, fdatasync slot");
}

TEST_F(DurableAgent, ASlotThatIsAFile) {
  make("app");
  storage::FileTarget target(nullptr, path("app"), 0755, storage::OnFat::refuse);
  const bundle::Image image{.name = "app", .size_bytes = 3, .sha256 = crypto::sha256(as_bytes("new"))};
  ASSERT_TRUE(target.begin(image));
  ASSERT_TRUE(target.append(as_bytes("new")));
  ASSERT_TRUE(target.finish());
  EXPECT_EQ(calls_.taken(), "write .app.aloft-new, fsync .app.aloft-new, rename .app.aloft-new app, fsync .");
}

TEST_F(DurableAgent, AFileThatIsMadeBesideTheOldOne) {
  FreshFile fresh = FreshFile::create(path("image")).value();
  ASSERT_TRUE(write_all(fresh.fd(), as_bytes("new")));
  ASSERT_TRUE(fresh.publish());
  EXPECT_THAT(
      calls_.taken(),
      ::testing::MatchesRegex(
          "write (image\\.[^ ]*|#[0-9]* .deleted.), fsync (image\\.[^ ]*|#[0-9]* .deleted.), rename image\\.[^ ]* image, fsync \\."));
}

TEST_F(DurableAgent, KeyAndPin) {
  ASSERT_TRUE(agent::load_or_make_device_key(calls_.folder()));
  EXPECT_EQ(calls_.taken(), replaced("device-key.pem"));
  ASSERT_TRUE(agent::keep_pin(calls_.folder(), {}));
  EXPECT_EQ(calls_.taken(), replaced("server-pin"));
}

TEST_F(DurableAgent, ReportsToTheServer) {
  const auto spool = agent::ReportSpool::open(path("reports"));
  agent::Event event{.deployment = 7, .update = 1, .transition = 1, .state = protocol::UpdateState::offered};
  ASSERT_TRUE(spool->add(WallTime(), event));
  EXPECT_EQ(calls_.taken(), replaced("reports"));
  event.transition = 2;
  ASSERT_TRUE(spool->add(WallTime(), event));
  EXPECT_EQ(calls_.taken(), "write reports, fdatasync reports");
  ASSERT_TRUE(spool->acknowledge(spool->oldest(1)));
  EXPECT_EQ(calls_.taken(), replaced("reports"));
}

TEST_F(DurableAgent, WhatIsForgottenOfASlot) {
  make("B.blocks");
  ASSERT_TRUE(agent::SlotMemory(calls_.folder()).forget("B"));
  EXPECT_EQ(calls_.taken(), "remove B.blocks, fsync .");
}

// The request goes last: until then the next boot begins again.
TEST_F(DurableAgent, AFactoryReset) {
  fs::create_directories(path("app/cache"));
  make("app/cache/page");
  ASSERT_TRUE(agent::request_factory_reset(calls_.folder(), {path("app")}));
  EXPECT_EQ(calls_.taken(), replaced("factory-reset"));
  ASSERT_TRUE(agent::carry_out_factory_reset(calls_.folder(), {path("app")}));
  EXPECT_EQ(calls_.taken(), "remove app/cache/page, fsync app/cache, remove app/cache, fsync app, remove factory-reset, fsync .");
}

}  // namespace
}  // namespace aloft
