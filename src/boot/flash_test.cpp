// U-Boot's environment on raw flash: bad blocks, no bit that can be set, and the power cut at every erase and write.
#include "boot/flash.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "boot/errors.hpp"
#include "boot/test_loader.hpp"
#include "boot/uboot_env.hpp"

namespace aloft::boot {
namespace {

struct PowerLost {};

// What lies in the chip; outlives the Flash that is opened on it.
struct Chip {
  Flash::Geometry geometry;
  std::set<std::uint64_t> bad;
  std::string content = std::string(geometry.size_bytes, '\xff');
  unsigned operations = 0;
  unsigned cut_at = 0;
  bool worn = false;
  double done = 0;  // how much of the operation that is cut is done

  std::size_t part(std::size_t size) {
    if (++operations != cut_at) return size;
    return static_cast<std::size_t>(static_cast<double>(size) * done);
  }
  [[noreturn]] static void go_dark() { throw PowerLost(); }
};

class FakeFlash final : public Flash {
 public:
  explicit FakeFlash(Chip& chip) : chip_(chip) {}
  const Geometry& geometry() const override { return chip_.geometry; }
  Result<bool> is_bad(std::uint64_t block) override { return chip_.bad.contains(block); }
  Result<> mark_bad(std::uint64_t) override { std::abort(); }
  Result<Ecc> read(std::uint64_t offset, MutableByteView buffer) override {
    std::ranges::copy(as_bytes(chip_.content).subspan(offset, buffer.size()), buffer.begin());
    return Ecc::clean;
  }
  Result<Done> erase(std::uint64_t block) override {
    if (block % chip_.geometry.block_bytes != 0 || chip_.bad.contains(block)) std::abort();
    const std::size_t part = chip_.part(chip_.geometry.block_bytes);
    chip_.content.replace(block, part, std::string(part, '\xff'));
    if (part < chip_.geometry.block_bytes) Chip::go_dark();
    return chip_.worn ? Done::worn : Done::well;
  }
  Result<Done> program(std::uint64_t offset, ByteView bytes) override {
    if (bytes.size() % chip_.geometry.page_bytes != 0 || offset % chip_.geometry.page_bytes != 0) std::abort();
    const std::size_t part = chip_.part(bytes.size());
    for (std::size_t i = 0; i < part; ++i) {
      if (chip_.geometry.is_nand && chip_.content[offset + i] != '\xff') std::abort();
      chip_.content[offset + i] =
          static_cast<char>(chip_.content[offset + i] & std::to_integer<char>(bytes[i]));  // bits are only ever cleared
    }
    if (part < bytes.size()) Chip::go_dark();
    return Done::well;
  }

