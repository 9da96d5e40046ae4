// A power cut at every write and flush of an ext4 image that is installed and then grown to its slot, whatever becomes of unflushed writes.
// The next install starts from what that left, and must end as one that nothing interrupted.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "base/file.hpp"
#include "base/process.hpp"
#include "bundle/test_bundle.hpp"
#include "storage/file_device.hpp"
#include "storage/grown_target.hpp"
#include "storage/installer.hpp"
#include "storage/test_cut_search.hpp"

namespace aloft::storage {
namespace {

namespace fs = std::filesystem;
using crypto::test::must;
using test::Borrowed;
using test::CutSearch;
using test::CutStory;
using test::kMiB;

constexpr std::uint64_t kImageBytes = 4 * kMiB;
constexpr std::uint64_t kSlotBytes = 10 * kMiB;  // behind the first 8 MiB a block group begins

class GrownCut : public ::testing::Test {
 protected:
  void SetUp() override {
    const fs::path memory = "/dev/shm";  // the programs flush a file of 10 MiB for each state
    std::string pattern = ((fs::exists(memory) ? memory : fs::temp_directory_path()) / "aloft-grown-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ::setenv("E2FSPROGS_FAKE_TIME", "1700000000", 1);  // the same writes each time
    ::setenv("E2FSCK_TIME", "1700000000", 1);
    fs::create_directory(folder_ / "tree");
    std::ofstream(folder_ / "tree/release") << "two\n";
    std::ofstream(folder_ / "tree/tool") << as_text(bundle::test::test_content(300'000, 3));
    std::ofstream(slot()).close();
    fs::resize_file(slot(), kImageBytes);
    const ProcessEnd made =
        must(run_process({"mkfs.ext4", "-q", "-F", "-b", "1024", "-O", "^resize_inode", "-d", (folder_ / "tree").string(), slot().string()},
                         std::chrono::seconds(60)));
    ASSERT_EQ(made.exit_status, 0) << made.output;
    const std::string image = must(read_file(slot(), kSlotBytes));
    const crypto::test::Authority authority;
    std::vector<crypto::SigningIdentity> signers;
    signers.push_back(authority.issue(crypto::KeyType::p256));
    source_.emplace(
        bundle::test::sealed(bundle::test::build({{"rootfs", Bytes(as_bytes(image).begin(), as_bytes(image).end())}}), signers));
    trust_.emplace(authority.trust());
    reader_.emplace(must(bundle::Reader::open(*source_, *trust_, crypto::test::kNow)));
  }
  void TearDown() override {
    ::unsetenv("E2FSPROGS_FAKE_TIME");
    ::unsetenv("E2FSCK_TIME");
    fs::remove_all(folder_);
  }
  fs::path slot() const { return folder_ / "slot"; }

  void write_image(SimDisk& disk) { must(install_image(*reader_, 0, disk, {.workers = 1})); }

  // What the programs change, run of sectors by run of sectors, as the page cache may bring it to the disk: in any order, at the end
  // flushed.
  void grow(SimDisk& disk) {
    const Bytes before = disk.durable();
    std::ofstream(slot(), std::ios::binary) << as_text(before);
    GrownTarget target(must(FileDevice::open(slot())), slot());
    must(target.finish(reader_->manifest().images[0]));
    const std::string after = must(read_file(slot(), kSlotBytes));
    const auto differs = [&](std::size_t at) { return as_text(before).substr(at, kSector) != std::string_view(after).substr(at, kSector); };
    for (std::size_t at = 0; at < after.size(); at += kSector) {
      if (!differs(at)) continue;
      std::size_t end = at;
      while (end < after.size() && differs(end)) end += kSector;
      must(disk.write(at, as_bytes(std::string_view(after).substr(at, end - at))));
      at = end;
    }
    must(disk.flush());
  }
  SimDisk fresh() {
    SimDisk disk(power_, kSlotBytes);
    disk.fill(0, bundle::test::test_content(kSlotBytes, 9));  // the slot held something else
    return disk;
  }

  static constexpr std::size_t kSector = SimDisk::kSectorBytes;
  fs::path folder_;
  std::optional<bundle::test::MemorySource> source_;
  std::optional<crypto::TrustStore> trust_;
  std::optional<bundle::Reader> reader_;
  Power power_;
};

TEST_F(GrownCut, TheNextInstallMakesUpForIt) {
  SimDisk disk = fresh();
  write_image(disk);
  SimDisk whole(disk);
  grow(whole);
  const CutStory<SimDisk> story{.name = "an image that is grown",
                                .work =
                                    [&](SimDisk& cut) {
                                      write_image(cut);
                                      grow(cut);
                                    },
                                .judge = [](SimDisk&) {},  // nothing boots it
                                .done = [&](SimDisk& cut) { return cut.holds_same(whole); }};
  CutSearch(story, power_, Effort::quick).run(disk, test::all_cuts_wanted() ? 2 : 1);
}

}  // namespace
}  // namespace aloft::storage
