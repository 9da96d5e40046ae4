#include "agent/block_index.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "agent/test_folder.hpp"
#include "bundle/test_bundle.hpp"
#include "crypto/sha256.hpp"
#include "crypto/test_pki.hpp"
#include "delta/view_source.hpp"

namespace aloft::agent {
namespace {

using crypto::test::must;

constexpr auto kGoOn = [] { return false; };

TEST(BlockIndex, FindsBlocksWhereverTheyStandAndKeepsRunsTogether) {
  Bytes content = bundle::test::test_content(6 * 4096 + 100, 3);
  std::fill_n(content.begin() + 2 * 4096, 4096, std::byte{0});
  std::copy_n(content.begin(), 4096, content.begin() + 4 * 4096);  // block 0 stands twice
  delta::ViewSource source(content);
  const auto names = must(name_blocks(source, kGoOn));
  ASSERT_EQ(names.size(), 6U) << "the rest is no block";
  EXPECT_EQ(names[2], zero_block_name());
  BlockIndex index;
  index.add(0, names);
  index.add(1, {names[5]});
  index.seal();
  EXPECT_EQ(index.size(), 6U) << "zeros are not kept";
  EXPECT_EQ(index.find(names[0])->offset_bytes, 0U);
  EXPECT_EQ(index.find(names[0], BlockIndex::Place{0, 3 * 4096})->offset_bytes, 4 * 4096U);
  EXPECT_EQ(index.find(names[0], BlockIndex::Place{0, 1 * 4096})->offset_bytes, 0U);
  EXPECT_EQ(index.find(names[5])->slot, 0U);
  EXPECT_FALSE(index.find(names[2]));
  EXPECT_FALSE(index.find(bundle::block_name(as_bytes("other"))));
}

TEST(BlockIndex, HasShiftedBlocksThatItHasNowhereElse) {
  BlockIndex index;
  index.add(0, {7});
  index.seal();
  index.add_shifted(1, std::vector<ShiftedBlock>{{7, 100}, {8, 200}});
  index.add_shifted(2, std::vector<ShiftedBlock>{{8, 300}});
  EXPECT_EQ(index.find(7), (BlockIndex::Place{0, 0}));
  EXPECT_EQ(index.find(8), (BlockIndex::Place{1, 200}));
  EXPECT_FALSE(index.find(9));
}

// Around the edges of what is read at once (a MiB), and at both ends of the source.
TEST(ShiftedBlocks, AreFoundFromAnyByteOn) {
  constexpr std::size_t kMib = 1 << 20;
  const Bytes content = bundle::test::test_content(2 * kMib + 10'000, 5);
  delta::ViewSource source(content);
  for (const std::size_t offset : {std::size_t{1}, std::size_t{4095}, kMib - 4096, kMib - 1, kMib, kMib + 1, kMib + 4095, kMib + 4097,
                                   content.size() - 4097, content.size() - 4096}) {
    const BlockName name = bundle::block_name(ByteView(content).subspan(offset, 4096));
    const auto found = must(find_shifted(source, {name, name ^ 1U, name ^ (BlockName{1} << 40U)}, kGoOn));
    ASSERT_EQ(found.size(), 1U) << offset;
    EXPECT_EQ(found[0].name, name);
    EXPECT_EQ(found[0].offset_bytes, offset);
  }
  EXPECT_TRUE(must(find_shifted(source, {bundle::block_name(Bytes(4096))}, kGoOn)).empty());
  delta::ViewSource shorter(ByteView(content).first(4095));
  EXPECT_TRUE(must(find_shifted(shorter, {1}, kGoOn)).empty());
  EXPECT_FALSE(find_shifted(source, {1}, [] { return true; }));
}

// A name with the sum of what a slot is full of, and another digest: looked at often, but not for ever.
TEST(ShiftedBlocks, NamesMadeToLookLikeEverythingCostLittle) {
  const Bytes zeros(8 << 20);
  delta::ViewSource source(zeros);
  int reads = 0;
  const auto found = find_shifted(source, {bundle::block_name(Bytes(4096)) ^ (BlockName{1} << 40U)}, [&reads] { return ++reads > 2; });
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->empty());
}

TEST(BlockIndex, NamingStopsWhenAsked) {
  const Bytes content(1 << 20);
  delta::ViewSource source(content);
  EXPECT_FALSE(name_blocks(source, [] { return true; }));
}

TEST(SlotMemory, KeepsForgetsAndTakesNothingThatIsDamaged) {
  const test::Folder folder;
  const SlotMemory memory(folder.path() / "blocks");
  const std::vector<BlockName> names{1, 2, 3};
  EXPECT_FALSE(memory.recall("A-rootfs"));
  EXPECT_TRUE(memory.forget("A-rootfs"));
  ASSERT_TRUE(memory.keep("A-rootfs", names));
  EXPECT_EQ(memory.recall("A-rootfs"), names);
  EXPECT_FALSE(memory.recall("B-rootfs"));
  const auto file = folder.path() / "blocks/A-rootfs.blocks";
  std::filesystem::resize_file(file, std::filesystem::file_size(file) - 8);
  EXPECT_FALSE(memory.recall("A-rootfs")) << "torn";
  ASSERT_TRUE(memory.keep("A-rootfs", names));
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(50).put('x');
  EXPECT_FALSE(memory.recall("A-rootfs")) << "damaged";
  ASSERT_TRUE(memory.keep("A-rootfs", {}));
  EXPECT_TRUE(memory.recall("A-rootfs")->empty());
  ASSERT_TRUE(memory.forget("A-rootfs"));
  EXPECT_FALSE(memory.recall("A-rootfs"));
}

}  // namespace
}  // namespace aloft::agent
