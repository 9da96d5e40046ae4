#include "storage/installer.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>

#include "base/file.hpp"
#include "bundle/errors.hpp"
#include "bundle/test_bundle.hpp"
#include "storage/errors.hpp"
#include "storage/file_device.hpp"
#include "storage/sim_disk.hpp"
#include "storage/stream_installer.hpp"

namespace aloft::storage {
namespace {

using bundle::test::test_content;
using crypto::test::must;

constexpr std::size_t kFrame = bundle::kMinFrameBytes;

// Zeros in frame 3, and a last frame that is no multiple of anything.
Bytes image_content() {
  Bytes content = test_content(12 * kFrame + 777, 5);
  std::fill_n(content.begin() + 3 * kFrame, kFrame, std::byte{0});
  return content;
}

// Counts reads of the bundle's payload, and may break off.
class CountingSource final : public bundle::ByteSource {
 public:
  explicit CountingSource(Bytes bytes) : memory_(std::move(bytes)) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    if (on_read_) on_read_(offset);
    if (reads_left_ == 0) return fail(ErrorCode{1, ErrorKind::retry, "test"}, "the source broke off");
    --reads_left_;
    return memory_.read_at(offset, buffer);
  }
  bool any_order() const override { return false; }
  unsigned reads_left_ = 1000;
  std::function<void(std::uint64_t offset)> on_read_;

 private:
  bundle::test::MemorySource memory_;
};

class InstallerTest : public ::testing::TestWithParam<unsigned> {
 protected:
  InstallerTest() {
    const crypto::test::Authority authority;
    const std::vector<crypto::SigningIdentity> signers = [&] {
      std::vector<crypto::SigningIdentity> made;
      made.push_back(authority.issue(crypto::KeyType::p256));
      return made;
    }();
    source_ = std::make_unique<CountingSource>(bundle::test::sealed(bundle::test::build({{"rootfs", content_}}), signers));
    trust_.emplace(authority.trust());
    reader_.emplace(must(bundle::Reader::open(*source_, *trust_, crypto::test::kNow)));
    disk_.fill(0, test_content(disk_.size_bytes(), 99));
  }
  InstallOptions options() const { return {.workers = GetParam(), .settle_bytes = 4 * kFrame}; }
  Bytes image_on_disk() const {
    const Bytes durable = disk_.durable();
    return {durable.begin(), durable.begin() + static_cast<std::ptrdiff_t>(content_.size())};
  }
  Bytes behind_the_image() const {
    const Bytes durable = disk_.durable();
    return {durable.begin() + static_cast<std::ptrdiff_t>(content_.size()), durable.end()};
  }
  bool disk_holds_image() const { return image_on_disk() == content_; }

  const Bytes content_ = image_content();
  std::unique_ptr<CountingSource> source_;
  std::optional<crypto::TrustStore> trust_;
  std::optional<bundle::Reader> reader_;
  Power power_;
  SimDisk disk_{power_, 13 * kFrame};
};

TEST_P(InstallerTest, WritesTheImageAndNothingBehindIt) {
  const Bytes tail = behind_the_image();
  std::vector<std::uint64_t> settled;
  InstallOptions asked = options();
  asked.settled = [&](std::uint64_t frames) { settled.push_back(frames); };
  const InstallStats stats = must(install_image(*reader_, 0, disk_, asked));
  EXPECT_TRUE(disk_holds_image());
  EXPECT_EQ(behind_the_image(), tail);
  EXPECT_EQ(stats.frames, 13U);
  EXPECT_EQ(stats.frames_fetched, 12U);
  EXPECT_EQ(stats.frames_zero, 1U);
  ASSERT_FALSE(settled.empty());
  EXPECT_EQ(settled.back(), 13U);
  EXPECT_TRUE(std::ranges::is_sorted(settled));
}

// Makes frames as a delta would: all but those it does not have, and some wrongly.
class PartialMaker final : public FrameMaker {
 public:
  explicit PartialMaker(const Bytes& content) : content_(content) {}
  Result<bool> make(std::uint64_t frame, MutableByteView out) override {
    asked_.push_back(frame);
    if (frame == 1) return false;
    std::copy_n(content_.begin() + static_cast<std::ptrdiff_t>(frame * kFrame), out.size(), out.begin());
    if (frame == 5) out[77] ^= std::byte{1};
    if (frame == broken_at_) return fail(ErrorCode{2, ErrorKind::retry, "test"}, "the old slot cannot be read");
    return true;
  }
  void checked(bool right) override { (right ? right_ : wrong_) += 1; }
  std::vector<std::uint64_t> asked_;
  unsigned right_ = 0;
  unsigned wrong_ = 0;
  std::uint64_t broken_at_ = UINT64_MAX;

