#include "boot/uefi.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/partition_place.hpp"
#include "boot/test_uefi.hpp"
#include "boot/utf16.hpp"

namespace aloft::boot {
namespace {

using test::always;
using test::must;

// Boot0001: a network card; Boot0005: a USB stick; both of others.
class UefiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    set("Boot0000", {.label = "UEFI PXEv4", .device_path = "x", .optional_data = "y"});
    set("Boot0005", {.label = "UEFI stick", .device_path = {}, .optional_data = {}});
    firmware_.set_numbers("BootOrder", {5, 0});
    ASSERT_TRUE(control().rebuild("A"));
    control_ = firmware_.control();
  }
  static std::string variable(const std::string& name) { return test::TestUefi::global(name); }
  void set(const std::string& name, const LoadOption& option) {
    test::TestVariables(storage_).set(variable(name), {kEfiKept, format_load_option(option)});
  }
  std::string raw(const std::string& name) { return storage_.variables().at(variable(name)); }
  void forget(std::string_view name) { storage_.variables().erase(std::string(name)); }
  BootControl& control() {
    control_ = firmware_.control();
    return *control_;
  }
  test::MemoryStorage storage_;
  test::TestUefi firmware_{storage_, {"A", "B"}};
  std::unique_ptr<BootControl> control_;
};

using Numbers = std::vector<std::uint16_t>;

TEST_F(UefiTest, EntriesAreCreatedUnderTheFirstFreeNumber) {
  EXPECT_EQ(firmware_.numbers("BootOrder"), (Numbers{1, 5, 0}));
  ASSERT_TRUE(control().arm("B", 1));
  EXPECT_EQ(firmware_.numbers("BootNext"), (Numbers{2}));
  EXPECT_EQ(must(parse_load_option(raw("Boot0002").substr(4))).label, "aloft B");
  EXPECT_EQ(raw("Boot0002").substr(0, 4), std::string("\7\0\0\0", 4));
}

TEST_F(UefiTest, EntriesOfOthersStayWhereTheyAre) {
  firmware_.set_numbers("BootOrder", {5, 1, 0});
  const std::string stick = raw("Boot0005");
  ASSERT_TRUE(control().arm("B", 1));
  EXPECT_EQ(firmware_.numbers("BootOrder"), (Numbers{5, 1, 0}));
  ASSERT_TRUE(control().commit("B"));
  EXPECT_EQ(firmware_.numbers("BootOrder"), (Numbers{5, 2, 1, 0}));
  ASSERT_TRUE(control().commit("A"));
  EXPECT_EQ(firmware_.numbers("BootOrder"), (Numbers{5, 1, 2, 0}));
  ASSERT_TRUE(control().mark_bad("A"));
  EXPECT_EQ(firmware_.numbers("BootOrder"), (Numbers{5, 2, 0}));
  ASSERT_TRUE(control().commit("B"));
  EXPECT_EQ(firmware_.numbers("BootOrder"), (Numbers{5, 2, 0}));
  EXPECT_EQ(raw("Boot0005"), stick);
}

TEST_F(UefiTest, AnEntryOfTheIntegratorIsFoundByItsLabel) {
  set("Boot00A0", {.label = "aloft B", .device_path = {}, .optional_data = {}});
  ASSERT_TRUE(control().arm("B", 1));
  EXPECT_EQ(firmware_.numbers("BootNext"), (Numbers{0xa0}));
}

TEST_F(UefiTest, AnInactiveEntryIsNone) {
  set("Boot00A0", {.attributes = 0, .label = "aloft B", .device_path = {}, .optional_data = {}});
  ASSERT_TRUE(control().arm("B", 1));
  EXPECT_EQ(firmware_.numbers("BootNext"), (Numbers{2}));
}

