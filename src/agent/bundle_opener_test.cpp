// Sources of bundles that give nothing, or are none.
#include "agent/bundle_opener.hpp"

#include <fcntl.h>
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

using crypto::test::must;

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
    return must(opener_.attach("-", Fd(ends[0])));
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

TEST_F(SourceOpening, AFolderIsSaidToBeOne) {
  const std::string folder = folder_.path();
  const auto attached = opener_.attach(folder, must(open_file(folder, O_RDONLY)));
  ASSERT_FALSE(attached);
  EXPECT_EQ(attached.error().code.number, kBadUri.number);
  EXPECT_TRUE(attached.error().message.starts_with(folder + " is a folder; give a bundle")) << attached.error().message;
  EXPECT_EQ(opener_.open(folder).error().message, attached.error().message);
}

TEST_F(SourceOpening, APipeByItsNameIsNotWaitedForWithoutEnd) {
  const std::string pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  config_.download.give_up = std::chrono::seconds(1);
  EXPECT_EQ(opener_.open(pipe).error().code.number, bundle::kStreamGivenUp.number) << "nobody writes";
  stop_.request_stop();
  EXPECT_EQ(opener_.open(pipe).error().code.number, bundle::kStreamGivenUp.number);
}

TEST_F(SourceOpening, APipeByItsNameIsReadToItsEnd) {
  const std::string pipe = folder_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const std::jthread writer([&] {
    const Fd fd = must(open_file(pipe, O_WRONLY));
    must(write_all(fd.get(), as_bytes("no bundle")));
  });
  EXPECT_EQ(opener_.open(pipe).error().code.number, bundle::kNotABundle.number);
}

}  // namespace
}  // namespace aloft::agent
