// Until when the people at the device want no update from the server.
#pragma once

#include <filesystem>
#include <mutex>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace aloft::agent {

// Safe from several threads. A deferral of more than kMaxDefer ahead (a clock that was wrong) counts as none.
class Deferral {
 public:
  Deferral(std::filesystem::path file, Clock& clock);  // an unreadable file is no deferral
  // Durable on return. A time that is past ends the deferral.
  Result<> set(WallTime until);
  // 0 when none is in force.
  std::chrono::milliseconds left() const;
  WallTime until() const;

 private:
  const std::filesystem::path file_;
  Clock& clock_;
  mutable std::mutex mutex_;
  WallTime until_{};
};

}  // namespace aloft::agent
