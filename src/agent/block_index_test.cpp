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

BlockName name_of(ByteView block) { return bundle::block_name(crypto::sha256(block)); }

TEST(BlockIndex, FindsBlocksWhereverTheyStandAndKeepsRunsTogether) {
  Bytes content = bundle::test::test_content(6 * 4096 + 100, 3);
  std::fill_n(content.begin() + 2 * 4096, 4096, std::byte{0});
  std::copy_n(content.begin(), 4096, content.begin() + 4 * 4096);  // block 0 stands twice
  delta::ViewSource source(content);
  const auto names = must(name_blocks(source, [] { return false; }));
  ASSERT_EQ(names.size(), 6U) << "the rest is no block";
  EXPECT_EQ(names[2], zero_block_name());
  BlockIndex index;
  index.add(0, names);
  index.add(1, {names[5]});
  index.seal();
  EXPECT_EQ(index.size(), 6U) << "zeros are not kept";
  EXPECT_EQ(index.find(names[0])->block, 0U);
  EXPECT_EQ(index.find(names[0], BlockIndex::Place{0, 3})->block, 4U);
  EXPECT_EQ(index.find(names[0], BlockIndex::Place{0, 1})->block, 0U);
  EXPECT_EQ(index.find(names[5])->slot, 0U);
  EXPECT_FALSE(index.find(names[2]));
  EXPECT_FALSE(index.find(name_of(as_bytes("other"))));
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