 private:
  const Bytes& content_;
};

TEST_P(InstallerTest, WhatAMakerMakesRightlyIsNotFetchedAndWhatItMakesWronglyIsNeverWritten) {
  PartialMaker maker(content_);
  InstallOptions asked = options();
  asked.maker = &maker;
  const InstallStats stats = must(install_image(*reader_, 0, disk_, asked));
  EXPECT_TRUE(disk_holds_image());
  EXPECT_EQ(stats.frames_made, 10U);
  EXPECT_EQ(stats.frames_fetched, 2U);
  EXPECT_EQ(stats.frames_zero, 1U);
  EXPECT_EQ(maker.right_, 10U);
  EXPECT_EQ(maker.wrong_, 1U);
  EXPECT_TRUE(std::ranges::is_sorted(maker.asked_));
}

// Keeps what it is given, in order.
class MemoryStream final : public StreamTarget {
 public:
  Result<> begin(const bundle::Image& /*image*/) override { return {}; }
  Result<> append(ByteView content) override {
    content_.insert(content_.end(), content.begin(), content.end());
    return {};
  }
  Result<> finish() override { return {}; }
  void abort() override {}
  Bytes content_;
};

TEST_P(InstallerTest, AStreamTakesFramesOfAMakerToo) {
  PartialMaker maker(content_);
  InstallOptions asked = options();
  asked.maker = &maker;
  MemoryStream stream;
  const InstallStats stats = must(stream_image(*reader_, 0, stream, asked));
  EXPECT_EQ(stream.content_, content_);
  EXPECT_EQ(stats.frames_made, 11U);
  EXPECT_EQ(stats.frames_fetched, 2U);
  EXPECT_EQ(maker.wrong_, 1U);
  maker.broken_at_ = 6;
  EXPECT_EQ(stream_image(*reader_, 0, stream, asked).error().code.number, 2);
}

TEST_P(InstallerTest, AMakersErrorEndsTheInstall) {
  PartialMaker maker(content_);
  maker.broken_at_ = 6;
  InstallOptions asked = options();
  asked.maker = &maker;
  const auto done = install_image(*reader_, 0, disk_, asked);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code.number, 2);
}

TEST_P(InstallerTest, WhatIsInPlaceIsNeitherFetchedNorWritten) {
  disk_.fill(0, content_);
  const InstallStats stats = must(install_image(*reader_, 0, disk_, options()));
  EXPECT_EQ(stats.frames_in_place, 13U);
  EXPECT_EQ(stats.bytes_written, 0U);
  EXPECT_EQ(stats.bytes_fetched, 0U);
}

TEST_P(InstallerTest, OfAFrameThatDiffersOnlyTheBlocksThatDifferAreWritten) {
  disk_.fill(0, content_);
  disk_.fill(5 * kFrame + 5000, Bytes(10, std::byte{'Z'}));
  disk_.fill(12 * kFrame + 776, Bytes(1, std::byte{'Z'}));
  const InstallStats stats = must(install_image(*reader_, 0, disk_, options()));
  EXPECT_TRUE(disk_holds_image());
  EXPECT_EQ(stats.frames_in_place, 11U);
  EXPECT_EQ(stats.bytes_written, 4096U + 777U);
}

// A process that dies leaves what it wrote; one block at most is fetched twice.
TEST_P(InstallerTest, TakesUpABrokenInstallWhereItWas) {
  source_->reads_left_ = 7;
  ASSERT_FALSE(install_image(*reader_, 0, disk_, options()));
  source_->reads_left_ = 1000;
  InstallOptions again = options();
  again.likely_frames = 13;
  const InstallStats stats = must(install_image(*reader_, 0, disk_, again));
  EXPECT_TRUE(disk_holds_image());
  EXPECT_EQ(stats.frames_fetched + stats.frames_in_place + stats.frames_zero, 13U);
  EXPECT_LE(stats.frames_fetched, 12U - 7U + GetParam());
}

