// Whether an update from the server may only be written, and not armed: the server's last word on that, which holds without the server
// and over restarts too.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.hpp"

namespace aloft::agent {

// Safe from several threads.
class HoldGate {
 public:
  // file: keeps the last update's hold; one that cannot be read holds nothing.
  explicit HoldGate(std::filesystem::path file);
  // why: empty where nothing holds it any more. Durable on return; on an error it holds for this run all the same, and a release does not.
  Result<> set(std::uint64_t deployment, const std::string& why);
  // kHeld, with why; nothing: it may be armed.
  std::optional<Error> objection(std::uint64_t deployment) const;

 private:
  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  std::uint64_t deployment_ = 0;
  std::string why_;
};

}  // namespace aloft::agent
