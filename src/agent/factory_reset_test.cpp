#include "agent/factory_reset.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "agent/errors.hpp"
#include "agent/test_folder.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr fs::perms kMode = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec;

class FactoryReset : public ::testing::Test {
 protected:
  FactoryReset() {
    fs::create_directories(state);
    for (const char* kept : {"journal", "floor.0", "device-key.pem", "enrolled"}) std::ofstream(state / kept) << kept;
    fs::create_directories(app / "deep/deeper");
    for (const char* name : {"settings", "deep/a", "deep/deeper/b"}) std::ofstream(app / name) << "the user's";
    fs::create_symlink(state, app / "link-to-state");
    fs::permissions(app, kMode);
    std::ofstream(overlay_file()) << "changed";
  }
  fs::path overlay_file() const {
    fs::create_directories(overlay);
    return overlay / "passwd";
  }
  static std::size_t entries(const fs::path& folder) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
  void expect_reset() const {
    EXPECT_EQ(entries(app), 0U);
    EXPECT_EQ(entries(overlay), 0U);
    EXPECT_EQ(fs::status(app).permissions(), kMode);
    EXPECT_EQ(entries(state), 4U) << "the agent's files stay, the request is gone";
  }
  const test::Folder folder;
  const fs::path state = folder / "state";
  const fs::path app = folder / "app";
  const fs::path overlay = folder / "overlay";
  const std::vector<fs::path> folders{app, overlay, folder / "never-made"};
};

TEST_F(FactoryReset, NeverHappensByItself) {
  EXPECT_EQ(*carry_out_factory_reset(state, folders), Reset::not_asked_for);
  EXPECT_EQ(entries(app), 3U);
  ASSERT_TRUE(request_factory_reset(state, folders));
  ASSERT_TRUE(cancel_factory_reset(state));
  EXPECT_EQ(*carry_out_factory_reset(state, folders), Reset::not_asked_for);
  EXPECT_EQ(entries(app), 3U);
}

TEST_F(FactoryReset, EmptiesTheApplicationsFoldersAndKeepsTheAgents) {
  ASSERT_TRUE(request_factory_reset(state, folders));
  EXPECT_EQ(entries(app), 3U) << "nothing goes before the restart";
  ASSERT_EQ(*carry_out_factory_reset(state, folders), Reset::done);
  expect_reset();
  EXPECT_EQ(*carry_out_factory_reset(state, folders), Reset::not_asked_for);
}

TEST_F(FactoryReset, NothingToEmptyIsAnError) {
  const auto asked = request_factory_reset(state, {});
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code.number, kNothingToReset.number);
}

// The process dies before each removal in turn, and between them; the next boot begins again.
TEST_F(FactoryReset, ThatIsCutShortIsMadeAgain) {
  for (int at = 0; at < 8; ++at) {
    fs::create_directories(app / "deep/deeper");
    for (const char* name : {"settings", "deep/a", "deep/deeper/b"}) std::ofstream(app / name) << "the user's";
    std::ofstream(overlay_file()) << "changed";
    ASSERT_TRUE(request_factory_reset(state, folders));
    const pid_t child = ::fork();
    if (child == 0) {
      int left = at;
      const auto done = carry_out_factory_reset(state, folders, [&left] {
        if (left-- == 0) ::_exit(7);
      });
      ::_exit(done ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    const bool died = WIFEXITED(status) && WEXITSTATUS(status) == 7;
    EXPECT_EQ(died, is_factory_reset_requested(state)) << "cut before removal " << at;
    EXPECT_TRUE(died || at > 0);
    EXPECT_TRUE(carry_out_factory_reset(state, folders));
    expect_reset();
  }
}

TEST_F(FactoryReset, FoldersThatHoldWhatMustStayAreRefused) {
  const fs::path trust = "/etc/aloft/trust";
  EXPECT_TRUE(check_reset_folders({"/data/app", "/data/aloft-app"}, "/data/aloft", trust));
  for (const char* bad : {"/", "/data", "/data/", "/data/aloft", "/data/aloft/logs", "/data/app/../aloft", "data/app", "/etc"})
    EXPECT_FALSE(check_reset_folders({bad}, "/data/aloft", trust)) << bad;
}

}  // namespace
}  // namespace aloft::agent
