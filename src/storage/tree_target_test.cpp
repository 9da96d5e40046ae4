#include "storage/tree_target.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/test_tar.hpp"
#include "bundle/test_bundle.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;
using crypto::test::must;
using test::Member;
using test::tar_of;

// A folder that stands for a file system. What `damage` does happens while it is not mounted.
class FolderVolume final : public Volume {
 public:
  explicit FolderVolume(fs::path folder) : folder_(std::move(folder)) {}
  Result<> format() override {
    fs::remove_all(folder_);
    fs::create_directory(folder_);
    return {};
  }
  Result<Fd> mount(Access access) override {
    if (access == Access::read_only && damage) damage();
    return open_file(folder_, O_RDONLY | O_DIRECTORY);
  }
  Result<> release(Fd) override { return {}; }
  std::function<void()> damage;

 private:
  const fs::path folder_;
};

class TreeTargetTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = "/var/tmp/aloft-tree-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { fs::remove_all(folder_); }
  fs::path tree() const { return folder_ / "tree"; }
  std::string text(const std::string& path) const { return must(read_file(tree() / path)); }

  Result<> install(ByteView archive, TreePolicy policy = {}) {
    auto volume = std::make_unique<FolderVolume>(tree());
    volume->damage = damage_;
    TreeTarget target(std::move(volume), policy);
    bundle::Image image;
    image.name = "rootfs";
    TRY(target.begin(image));
    for (std::size_t at = 0; at < archive.size(); at += 10000) {
      TRY(target.append(archive.subspan(at, std::min<std::size_t>(10000, archive.size() - at))));
    }
    return target.finish();
  }
  std::uint16_t error_of(const std::vector<Member>& members, TreePolicy policy = {}) {
    const auto done = install(tar_of(members), policy);
    return done ? std::uint16_t{0} : done.error().code.number;
  }

  fs::path folder_;
  std::function<void()> damage_;
};

