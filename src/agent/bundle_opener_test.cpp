// Sources of bundles that give nothing, or are none.
#include "agent/bundle_opener.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "agent/errors.hpp"
#include "agent/test_folder.hpp"
#include "agent/test_releases.hpp"
#include "base/file.hpp"
#include "bundle/errors.hpp"
#include "crypto/test_pki.hpp"

namespace aloft::agent {
namespace {

class SourceOpening : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(folder_ / "trust");
    ASSERT_TRUE(replace_file(folder_ / "trust" / "root.pem", authority_.certificate.pem()));
    config_.trust_dir = folder_ / "trust";
    opener_.end_with(stop_.get_token());
  }
  // A pipe that nothing comes out of.
  std::string attach_pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe(ends.data()), 0);
    sender_ = Fd(ends[1]);
    auto attached = opener_.attach("-", Fd(ends[0]));
    return attached;
  }

  test::Folder folder_;
  crypto::test::Authority authority_;
  Config config_;
  FakeClock clock_;
  SystemRandom random_;
  Fd sender_;
  std::stop_source stop_;
  SourceOpener opener_{config_, nullptr, clock_, random_};
};

TEST_F(SourceOpening, AStopThatWasAskedForBeforeItIsOpenedEndsAPipe) {
  const std::string source = attach_pipe();
  stop_.request_stop();
  EXPECT_EQ(opener_.open(source).error().code.number, bundle::kStreamGivenUp.number);
}

TEST_F(SourceOpening, AStopEndsAPipeThatWaits) {
  const std::string source = attach_pipe();
  const std::jthread later([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    stop_.request_stop();
  });
  EXPECT_EQ(opener_.open(source).error().code.number, bundle::kStreamGivenUp.number);
}

}  // namespace
}  // namespace aloft::agent