 private:
  Chip& chip_;
};

OpenFlash opener(Chip& chip) {
  return [&chip](MtdFlash::Use) -> Result<std::unique_ptr<Flash>> { return std::make_unique<FakeFlash>(chip); };
}

constexpr std::size_t kCopyBytes = 2048;
constexpr Flash::Geometry kNor{.size_bytes = 8192, .block_bytes = 1024, .page_bytes = 1, .is_nand = false};
constexpr Flash::Geometry kNand{.size_bytes = 8192, .block_bytes = 1024, .page_bytes = 512, .is_nand = true};

UbootEnvironment environment(Chip& chip) {
  std::vector<std::unique_ptr<Region>> copies;
  for (const std::uint64_t offset : {std::uint64_t{0}, std::uint64_t{4096}})
    copies.push_back(std::make_unique<FlashRegion>(opener(chip), offset, kCopyBytes, 4));
  return {std::move(copies), kCopyBytes, chip.geometry.is_nand ? UbootFlags::serial : UbootFlags::active};
}
std::string loaded(Chip& chip) {
  auto variables = environment(chip).load();
  return variables ? (*variables)["v"] : variables.error().text();
}
void save(Chip& chip, const std::string& value) {
  UbootEnvironment subject = environment(chip);
  const auto before = subject.load();
  if (!before) {
    EXPECT_EQ(before.error().code.number, kBootStateCorrupt.number);  // nothing there yet
  }
  const auto saved = subject.save({{"v", value}});
  ASSERT_TRUE(saved) << saved.error().text();
}

TEST(FlashRegion, PassesOverBadBlocks) {
  Chip chip{kNand, {0, 2048}};
  FlashRegion region(opener(chip), 0, kCopyBytes, 4);
  const std::string content = std::string(1024, 'a') + std::string(1024, 'b');
  ASSERT_TRUE(region.write(0, content));
  EXPECT_EQ(chip.content.substr(1024, 1024), std::string(1024, 'a'));
  EXPECT_EQ(chip.content.substr(3072, 1024), std::string(1024, 'b'));
  EXPECT_EQ(*region.read(), content);
  chip.bad.insert(3072);
  EXPECT_EQ(region.read().error().code.number, kBootStateWrite.number);
}

TEST(FlashRegion, IsWrittenAsAWholeFromABlockOn) {
  Chip chip{kNor, {}};
  FlashRegion region(opener(chip), 0, kCopyBytes, 0);
  EXPECT_FALSE(region.write(512, std::string(512, 'a')));
  EXPECT_FALSE(region.write(0, std::string(512, 'a')));
  FlashRegion crooked(opener(chip), 512, kCopyBytes, 0);
  EXPECT_EQ(crooked.write(0, std::string(kCopyBytes, 'a')).error().code.number, kBootSetting.number);
}

// A board's serial number, calibration data: U-Boot and fw_setenv keep it, too.
TEST(FlashRegion, KeepsWhatLiesBehindItInItsLastBlock) {
  for (const auto& geometry : {kNor, kNand}) {
    for (const std::size_t at : {1536U, 1800U, 2047U}) {
      Chip chip{geometry, {}};
      chip.content[at] = 'm';
      std::string wanted = chip.content;
      wanted.replace(0, 1536, std::string(1536, 'a'));
      FlashRegion region(opener(chip), 0, 1536, 0);
      ASSERT_TRUE(region.write(0, std::string(1536, 'a')));
      EXPECT_EQ(chip.content, wanted) << at;
    }
  }
}

TEST(FlashRegion, ABlockThatFailsIsAnError) {
  Chip chip{kNand, {}};
  chip.worn = true;
  FlashRegion region(opener(chip), 0, kCopyBytes, 0);
  EXPECT_EQ(region.write(0, std::string(kCopyBytes, 'a')).error().code.number, kBootStateWrite.number);
}

TEST(UbootOnNor, TheOldCopyIsClearedAndNotErased) {
  Chip chip{kNor, {}};
  save(chip, "one");
  save(chip, "two");
  EXPECT_EQ(chip.content[4], '\0');
  EXPECT_EQ(chip.content[4096 + 4], '\1');
  save(chip, "three");
  EXPECT_EQ(chip.content[4], '\1');
  EXPECT_EQ(chip.content[4096 + 4], '\0');
  EXPECT_EQ(loaded(chip), "three");
}

class UbootOnFlash : public ::testing::TestWithParam<bool> {};

TEST_P(UbootOnFlash, EveryPowerCutLeavesTheOldOrTheNewEnvironment) {
  Chip before{GetParam() ? kNand : kNor, {1024}};
  save(before, "zero");
  save(before, "one");
  Chip counting = before;
  counting.operations = 0;
  save(counting, "two");
  ASSERT_GE(counting.operations, 4U);
  for (unsigned at = 1; at <= counting.operations; ++at) {
    for (const double done : {0.0, 0.3, 0.6, 0.99}) {
      Chip chip = before;
      chip.operations = 0;
      chip.cut_at = at;
      chip.done = done;
      EXPECT_THROW(save(chip, "two"), PowerLost);
      const std::string value = loaded(chip);
      EXPECT_TRUE(value == "one" || value == "two") << value << " at operation " << at << ", " << done;
      // And cut again while the change is made up for.
      for (unsigned again = 1; again <= counting.operations; ++again) {
        Chip twice = chip;
        twice.operations = 0;
        twice.cut_at = again;
        try {
          save(twice, "two");
          EXPECT_EQ(loaded(twice), "two");
        } catch (const PowerLost&) {
          const std::string after = loaded(twice);
          EXPECT_TRUE(after == "one" || after == "two") << after;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, UbootOnFlash, ::testing::Bool(), [](const auto& tested) { return tested.param ? "Nand" : "Nor"; });

}  // namespace
}  // namespace aloft::boot