TEST_P(InstallerTest, AnErrorOfTheSourceIsTheCallers) {
  source_->reads_left_ = 5;
  const auto result = install_image(*reader_, 0, disk_, options());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "the source broke off");
}

TEST_P(InstallerTest, StopsWhenAsked) {
  std::stop_source stop;
  InstallOptions asked = options();
  asked.stop = stop.get_token();
  asked.settled = [&](std::uint64_t) { stop.request_stop(); };
  asked.settle_bytes = kFrame;
  const auto result = install_image(*reader_, 0, disk_, asked);
  if (!result) {
    EXPECT_EQ(result.error().code.number, kCancelled.number);
  }
  stop.request_stop();
  const auto at_once = install_image(*reader_, 0, disk_, asked);
  ASSERT_FALSE(at_once);
  EXPECT_EQ(at_once.error().code.number, kCancelled.number);
}

TEST_P(InstallerTest, RefusesASlotThatIsTooSmallBeforeTheFirstWrite) {
  SimDisk small(power_, content_.size() - 1);
  const std::uint64_t before = power_.operations();
  EXPECT_EQ(install_image(*reader_, 0, small, options()).error().code.number, kOutsideDevice.number);
  EXPECT_EQ(power_.operations(), before);
}

// Loses one bit of one write, or the zeroing of ranges.
class FailingDisk final : public BlockDevice {
 public:
  explicit FailingDisk(BlockDevice& disk) : disk_(disk) {}
  std::uint64_t size_bytes() const override { return disk_.size_bytes(); }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override { return disk_.read(offset, buffer); }
  Result<> write(std::uint64_t offset, ByteView bytes) override {
    Bytes changed(bytes.begin(), bytes.end());
    if (offset == 8 * kFrame) changed[100] ^= std::byte{4};
    return disk_.write(offset, changed);
  }
  Result<> write_zeros(std::uint64_t offset, std::uint64_t size) override {
    return keeps_old_content_ ? Result<>() : disk_.write_zeros(offset, size);
  }
  Result<> flush() override { return disk_.flush(); }
  bool keeps_old_content_ = false;  // where zeros were asked for

 private:
  BlockDevice& disk_;
};

INSTANTIATE_TEST_SUITE_P(Workers, InstallerTest, ::testing::Values(1U));