// After an installer that ran twice, or made by a firmware: two entries for each slot.
class UefiTwice : public UefiTest {
 protected:
  static constexpr std::uint16_t kOther = 5;
  void SetUp() override {
    for (const auto& [number, label] : {std::pair(0, "aloft B"), {1, "aloft A"}, {2, "aloft B"}, {3, "aloft A"}, {5, "UEFI stick"}})
      set(boot_entry_name(static_cast<std::uint16_t>(number)), {.label = label, .device_path = {}, .optional_data = {}});
  }
  static const char* slot(std::uint16_t number) { return number == kOther ? "other" : number % 2 == 0 ? "B" : "A"; }
  // What may be booted, in order, and whether it is committed.
  static std::string shown(test::MemoryStorage& storage) {
    std::string text;
    for (const SlotState& slot : must(test::TestUefi(storage, {"A", "B"}).control()->read()).order) {
      if (slot.health != SlotHealth::bad) text += slot.name + (slot.health == SlotHealth::committed ? ":good " : ":1 ");
    }
    return text;
  }
  // The power may go before each change of a variable: the old or the new state stands, and what starts may be started.
  void change(const std::function<Result<>(BootControl&)>& change) {
    struct Recorder final : test::MemoryStorage {
      void set_variable(const std::string& name, const std::optional<std::string>& value) override {
        moments.push_back(variables());
        MemoryStorage::set_variable(name, value);
      }
      std::vector<std::map<std::string, std::string>> moments;
    };
    Recorder recorder;
    recorder.variables() = storage_.variables();
    const std::string before = shown(storage_);
    const auto changed = change(*test::TestUefi(recorder, {"A", "B"}).control());
    ASSERT_TRUE(changed) << changed.error().text();
    storage_.variables() = recorder.variables();
    const std::string after = shown(storage_);
    recorder.moments.push_back(recorder.variables());
    for (const auto& moment : recorder.moments) {
      test::MemoryStorage left;
      left.variables() = moment;
      const std::string found = shown(left);
      EXPECT_TRUE(found == before || found == after) << found << "; was " << before << "; to be " << after;
      const auto booted = test::TestUefi(left, {"A", "B"}).boot(always);
      EXPECT_TRUE(booted && found.starts_with(*booted)) << booted.value_or("nothing") << " was booted of " << found;
    }
  }
};

TEST_F(UefiTwice, AllThatHaveALabelAreOneSlot) {
  Numbers order{0, 1, 2, 3, kOther};
  do {
    for (std::size_t size = 1; size <= order.size(); ++size) {
      const Numbers kept(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(size));
      const auto begins = std::ranges::find_if(kept, [](std::uint16_t number) { return number != kOther; });
      if (begins == kept.end() || slot(*begins) != std::string("A")) continue;
      SCOPED_TRACE(testing::PrintToString(kept));
      storage_.variables().clear();
      SetUp();
      firmware_.set_numbers("BootOrder", kept);
      EXPECT_EQ(firmware_.boot(always), "A");
      EXPECT_EQ(must(control().booted()), "A");
      change([](BootControl& control) { return control.mark_bad("B"); });
      EXPECT_EQ(firmware_.boot([](const std::string& slot) { return slot == "B"; }), std::nullopt) << "B is bad";
      change([](BootControl& control) { return control.arm("B", 1); });
      EXPECT_EQ(firmware_.boot(always), "B");
      EXPECT_EQ(must(control().booted()), "B");
      change([](BootControl& control) { return control.commit("B"); });
      EXPECT_EQ(firmware_.boot(always), "B");
      change([](BootControl& control) { return control.mark_bad("A"); });
      EXPECT_EQ(firmware_.boot([](const std::string& slot) { return slot == "A"; }), std::nullopt) << "A is bad";
      if (HasFailure()) return;
    }
  } while (std::ranges::next_permutation(order).found);
}

// The other one may lead nowhere: to a partition that is no more.
TEST_F(UefiTwice, TheEntryThatWasStartedIsTheOneThatIsCommitted) {
  firmware_.set_numbers("BootCurrent", {3});
  ASSERT_TRUE(control().rebuild("A"));
  EXPECT_EQ(firmware_.numbers("BootOrder"), (Numbers{3}));
  firmware_.set_numbers("BootCurrent", {2});
  ASSERT_TRUE(control().commit("B"));
  EXPECT_EQ(firmware_.numbers("BootOrder"), (Numbers{2, 3}));
}

TEST_F(UefiTwice, DoctorNamesThem) {
  firmware_.set_numbers("BootOrder", {1});
  const auto weak = must(control().examine(Probe::look));
  ASSERT_EQ(weak.size(), 2U);
  EXPECT_NE(weak[0].find("Boot0001, Boot0003"), std::string::npos) << weak[0];
}

// On trial, used up, committed, bad: after BootNext is gone only the mark tells.
TEST_F(UefiTest, TheMarkTellsUsedUpFromBad) {
  ASSERT_TRUE(control().arm("B", 1));
  EXPECT_EQ(firmware_.boot(always), "B");
  BootState state = must(control().read());
  EXPECT_EQ(state.order.front().name, "B");
  EXPECT_EQ(state.order.front().health, SlotHealth::bad);
  forget(kTrialVariable);
  state = must(control().read());
  EXPECT_EQ(state.order.front().name, "A");
  EXPECT_EQ(state.order.back().health, SlotHealth::bad);
}

