#include "boot/shared_control.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace aloft::boot {
namespace {

// Notices when two are inside at once.
class Crowded final : public BootControl {
 public:
  explicit Crowded(std::atomic<bool>& met) : met_(met) {}
  unsigned max_tries() const override { return 9; }
  Result<BootState> read() override {
    stay();
    return BootState{};
  }
  Result<std::optional<std::string>> booted() override { return std::nullopt; }
  Result<std::optional<std::string>> restart_argument() override { return std::nullopt; }
  bool trial_needs_argument() const override { return false; }
  Result<> arm(std::string_view, unsigned) override { return stay(); }
  Result<> commit(std::string_view) override { return stay(); }
  Result<> mark_bad(std::string_view) override { return stay(); }
  Result<> confirm(std::string_view) override { return stay(); }
  Result<> rebuild(std::string_view) override { return stay(); }
  Result<std::vector<std::string>> examine(Probe) override { return std::vector<std::string>(); }

 private:
  Result<> stay() {
    if (inside_.exchange(true)) met_ = true;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    inside_ = false;
    return {};
  }
  std::atomic<bool> inside_ = false;
  std::atomic<bool>& met_;
};

TEST(SharedControl, LetsOneInAtATime) {
  std::atomic<bool> met = false;
  SharedControl control(std::make_unique<Crowded>(met));
  {
    std::jthread reader([&] {
      for (int i = 0; i < 60; ++i) EXPECT_TRUE(control.read());
    });
    for (int i = 0; i < 12; ++i) {
      EXPECT_TRUE(control.arm("B", 3));
      EXPECT_TRUE(control.commit("B"));
      EXPECT_TRUE(control.mark_bad("A"));
      EXPECT_TRUE(control.confirm("B"));
      EXPECT_TRUE(control.rebuild("B"));
    }
  }
  EXPECT_FALSE(met);
}

}  // namespace
}  // namespace aloft::boot
