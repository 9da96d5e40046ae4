// The actions of a hawkBit-compatible server, by the numbers that the agent knows its updates by. Mostly they are the same; but a server
// that was set up anew, or another one, counts from 1 again, and what the device has done for the one before must not be taken for done.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft::agent {

inline constexpr std::size_t kMaxDdiActions = 32;

struct DdiAction {
  std::uint64_t number = 0;  // 1 .. 2^31-1
  std::string server;        // the device's address there
  std::string action;        // as the server writes it
  std::string content;       // what it brings: ddi::identity_of
  bool operator==(const DdiAction&) const = default;
};

// One thread.
class DdiActions {
 public:
  // file: keeps the last kMaxDdiActions; one that cannot be read knows none.
  DdiActions(std::filesystem::path file, std::string server);

  // The number of this action with this content; a new one where it has none, durable on return. taken: the device has had an update of
  // that number. Errors: that of keeping it.
  Result<std::uint64_t> number_of(std::string_view action, std::string_view content, const std::function<bool(std::uint64_t)>& taken);
  // The latest of that name at this server.
  std::optional<DdiAction> named(std::string_view action) const;
  std::optional<DdiAction> numbered(std::uint64_t number) const;
  // The latest at this server.
  std::optional<DdiAction> latest() const;
  const std::string& server() const { return server_; }

 private:
  std::uint64_t free_number(std::string_view action, const std::function<bool(std::uint64_t)>& taken) const;
  const std::filesystem::path file_;
  const std::string server_;
  std::vector<DdiAction> actions_;  // oldest first
};

}  // namespace aloft::agent