TEST_F(UefiTest, ABootNextOfAnotherSystemIsLeftAlone) {
  firmware_.set_numbers("BootNext", {5});
  EXPECT_EQ(must(control().read()).order.front().name, "A");
  ASSERT_TRUE(control().commit("B"));
  ASSERT_TRUE(control().mark_bad("A"));
  EXPECT_EQ(firmware_.numbers("BootNext"), (Numbers{5}));
  EXPECT_EQ(must(control().examine(Probe::look)).size(), 1U);
}

TEST_F(UefiTest, ACommittedSlotIsArmedOnlyWhileAnotherIsCommitted) {
  EXPECT_EQ(control().arm("A", 1).error().code.number, kNoOtherSlot.number);
  ASSERT_TRUE(control().commit("B"));
  ASSERT_TRUE(control().arm("A", 1));
  EXPECT_EQ(firmware_.numbers("BootOrder"), (Numbers{2, 5, 0}));
}

TEST_F(UefiTest, WithoutAnEntryAndWithoutTheMeansToMakeOneItSaysSo) {
  forget(variable("Boot0002"));
  std::vector<UefiSlot> slots;
  slots.push_back({"A", "aloft A", {}});
  slots.push_back({"B", "aloft B", {}});
  UefiControl bare(std::make_unique<test::TestVariables>(storage_), std::move(slots));
  EXPECT_EQ(bare.arm("B", 1).error().code.number, kBootSetting.number);
  EXPECT_EQ(bare.examine(Probe::look).error().code.number, kBootSetting.number);
  EXPECT_TRUE(bare.commit("A"));
}

TEST(TrialMark, SaysWhatItWasTold) {
  const TrialMark mark{"B", {"C", "A"}};
  EXPECT_EQ(format_trial_mark(mark), "first B\nparked C A\n");
  EXPECT_EQ(parse_trial_mark(format_trial_mark(mark)), mark);
  EXPECT_EQ(parse_trial_mark("\xff nonsense\nfirst\n"), TrialMark());
}

TEST(LoadOption, HasTheBytesThatTheSpecificationGives) {
  PartitionPlace place{.number = 1, .start = 2048, .size = 131072};
  for (std::size_t i = 0; i < place.guid.size(); ++i) place.guid[i] = static_cast<std::uint8_t>(0xa0 + i);
  const LoadOption option{.label = "A", .device_path = file_device_path(place, "/a.efi"), .optional_data = to_utf16le("x")};
  const std::string bytes = format_load_option(option);
  EXPECT_EQ(to_hex(as_bytes(bytes)),
            "01000000"  // active
            "4000"      // length of the device path
            "41000000"  // "A"
            "04012a00"
            "01000000"
            "0008000000000000"
            "0000020000000000"  // hard drive: partition 1, start, size
            "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf"
            "0202"
            "04041200"
            "5c0061002e0065006600690000"
            "00"  // file: \a.efi
            "7fff0400"
            "7800");
  const LoadOption back = must(parse_load_option(bytes));
  EXPECT_EQ(back.label, "A");
  EXPECT_EQ(back.device_path, option.device_path);
  EXPECT_EQ(from_utf16le(back.optional_data), "x");
}

TEST(LoadOption, RefusesWhatDoesNotFit) {
  const std::string bytes = format_load_option({.label = "slot", .device_path = "abcd", .optional_data = {}});
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(parse_load_option(bytes.substr(0, size))) << size;
  EXPECT_TRUE(parse_load_option(bytes));
}

TEST(BootNumbers, NamesAndLists) {
  EXPECT_EQ(boot_entry_number("Boot00AF"), 0xaf);
  EXPECT_FALSE(boot_entry_number("Boot00af"));
  EXPECT_FALSE(boot_entry_number("BootOrder"));
  EXPECT_EQ(boot_entry_name(0x1c0e), "Boot1C0E");
  EXPECT_EQ(must(parse_boot_numbers(format_boot_numbers({1, 0xff02}))), (Numbers{1, 0xff02}));
  EXPECT_FALSE(parse_boot_numbers("abc"));
}

TEST(Utf16, SurvivesWhatIsNoText) {
  EXPECT_EQ(from_utf16le(to_utf16le("z\u00e4\u20ac\U0001f6f0")), "z\u00e4\u20ac\U0001f6f0");
  EXPECT_EQ(from_utf16le(to_utf16le("a\xc0\xafz")), "a\uFFFD\uFFFDz");
  EXPECT_EQ(from_utf16le(std::string("\x00\xdc"
                                     "a\0",
                                     4)),
            "\uFFFD"
            "a");
}