class FileDeviceTest : public InstallerTest {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-device-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ASSERT_TRUE(replace_file(folder_ / "slot", std::string(13 * kFrame, 'x')));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_P(FileDeviceTest, AFileTakesTheImageWithAnyNumberOfWorkers) {
  const std::unique_ptr<FileDevice> device = must(FileDevice::open(folder_ / "slot"));
  must(install_image(*reader_, 0, *device, options()));
  const std::string written = must(read_file(folder_ / "slot"));
  ASSERT_EQ(written.size(), 13 * kFrame);
  EXPECT_TRUE(std::ranges::equal(as_bytes(written).first(content_.size()), content_));
  EXPECT_EQ(written.substr(content_.size()), std::string(13 * kFrame - content_.size(), 'x'));
  EXPECT_EQ(must(install_image(*reader_, 0, *device, options())).frames_in_place, 13U);
}

TEST_P(FileDeviceTest, ReadsBackWhatItWrote) {
  const std::unique_ptr<FileDevice> device = must(FileDevice::open(folder_ / "slot"));
  FailingDisk failing(*device);
  EXPECT_EQ(install_image(*reader_, 0, failing, options()).error().code.number, kReadBack.number);
}

// A bundle of its own, from memory or from a file.
struct Other {
  Other(const std::string& file, Bytes image) : content(std::move(image)) {
    std::vector<crypto::SigningIdentity> signers;
    signers.push_back(authority.issue(crypto::KeyType::p256));
    Bytes sealed = bundle::test::sealed(bundle::test::build({{"rootfs", content}}), signers);
    EXPECT_TRUE(replace_file(file, std::string(reinterpret_cast<const char*>(sealed.data()), sealed.size())));
    open(file);
  }
  void open(const std::string& file) {
    source = must(bundle::open_source(file));
    reader.emplace(must(bundle::Reader::open(*source, trust, crypto::test::kNow)));
  }
  Bytes content;
  crypto::test::Authority authority;
  crypto::TrustStore trust = authority.trust();
  std::unique_ptr<bundle::ByteSource> source;
  std::optional<bundle::Reader> reader;
};

Bytes with_long_runs_of_zeros() {
  Bytes content = test_content(12 * kFrame + 777, 5);
  std::fill(content.begin() + 2 * kFrame, content.begin() + 8 * kFrame, std::byte{0});
  std::fill(content.begin() + 9 * kFrame, content.end(), std::byte{0});
  return content;
}

TEST_P(FileDeviceTest, LongRunsOfZerosAreZeroedWithoutFetching) {
  Other other(folder_ / "bundle", with_long_runs_of_zeros());
  const std::unique_ptr<FileDevice> device = must(FileDevice::open(folder_ / "slot"));
  const InstallStats stats = must(install_image(*other.reader, 0, *device, options()));
  EXPECT_EQ(stats.frames_zero, 10U);
  EXPECT_EQ(stats.frames_fetched, 3U);
  const std::string written = must(read_file(folder_ / "slot"));
  EXPECT_TRUE(std::ranges::equal(as_bytes(written).first(other.content.size()), other.content));
  EXPECT_EQ(written.substr(other.content.size()), std::string(13 * kFrame - other.content.size(), 'x'));
}

TEST_P(FileDeviceTest, ZerosAreReadBackToo) {
  Other other(folder_ / "bundle", with_long_runs_of_zeros());
  const std::unique_ptr<FileDevice> device = must(FileDevice::open(folder_ / "slot"));
  FailingDisk failing(*device);
  failing.keeps_old_content_ = true;
  EXPECT_EQ(install_image(*other.reader, 0, failing, options()).error().code.number, kReadBack.number);
}

TEST_P(FileDeviceTest, AnImageOfNothingButZerosIsInstalled) {
  Other other(folder_ / "bundle", Bytes(13 * kFrame));
  const std::unique_ptr<FileDevice> device = must(FileDevice::open(folder_ / "slot"));
  std::uint64_t settled = 0;
  InstallOptions asked = options();
  asked.settled = [&](std::uint64_t frames) { settled = frames; };
  EXPECT_EQ(must(install_image(*other.reader, 0, *device, asked)).frames_zero, 13U);
  EXPECT_EQ(must(read_file(folder_ / "slot")), std::string(13 * kFrame, '\0'));
  EXPECT_EQ(settled, 13U);
}

TEST_P(FileDeviceTest, WorkersReadABundleFileInAnyOrder) {
  Other other(folder_ / "bundle", test_content(13 * kFrame, 9));
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(replace_file(folder_ / "slot", std::string(13 * kFrame, 'x')));
    const std::unique_ptr<FileDevice> device = must(FileDevice::open(folder_ / "slot"));
    EXPECT_EQ(must(install_image(*other.reader, 0, *device, options())).frames_fetched, 13U);
    EXPECT_TRUE(std::ranges::equal(as_bytes(must(read_file(folder_ / "slot"))), other.content));
  }
  EXPECT_TRUE(other.reader->check_end());
}

// Frames are fetched and checked by twos: of those around a damaged one nothing wrong is written either.
TEST_P(FileDeviceTest, ADamagedFrameIsRefusedWhereverItStands) {
  for (std::uint64_t damaged = 0; damaged < 13; ++damaged) {
    Other other(folder_ / "bundle", test_content(13 * kFrame, 9));
    std::string bundle = must(read_file(folder_ / "bundle"));
    bundle[other.reader->stored_extent(0, damaged).offset_bytes + 50] ^= 1;
    ASSERT_TRUE(replace_file(folder_ / "bundle", bundle));
    other.open(folder_ / "bundle");
    ASSERT_TRUE(replace_file(folder_ / "slot", std::string(13 * kFrame, 'x')));
    const std::unique_ptr<FileDevice> device = must(FileDevice::open(folder_ / "slot"));
    EXPECT_EQ(install_image(*other.reader, 0, *device, options()).error().code.number, bundle::kStoredDigest.number) << damaged;
    const std::string slot = must(read_file(folder_ / "slot"));
    for (std::uint64_t frame = 0; frame < 13; ++frame) {
      const ByteView is = as_bytes(slot).subspan(frame * kFrame, kFrame);
      const bool old = std::ranges::all_of(is, [](std::byte byte) { return byte == std::byte{'x'}; });
      EXPECT_TRUE(old || (frame != damaged && std::ranges::equal(is, ByteView(other.content).subspan(frame * kFrame, kFrame)))) << frame;
    }
  }
}

