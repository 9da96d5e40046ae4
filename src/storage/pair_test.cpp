#include "storage/pair.hpp"

#include <gtest/gtest.h>

#include "bundle/test_bundle.hpp"
#include "storage/copy_pair.hpp"
#include "storage/errors.hpp"
#include "storage/sim_disk.hpp"
#include "storage/stream_installer.hpp"

namespace aloft::storage {
namespace {

using crypto::test::must;

class CopyPairTest : public ::testing::Test {
 protected:
  CopyPairTest() { disk_ = std::make_unique<SimDisk>(power_, 1ULL << 20); }
  CopyPair pair() {
    SimDisk& disk = *disk_;
    return {std::make_unique<Borrowed>(disk), places_};
  }
  class Borrowed final : public BlockDevice {
   public:
    explicit Borrowed(SimDisk& disk) : disk_(disk) {}
    std::uint64_t size_bytes() const override { return disk_.size_bytes(); }
    Result<> read(std::uint64_t offset, MutableByteView buffer) override { return disk_.read(offset, buffer); }
    Result<> write(std::uint64_t offset, ByteView bytes) override { return disk_.write(offset, bytes); }
    Result<> flush() override { return disk_.flush(); }

   private:
    SimDisk& disk_;
  };
  Bytes copy(unsigned place, std::size_t size) {
    const Bytes all = disk_->durable();
    const ByteView part = ByteView(all).subspan(places_.offsets_bytes.at(place), size);
    return {part.begin(), part.end()};
  }
  const CopyPlaces places_{.offsets_bytes = {32768, 524288}, .size_bytes = 200'000};
  const Bytes old_ = bundle::test::test_content(150'000, 1);
  const Bytes new_ = bundle::test::test_content(160'001, 2);
  Power power_;
  std::unique_ptr<SimDisk> disk_;
};

// The whole way through the installer: a signed bundle, the inactive copy, the switch.
TEST_F(CopyPairTest, ABundleGoesToTheSecondCopyAndThenToTheFirst) {
  const crypto::test::Authority authority;
  std::vector<crypto::SigningIdentity> signers;
  signers.push_back(authority.issue(crypto::KeyType::p256));
  bundle::test::MemorySource source(bundle::test::sealed(bundle::test::build({{"loader", new_}}), signers));
  const crypto::TrustStore trust = authority.trust();
  bundle::Reader reader = must(bundle::Reader::open(source, trust, crypto::test::kNow));
  for (const unsigned place : {0U, 1U}) disk_->fill(places_.offsets_bytes.at(place), old_);
  {
    Target target = must(open_inactive(std::make_unique<CopyPair>(pair())));
    must(install_to(reader, 0, target, {.workers = 1}));
  }
  EXPECT_EQ(copy(0, old_.size()), old_);
  EXPECT_EQ(copy(1, new_.size()), new_);
  CopyPair again = pair();
  const Waiting waiting{crypto::sha256(new_), new_.size()};
  must(switch_pair(again, waiting));
  EXPECT_EQ(copy(0, new_.size()), new_);
  const std::uint64_t before = power_.operations();
  must(switch_pair(again, waiting));
  EXPECT_EQ(power_.operations(), before) << "a second switch writes nothing";
}

TEST_F(CopyPairTest, NothingIsSwitchedThatIsNotThere) {
  disk_->fill(places_.offsets_bytes[0], old_);
  CopyPair two = pair();
  EXPECT_EQ(switch_pair(two, {crypto::sha256(new_), new_.size()}).error().code.number, kSwitchContent.number);
  EXPECT_EQ(copy(0, old_.size()), old_);
}

TEST_F(CopyPairTest, ALostFirstCopyIsRestored) {
  disk_->fill(places_.offsets_bytes[1], old_);
  CopyPair two = pair();
  EXPECT_EQ(must(two.active()), 0U);
  EXPECT_EQ(copy(0, old_.size()), old_);
}

TEST_F(CopyPairTest, AnImageWithoutAHeaderIsRefused) {
  disk_->fill(places_.offsets_bytes[1], old_);
  CopyPair two = pair();
  const auto target = must(two.open(1));
  must(target->device().write(0, Bytes(4096)));
  EXPECT_EQ(target->finish({}).error().code.number, kNoHeader.number);
}

}  // namespace
}  // namespace aloft::storage