std::string gpt_with(std::uint64_t first, std::uint64_t last) {
  std::string head(4096, '\0');
  head.replace(512, 8, "EFI PART");
  store_le64(std::as_writable_bytes(std::span(head)).subspan(512 + 72, 8), 2);
  store_le32(std::as_writable_bytes(std::span(head)).subspan(512 + 80, 4), 128);
  store_le32(std::as_writable_bytes(std::span(head)).subspan(512 + 84, 4), 128);
  head.replace(1024 + 128 + 16, 16, "0123456789abcdef");
  store_le64(std::as_writable_bytes(std::span(head)).subspan(1024 + 128 + 32, 8), first);
  store_le64(std::as_writable_bytes(std::span(head)).subspan(1024 + 128 + 40, 8), last);
  return head;
}

TEST(PartitionPlace, IsReadFromTheGpt) {
  const PartitionPlace place = must(place_in_gpt(gpt_with(2048, 4095), 2, 512));
  EXPECT_EQ(place.number, 2U);
  EXPECT_EQ(place.start, 2048U);
  EXPECT_EQ(place.size, 2048U);
  EXPECT_EQ(std::string(place.guid.begin(), place.guid.end()), "0123456789abcdef");
}

TEST(PartitionPlace, IsNoneWhereThereIsNone) {
  EXPECT_FALSE(place_in_gpt(gpt_with(2048, 4095), 1, 512));
  EXPECT_FALSE(place_in_gpt(gpt_with(2048, 4095), 200, 512));
  EXPECT_FALSE(place_in_gpt(gpt_with(2048, 4095), 2, 4096));
  EXPECT_FALSE(place_in_gpt(std::string(4096, '\0'), 1, 512));
  EXPECT_FALSE(partition_place("/dev/null"));
}

// Over a folder of ordinary files, which is what an efivarfs looks like.
class EfivarfsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-efivars-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override {
    set_immutable(folder_ / "Boot0000-x", false);
    std::filesystem::remove_all(folder_);
  }
  static bool set_immutable(const std::filesystem::path& path, bool on) {
    const Fd fd(::open(path.c_str(), O_RDONLY));
    int flags = 0;
    if (!fd || ::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) return false;
    flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
    return ::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0;
  }
  std::filesystem::path folder_;
};

TEST_F(EfivarfsTest, AttributesGoBeforeTheData) {
  Efivarfs variables(folder_);
  ASSERT_TRUE(variables.write("BootNext-x", {7, "ab"}));
  EXPECT_EQ(must(read_file(folder_ / "BootNext-x")), std::string("\7\0\0\0ab", 6));
  EXPECT_EQ(must(variables.read("BootNext-x")), (EfiVariable{7, "ab"}));
  EXPECT_EQ(must(variables.names()), std::vector<std::string>{"BootNext-x"});
  ASSERT_TRUE(variables.remove("BootNext-x"));
  ASSERT_TRUE(variables.remove("BootNext-x"));
  EXPECT_FALSE(must(variables.read("BootNext-x")));
}

TEST_F(EfivarfsTest, AVariableThatWasNeverWrittenIsNone) {
  ASSERT_TRUE(replace_file(folder_ / "Boot0000-x", ""));
  EXPECT_FALSE(must(Efivarfs(folder_).read("Boot0000-x")));
}

// An ordinary file keeps what a shorter write leaves behind; a firmware that did so would not be believed either.
TEST_F(EfivarfsTest, WhatReadsBackDifferentlyIsAnError) {
  Efivarfs variables(folder_);
  ASSERT_TRUE(variables.write("BootOrder-x", {7, "abcd"}));
  EXPECT_EQ(variables.write("BootOrder-x", {7, "ab"}).error().code.number, kBootStateWrite.number);
}

TEST_F(EfivarfsTest, TheImmutableFlagIsTakenAwayForTheChangeOnly) {
  Efivarfs variables(folder_);
  ASSERT_TRUE(variables.write("Boot0000-x", {7, "ab"}));
  if (!set_immutable(folder_ / "Boot0000-x", true)) GTEST_SKIP() << "this file system or user has no immutable files";
  ASSERT_TRUE(variables.write("Boot0000-x", {7, "cd"}));
  EXPECT_EQ(must(variables.read("Boot0000-x")), (EfiVariable{7, "cd"}));
  EXPECT_NE(::access((folder_ / "Boot0000-x").c_str(), W_OK), 0) << "the flag is back";
  ASSERT_TRUE(variables.remove("Boot0000-x"));
}

TEST_F(EfivarfsTest, WithoutTheFolderItSaysSo) {
  Efivarfs variables(folder_ / "nothing");
  EXPECT_FALSE(variables.names());
  EXPECT_FALSE(variables.check_writable());
  EXPECT_FALSE(variables.write("BootNext-x", {7, "ab"}));
}

}  // namespace
}  // namespace aloft::boot