TEST_P(FileDeviceTest, AnErrorEndsAllWorkers) {
  const std::unique_ptr<FileDevice> device = must(FileDevice::open(folder_ / "slot"));
  source_->reads_left_ = 3;
  EXPECT_EQ(install_image(*reader_, 0, *device, options()).error().message, "the source broke off");
}

// Notes what a flush has made durable; the workers call it side by side.
class FlushedDevice final : public BlockDevice {
 public:
  explicit FlushedDevice(FileDevice& file) : file_(file) {}
  std::uint64_t size_bytes() const override { return file_.size_bytes(); }
  Result<> read(std::uint64_t offset, MutableByteView buffer) override { return file_.read(offset, buffer); }
  Result<> write(std::uint64_t offset, ByteView bytes) override {
    TRY(file_.write(offset, bytes));
    const std::lock_guard lock(mutex_);
    written_.insert(offset / kFrame);
    return {};
  }
  Result<> flush() override {
    std::set<std::uint64_t> flushing;
    {
      const std::lock_guard lock(mutex_);
      flushing = written_;
    }
    TRY(file_.flush());
    const std::lock_guard lock(mutex_);
    flushed_.merge(flushing);
    return {};
  }
  bool is_flushed(std::uint64_t frame) {
    const std::lock_guard lock(mutex_);
    return flushed_.contains(frame);
  }

 private:
  FileDevice& file_;
  std::mutex mutex_;
  std::set<std::uint64_t> written_, flushed_;
};

TEST_P(FileDeviceTest, ADearSourceIsAskedForAFrameOnceAllBeforeItAreDurable) {
  const std::unique_ptr<FileDevice> file = must(FileDevice::open(folder_ / "slot"));
  FlushedDevice device(*file);
  std::vector<std::uint64_t> early;
  std::uint64_t asked_for = 0;
  source_->on_read_ = [&](std::uint64_t offset) {
    while (reader_->stored_extent(0, asked_for).offset_bytes != offset) ++asked_for;
    for (std::uint64_t before = 0; before < asked_for; ++before)
      if (!device.is_flushed(before)) early.push_back(asked_for);
  };
  InstallOptions asked = options();
  asked.fetching = Fetching::after_flush;
  const InstallStats stats = must(install_image(*reader_, 0, device, asked));
  EXPECT_EQ(stats.frames_fetched, 12U);
  EXPECT_EQ(asked_for, 12U);
  EXPECT_TRUE(early.empty()) << "frame " << early.front();
}

TEST_P(FileDeviceTest, RefusesAccessPastItsEnd) {
  const std::unique_ptr<FileDevice> device = must(FileDevice::open(folder_ / "slot"));
  Bytes bytes(512);
  EXPECT_EQ(device->write(13 * kFrame - 511, bytes).error().code.number, kOutsideDevice.number);
  EXPECT_EQ(device->read(UINT64_MAX - 100, bytes).error().code.number, kOutsideDevice.number);
  EXPECT_EQ(device->write_zeros(0, UINT64_MAX).error().code.number, kOutsideDevice.number);
}

TEST_P(FileDeviceTest, RefusesWhatIsNoDevice) {
  EXPECT_EQ(FileDevice::open(folder_).error().code.number, kNotADevice.number);
  EXPECT_FALSE(FileDevice::open(folder_ / "none"));
}

INSTANTIATE_TEST_SUITE_P(Workers, FileDeviceTest, ::testing::Values(1U, 4U));

}  // namespace
}  // namespace aloft::storage
