#include "ddi/todo.hpp"

#include <gtest/gtest.h>

namespace aloft::ddi {
namespace {

using protocol::UpdateState;
using What = Todo::What;

// Midnight UTC of a Thursday; the window is the hour from noon.
constexpr protocol::MaintenanceWindow kNoon{.days = 0x7f, .from_minute = 12 * 60, .until_minute = 13 * 60};
constexpr std::uint64_t kHour = 3'600'000;

struct Case {
  const char* name;
  Situation situation;
  What what;
  std::uint64_t action;
  bool held_up;
};

const Case kCases[] = {
    {"nothing", {}, What::nothing, 0, false},
    {"an update", {.action = 7}, What::deployment, 7, false},
    {"withdrawn", {.withdrawn = 6}, What::cancellation, 6, false},
    {"withdrawn comes before the next", {.withdrawn = 6, .action = 7}, What::cancellation, 6, false},
    {"ignored, but nothing else to do", {.withdrawn = 6, .withdrawal_ignored = true}, What::cancellation, 6, false},
    {"ignored, and the next waits", {.withdrawn = 6, .withdrawal_ignored = true, .action = 7}, What::deployment, 7, false},
    {"consent", {.action = 7, .policy = {.window = {}, .consent = true}}, What::confirmation, 7, true},
    {"denied once", {.action = 7, .state = UpdateState::deferred, .policy = {.window = {}, .consent = true}}, What::confirmation, 7, false},
    {"given", {.action = 7, .state = UpdateState::accepted, .policy = {.window = {}, .consent = true}}, What::deployment, 7, false},
    {"given in advance",
     {.action = 7, .policy = {.window = {}, .consent = true}, .confirmed_in_advance = true},
     What::deployment,
     7,
     false},
    {"window closed", {.action = 7, .policy = {.window = kNoon}}, What::nothing, 0, true},
    {"told already", {.action = 7, .state = UpdateState::deferred, .policy = {.window = kNoon}}, What::nothing, 0, false},
    {"window open", {.action = 7, .policy = {.window = kNoon}, .now_ms = 12 * kHour}, What::deployment, 7, false},
    {"open there", {.action = 7, .policy = {.window = kNoon}, .now_ms = 10 * kHour, .utc_offset_minutes = 120}, What::deployment, 7, false},
    {"download only", {.action = 7, .policy = {.download_only = true}}, What::nothing, 0, true},
    {"begun goes on", {.action = 7, .state = UpdateState::installing, .policy = {.window = kNoon}}, What::deployment, 7, false},
};

TEST(Todo, IsOneThingAtATime) {
  for (const Case& one : kCases) {
    const Todo todo = todo_of(one.situation);
    EXPECT_EQ(todo.what, one.what) << one.name;
    EXPECT_EQ(todo.action, one.action) << one.name;
    EXPECT_EQ(hold_up_of(one.situation) != nullptr, one.held_up) << one.name;
  }
}

}  // namespace
}  // namespace aloft::ddi
