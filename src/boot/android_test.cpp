#include "boot/android.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.hpp"
#include "base/crc32.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"
#include "boot/test_loader.hpp"

namespace aloft::boot {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A record as U-Boot writes it; `slots` is two bytes for each.
std::string record(std::string_view slots, char count = 2) {
  std::string text("a\0\0\0BCAB\x01", 9);
  text += count;
  text.resize(12, '\0');
  text += slots;
  text.resize(32, '\0');
  store_le32(std::as_writable_bytes(std::span(text)).subspan(28, 4), crc32(as_bytes(std::string_view(text).substr(0, 28))));
  return text;
}

class Android : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::string& content) {
    (void)storage.region(name, kSectorBytes);
    storage.contents[name].replace(0, content.size(), content);
  }
  AndroidControl control(bool with_backup = true) {
    return {storage.region("misc", kSectorBytes), with_backup ? storage.region("backup", kSectorBytes) : nullptr, {"A", "B"}};
  }
  std::string shown(bool with_backup = true) {
    AndroidControl subject = control(with_backup);
    const auto state = subject.read();
    if (!state) return std::string(state.error().code.name);
    std::string text;
    for (const SlotState& slot : state->order)
      text += slot.name + (slot.health == SlotHealth::committed ? ":good " : ":" + std::to_string(slot.tries_left) + " ");
    return text;
  }
  std::string content(const std::string& name) { return storage.contents[name].substr(0, 32); }
  test::MemoryStorage storage;
};

TEST_F(Android, ReadsWhatUbootLeaves) {
  const struct {
    std::string slots;
    const char* state;
  } cases[] = {
      {std::string("\xff\0\x0e\0", 4), "A:good B:0 "},  // successful; used up
      {std::string("\x9e\0\x2f\0", 4), "B:2 A:good "},  // B on trial
      {std::string("\x8f\0\xff\0", 4), "B:good A:0 "},  // successful, but without tries U-Boot passes it over
      {std::string("\xff\1\x9e\0", 4), "A:0 B:good "},  // dm-verity found A corrupted
      {std::string("\xf0\0\x9e\0", 4), "B:good A:0 "},  // no priority
  };
  for (const auto& [slots, state] : cases) {
    put("misc", record(slots));
    EXPECT_EQ(shown(), state);
  }
}

// What U-Boot makes of a record that is lost, before Linux starts: all slots on trial, also one that was taken out or is half written.
TEST_F(Android, ARecordThatUbootBeganAnewIsALostOne) {
  for (const auto& slots : {std::string("\x7f\0\x7f\0", 4), std::string("\x6f\0\x7f\0", 4), std::string("\x0f\0\x1f\0", 4)}) {
    put("misc", record(slots, 0x1a) + "update channel");
    put("backup", record(slots, 0x1a));
    EXPECT_EQ(shown(), "boot-state-corrupt");
    EXPECT_EQ(control().examine(Probe::look).error().code.number, kBootStateCorrupt.number);
    ASSERT_TRUE(control().rebuild("B"));
    EXPECT_EQ(content("misc"), record(std::string("\0\0\xff\0", 4), 0x1a));
    EXPECT_EQ(storage.contents["misc"].substr(32, 14), "update channel");
    EXPECT_EQ(content("backup"), content("misc"));
  }
}

TEST_F(Android, WritesWhatUbootReads) {
  put("misc", record(std::string("\xff\0\x9e\0", 4), 0x1a) + "update channel");
  ASSERT_TRUE(control().arm("B", 3));
  EXPECT_EQ(content("misc"), record(std::string("\xfe\0\x3f\0", 4), 0x1a));
  EXPECT_EQ(storage.contents["misc"].substr(32, 14), "update channel");
  EXPECT_EQ(content("backup"), content("misc"));
  ASSERT_TRUE(control().commit("B"));
  EXPECT_EQ(content("misc"), record(std::string("\xfe\0\xff\0", 4), 0x1a));
  ASSERT_TRUE(control().mark_bad("A"));
  EXPECT_EQ(content("misc"), record(std::string("\0\0\xff\0", 4), 0x1a));
}

TEST_F(Android, TheBackupStandsInForADamagedRecord) {
  put("misc", record(std::string("\xff\0\x9e\0", 4)).replace(13, 1, "x"));
  EXPECT_EQ(shown(false), "boot-state-corrupt");
  EXPECT_EQ(shown(), "boot-state-corrupt");
  put("backup", record(std::string("\x9e\0\xff\0", 4)));
  EXPECT_EQ(shown(), "B:good A:good ");
  AndroidControl subject = control();
  EXPECT_THAT(test::must(subject.examine(Probe::look)), ElementsAre(HasSubstr("its backup is used")));
  EXPECT_THAT(test::must(subject.examine(Probe::rewrite)), ElementsAre(HasSubstr("its backup is used")));
  EXPECT_TRUE(test::must(subject.examine(Probe::look)).empty());
}

TEST_F(Android, RefusesWhatIsNoMetadata) {
  std::string other = record(std::string("\xff\0\x9e\0", 4));
  other[4] = 'X';
  store_le32(std::as_writable_bytes(std::span(other)).subspan(28, 4), crc32(as_bytes(std::string_view(other).substr(0, 28))));
  put("misc", other);
  EXPECT_EQ(shown(), "boot-state-corrupt");
  other = record(std::string("\xff\0\x9e\0", 4));
  other[8] = 2;
  store_le32(std::as_writable_bytes(std::span(other)).subspan(28, 4), crc32(as_bytes(std::string_view(other).substr(0, 28))));
  put("misc", other);
  EXPECT_EQ(shown(), "boot-state-corrupt");
}

TEST(AndroidSettings, MustMakeSense) {
  const auto open_with = [](const std::string& offset, const std::string& backup, std::size_t groups) {
    Settings settings;
    settings.set("misc", "/dev/misc");
    settings.set("offset", offset);
    settings.set("backup_offset", backup);
    return open_android(settings, std::vector<std::string>(groups, "x")).has_value();
  };
  EXPECT_TRUE(open_with("2048", "4096", 4));
  EXPECT_TRUE(open_with("2048", "0", 2));
  EXPECT_FALSE(open_with("2049", "4096", 2));
  EXPECT_FALSE(open_with("2048", "2048", 2));
  EXPECT_FALSE(open_with("2048", "4096", 5));
}

}  // namespace
}  // namespace aloft::boot
