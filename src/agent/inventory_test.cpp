#include "agent/inventory.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <future>

#include "agent/test_folder.hpp"
#include "base/file.hpp"
#include "protocol/messages.hpp"

namespace aloft::agent {
namespace {

void write_script(const std::filesystem::path& file, const std::string& body, unsigned mode = 0755) {
  ASSERT_TRUE(replace_file(file, "#!/bin/sh\n" + body, mode));
  ASSERT_EQ(::chmod(file.c_str(), mode), 0);
}

Attributes attributes_in(std::string_view output) {
  Attributes attributes;
  read_attributes(output, "script", attributes);
  return attributes;
}

TEST(ReadAttributes, TakesWhatIsGoodAndPassesOverTheRest) {
  EXPECT_EQ(attributes_in("modem=ec25\nsim=\nnote=a = b\r\n\nno equal sign\nbad key=1\n=empty\nmodem=ec21"),
            (Attributes{{"modem", "ec21"}, {"sim", ""}, {"note", "a = b"}}));
  EXPECT_TRUE(attributes_in("a=\xff\xfe\nb=x\x01y\nc=" + std::string(1025, 'x')).empty());
  EXPECT_EQ(attributes_in("city=Z\xc3\xbcrich").at("city"), "Z\xc3\xbcrich");
}

TEST(ReadAttributes, HoldsAsManyAsTheProtocolTakes) {
  std::string output;
  for (int i = 0; i < 200; ++i) output += "key-" + std::to_string(i) + "=x\n";
  EXPECT_EQ(attributes_in(output).size(), protocol::kMaxAttributes);
}

TEST(CollectInventory, RunsScriptsInOrderAndDropsThoseThatFail) {
  const test::Folder folder;
  write_script(folder / "10-first", "echo a=1; echo b=1\n");
  write_script(folder / "20-second", "echo b=2\n");
  write_script(folder / "30-fails", "echo c=3; exit 1\n");
  write_script(folder / "40-hangs", "echo d=4; sleep 60\n");
  write_script(folder / "50-not-executable", "echo e=5\n", 0644);
  write_script(folder / "60-backup~", "echo f=6\n");
  const std::atomic<bool> stop = false;
  const auto found = collect_inventory({.dir = folder.path(), .timeout = std::chrono::seconds(1)}, stop);
  EXPECT_EQ(found, (Attributes{{"a", "1"}, {"b", "2"}}));
}

TEST(Inventory, TellsWhatItFoundAndEndsWhenItMust) {
  const test::Folder folder;
  write_script(folder / "one", "echo a=1\n");
  Inventory inventory({.dir = folder.path()});
  EXPECT_FALSE(inventory.latest());
  std::promise<void> told;
  inventory.start([&told] { told.set_value(); });
  ASSERT_EQ(told.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  EXPECT_EQ(inventory.latest()->at("a"), "1");
  inventory.stop();
}

TEST(Inventory, WithoutItsFolderSaysNothing) {
  Inventory inventory({.dir = "/nonexistent/inventory.d"});
  inventory.start([] { FAIL(); });
  EXPECT_FALSE(inventory.latest());
}

}  // namespace
}  // namespace aloft::agent
