#include "boot/barebox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "boot/errors.hpp"
#include "boot/test_barebox.hpp"

namespace aloft::boot {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kMagic = 0x3f45620b;

// What barebox-state of Debian's dt-utils 2021.03 wrote for attempts and priority of two slots (3, 20, 3, 21) and last_chosen 0.
constexpr std::string_view kWritten{
    "\xf3\xfd\x54\x23\x24\x00\x00\x00\x0b\x62\x45\x3f\x00\x00\x14\x00\xe1\x49\xaf\xd1\x84\x1c\x60\xda"
    "\x03\x00\x00\x00\x14\x00\x00\x00\x03\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00"
    "rest",
    48};

std::string data_of(std::string_view numbers) {
  std::string data;
  for (const char number : numbers) data += std::string(1, number) + std::string(3, '\0');
  return data;
}

TEST(BareboxCopy, IsLaidOutAsBareboxHasIt) {
  const std::string data = data_of(std::string_view("\3\x14\3\x15\0", 5));
  const std::string_view whole = kWritten.substr(0, 44);
  EXPECT_EQ(*parse_barebox_copy(kWritten, kMagic), data);
  EXPECT_EQ(format_barebox_copy(data, kMagic), whole);
  EXPECT_EQ(*parse_barebox_copy(whole.substr(8), kMagic), data) << "as an old barebox has it, without the first header";
}

TEST(BareboxCopy, EveryFlippedBitIsFound) {
  const std::string good(kWritten.substr(0, 44));
  for (std::size_t at = 4; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x01);
    const bool more_than_there_is = at < 8;  // by the length: nothing is missing
    EXPECT_EQ(parse_barebox_copy(bad, kMagic).has_value(), more_than_there_is) << at;
  }
  EXPECT_FALSE(parse_barebox_copy(good, kMagic + 1));
  EXPECT_FALSE(parse_barebox_copy("", kMagic));
  EXPECT_FALSE(parse_barebox_copy(std::string_view(good).substr(0, 43), kMagic));
}

class Barebox : public ::testing::Test {
 protected:
  static constexpr std::size_t kStride = 256;  // two copies in a sector
  BareboxState state() { return {storage.region("state", 1024), kMagic, kStride}; }
  std::string copy(std::size_t number) { return storage.contents["state"].substr(number * kStride, kStride); }
  void put(std::size_t number, const std::string& bytes) {
    (void)storage.region("state", 1024);
    storage.contents["state"].replace(number * kStride, bytes.size(), bytes);
  }
  BareboxControl control(std::optional<std::size_t> last_chosen_at = std::nullopt) {
    BareboxLayout layout;
    layout.slots = {{"A", {0, 4, 1}}, {"B", {8, 12, 2}}};
    layout.last_chosen_at = last_chosen_at;
    layout.data_bytes = 16;
    return {std::make_unique<BareboxState>(state()), layout, {"A", "B"}, 3};
  }
  test::MemoryStorage storage;
};

TEST_F(Barebox, AllCopiesAreWritten) {
  ASSERT_TRUE(state().save("data"));
  for (std::size_t i = 0; i < kBareboxCopies; ++i) EXPECT_EQ(*parse_barebox_copy(copy(i), kMagic), "data");
}

TEST_F(Barebox, TheFirstValidCopyCountsAndTheOthersAreNoticed) {
  put(0, format_barebox_copy("first", kMagic));
  put(1, format_barebox_copy("second", kMagic));
  BareboxState subject = state();
  EXPECT_EQ(*subject.load(), "first");
  EXPECT_EQ(subject.weaknesses().size(), 2U);
  put(0, "torn");
  EXPECT_EQ(*subject.load(), "second");
  EXPECT_THAT(subject.weaknesses(), testing::ElementsAre(HasSubstr("copy 1 of 3"), HasSubstr("copy 3 of 3")));
  ASSERT_TRUE(subject.save("third"));
  EXPECT_TRUE(subject.weaknesses().empty());
}

TEST_F(Barebox, RefusesWhatDoesNotFit) {
  EXPECT_EQ(state().save(std::string(kStride - 23, 'x')).error().code.number, kBootStateFull.number);
  EXPECT_TRUE(state().save(std::string(kStride - 24, 'x')));
}

TEST_F(Barebox, ReadsAndWritesTheVariablesOfRauc) {
  ASSERT_TRUE(state().save(data_of(std::string_view("\2\x14\3\x0a\7", 5))));
  BareboxControl subject = control();
  EXPECT_EQ(test::must(subject.read()).order[0].name, "A");
  EXPECT_EQ(test::must(subject.read()).order[1].health, SlotHealth::committed);
  ASSERT_TRUE(subject.arm("B", 2));
  EXPECT_EQ(*state().load(), data_of(std::string_view("\3\x0a\2\x15\7", 5))) << "another variable, behind ours, is kept";
  ASSERT_TRUE(subject.commit("B"));
  EXPECT_EQ(*state().load(), data_of(std::string_view("\3\x0a\3\x14\7", 5)));
  ASSERT_TRUE(subject.mark_bad("A"));
  EXPECT_EQ(*state().load(), data_of(std::string_view("\0\0\3\x14\7", 5)));
}

TEST_F(Barebox, LastChosenIsItsOwnWord) {
  ASSERT_TRUE(state().save(data_of(std::string_view("\2\x14\3\x0a\2", 5))));
  EXPECT_EQ(*control(16).booted(), "B");
  EXPECT_EQ(*control().booted(), std::nullopt);
  ASSERT_TRUE(state().save(data_of(std::string_view("\2\x14\3\x0a\5", 5))));
  EXPECT_EQ(*control(16).booted(), std::nullopt);
}

TEST_F(Barebox, AStateThatIsShorterThanTheSettingsSayIsNotTouched) {
  ASSERT_TRUE(state().save("short"));
  EXPECT_EQ(control().read().error().code.number, kBootStateCorrupt.number);
  EXPECT_EQ(control().arm("B", 1).error().code.number, kBootStateCorrupt.number);
}

TEST(BareboxSettings, EveryVariableHasAPlaceOfItsOwn) {
  const auto problem = [](const std::map<std::string, std::string>& changed) {
    std::map<std::string, std::string> all = {{"device", "/dev/x"},   {"offset", "0"},        {"stride", "1024"},
                                              {"magic", "1"},         {"attempts", "3"},      {"attempts_at.A", "0"},
                                              {"priority_at.A", "4"}, {"attempts_at.B", "8"}, {"priority_at.B", "12"}};
    for (const auto& [key, value] : changed) all[key] = value;
    Settings settings;
    for (const auto& [key, value] : all) {
      if (value != "none") settings.set(key, value);
    }
    const auto control = open_barebox(settings, {"A", "B"});
    return control ? std::string() : control.error().text();
  };
  EXPECT_EQ(problem({}), "");
  EXPECT_EQ(problem({{"last_chosen_at", "16"}}), "");
  EXPECT_THAT(problem({{"priority_at.B", "8"}}), HasSubstr("E5006 boot-setting: boot.priority_at.B must be"));
  EXPECT_THAT(problem({{"priority_at.B", "none"}}), HasSubstr("boot.priority_at.B is missing"));
  EXPECT_THAT(problem({{"attempts_at.A", "3"}}), HasSubstr("multiple of 4"));
  EXPECT_THAT(problem({{"offset", "100"}}), HasSubstr("multiple of 512"));
}

}  // namespace
}  // namespace aloft::boot