const std::string kLarge(300'000, 'L');

TEST_F(TreeTargetTest, UnpacksEverythingAnArchiveHolds) {
  const auto done = install(tar_of({{.path = "./", .type = S_IFDIR, .mode = 0750},
                                    {.path = "./etc/", .type = S_IFDIR, .mode = 0700},
                                    {.path = "./etc/hostname", .content = "gateway\n", .mode = 04755},
                                    {.path = "./etc/host", .hard_link = "./etc/hostname"},
                                    {.path = "./usr/lib/deep/large", .content = kLarge, .xattrs = {{"user.note", "kept"}}},
                                    {.path = "./bin", .type = S_IFLNK, .content = "usr/bin", .mode = 0777},
                                    {.path = "./pipe", .type = S_IFIFO}}));
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(text("etc/hostname"), "gateway\n");
  EXPECT_EQ(fs::hard_link_count(tree() / "etc/hostname"), 2U);
  EXPECT_EQ(text("usr/lib/deep/large"), kLarge);
  EXPECT_EQ(fs::read_symlink(tree() / "bin"), "usr/bin");
  struct stat status{};
  ASSERT_EQ(::stat((tree() / "etc/hostname").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 04755U);
  EXPECT_EQ(status.st_mtim.tv_sec, 1700000000);
  ASSERT_EQ(::stat((tree() / "etc").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
  EXPECT_EQ(status.st_mtim.tv_sec, 1700000000);
  ASSERT_EQ(::stat(tree().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0750U);
  std::string note(10, '\0');
  EXPECT_EQ(::getxattr((tree() / "usr/lib/deep/large").c_str(), "user.note", note.data(), note.size()), 4);
  EXPECT_TRUE(S_ISFIFO(::lstat((tree() / "pipe").c_str(), &status) == 0 ? status.st_mode : 0));
}

// Deduplicating tools give them several names.
TEST_F(TreeTargetTest, LinksAndPipesMayHaveSeveralNames) {
  const auto done = install(tar_of({{.path = "folder/link", .type = S_IFLNK, .content = "nowhere"},
                                    {.path = "again", .hard_link = "folder/link"},
                                    {.path = "pipe", .type = S_IFIFO, .mode = 0640},
                                    {.path = "folder/pipe", .hard_link = "pipe"}}));
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(fs::read_symlink(tree() / "again"), "nowhere");
  struct stat status{};
  ASSERT_EQ(::lstat((tree() / "again").c_str(), &status), 0);
  EXPECT_EQ(status.st_nlink, 2U);
  ASSERT_EQ(::lstat((tree() / "folder/pipe").c_str(), &status), 0);
  EXPECT_TRUE(S_ISFIFO(status.st_mode));
  EXPECT_EQ(status.st_nlink, 2U);
  EXPECT_EQ(error_of({{.path = "link", .hard_link = "nothing"}}), kTreeEntry.number);
  EXPECT_EQ(error_of({{.path = "folder", .type = S_IFDIR}, {.path = "link", .hard_link = "folder"}}), kTreeEntry.number);
  EXPECT_EQ(error_of({{.path = "file", .content = "x"}, {.path = "link", .hard_link = "."}}), kTreeEntry.number);
}

TEST_F(TreeTargetTest, NamesMayHaveAllCharacters) {
  const std::string folder(120, 'x');  // too long for a member's own header, so that pax's have the names
  const std::string name = folder + "/F\u0151tan\u00fas\u00edtv\u00e1ny.crt";
  const auto done = install(tar_of({{.path = name, .content = "root"},
                                    {.path = folder + "/link", .type = S_IFLNK, .content = "\u00e9"},
                                    {.path = "\u00e9", .content = "short"}}));
  ASSERT_TRUE(done) << done.error().text();
  EXPECT_EQ(text(name), "root");
  EXPECT_EQ(text("\u00e9"), "short");
  EXPECT_EQ(fs::read_symlink(tree() / folder / "link"), "\u00e9");
  EXPECT_EQ(error_of({{.path = folder + "/\xff", .content = "no character"}}), kBadArchive.number);
}

TEST_F(TreeTargetTest, NoPathLeavesTheTree) {
  const fs::path outside = folder_ / "outside";
  fs::create_directory(outside);
  EXPECT_EQ(error_of({{.path = "../outside/x", .content = "x"}}), kTreeEntry.number);
  EXPECT_EQ(error_of({{.path = "a/../../outside/x", .content = "x"}}), kTreeEntry.number);
  EXPECT_EQ(error_of({{.path = outside.string() + "/x", .content = "x"}}), kTreeEntry.number);
  EXPECT_NE(error_of({{.path = "out", .type = S_IFLNK, .content = outside.string()}, {.path = "out/x", .content = "x"}}), 0);
  EXPECT_NE(error_of({{.path = "out", .type = S_IFLNK, .content = "../outside"}, {.path = "out/sub/", .type = S_IFDIR}}), 0);
  std::ofstream(folder_ / "secret") << "secret";
  EXPECT_NE(error_of({{.path = "leak", .hard_link = "../secret"}}), 0);
  EXPECT_NE(error_of({{.path = "out", .type = S_IFLNK, .content = ".."}, {.path = "leak", .hard_link = "out/secret"}}), 0);
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(TreeTargetTest, RefusesWhatItsPolicyDoesNotAllow) {
  const Member node{.path = "null", .type = S_IFCHR};
  EXPECT_EQ(error_of({node}), kTreeEntry.number);
  if (::geteuid() == 0) {
    EXPECT_EQ(error_of({node}, {.device_nodes = true}), 0);
  }
  const TreePolicy fat{.unix_metadata = false};
  EXPECT_EQ(error_of({{.path = "a", .type = S_IFLNK, .content = "b"}}, fat), kTreeEntry.number);
  EXPECT_EQ(error_of({{.path = "b", .content = "b"}, {.path = "a", .hard_link = "b"}}, fat), kTreeEntry.number);
  EXPECT_EQ(error_of({{.path = "EFI/BOOT/", .type = S_IFDIR}, {.path = "EFI/BOOT/BOOTX64.EFI", .content = "boot"}}, fat), 0);
}

TEST_F(TreeTargetTest, RefusesWhatIsNoOrderlyArchive) {
  EXPECT_EQ(error_of({{.path = "twice", .content = "1"}, {.path = "twice", .content = "2"}}), kTreeEntry.number);
  EXPECT_EQ(error_of({{.path = "lost+found/x", .content = "1"}}), kTreeEntry.number);
  EXPECT_EQ(install(bundle::test::test_content(200'000)).error().code.number, kBadArchive.number);
  Bytes cut = tar_of({{.path = "large", .content = kLarge}});
  cut.resize(100'000);
  EXPECT_EQ(install(cut).error().code.number, kBadArchive.number);
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "d/";
  EXPECT_EQ(error_of({{.path = deep + "x", .content = "x"}}), kTreeEntry.number);
}

TEST_F(TreeTargetTest, NoticesWhatReadsBackDifferently) {
  const Bytes archive = tar_of({{.path = "a", .content = kLarge}, {.path = "folder/b", .content = "b"}});
  const std::vector<std::function<void()>> damages = {
      [this] { std::fstream(tree() / "a", std::ios::in | std::ios::out).seekp(1234).put('x'); },
      [this] { fs::remove(tree() / "folder/b"); },
      [this] { std::ofstream(tree() / "more") << "x"; },
      [this] { ::chmod((tree() / "a").c_str(), 0600); },
      [this] { fs::create_hard_link(tree() / "a", tree() / "c"), fs::remove(tree() / "a"); },
  };
  ASSERT_TRUE(install(archive));
  for (const auto& damage : damages) {
    damage_ = damage;
    const auto done = install(archive);
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code.number, kReadBack.number);
  }
}

TEST_F(TreeTargetTest, AnAbortedStreamEndsItsThread) {
  const Bytes archive = tar_of({{.path = "large", .content = kLarge}});
  TreeTarget target(std::make_unique<FolderVolume>(tree()), {});
  ASSERT_TRUE(target.begin({}));
  ASSERT_TRUE(target.append(ByteView(archive).first(50'000)));
  target.abort();
  ASSERT_TRUE(target.begin({}));
  ASSERT_TRUE(target.append(archive));
  EXPECT_TRUE(target.finish());
}

}  // namespace
}  // namespace aloft::storage
