// What may be asked over the unix socket, and by whom. One JSON object a line; docs/agent.md, "Local API".
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::agent {

inline constexpr std::size_t kMaxRequestBytes = 8192;
inline constexpr std::chrono::seconds kMaxDefer{30 * 24 * 3600};

enum class Verb : std::uint8_t { status, watch, history, install, check, defer, cancel, accept };

struct LocalRequest {
  Verb verb = Verb::status;
  std::string uri;                   // of install: a URL, an absolute path, or any text when a descriptor comes along
  std::chrono::seconds defer_for{};  // of defer; 0 ends a deferral
};

// Strict. Errors: kBadRequest, kBadJson.
Result<LocalRequest> parse_local_request(std::string_view line);
std::string request_line(const LocalRequest& request);

// Who stands at the other end of the socket, as the kernel says.
struct Peer {
  uid_t uid = 0;
  std::vector<gid_t> groups;
};

// Anyone may look; root and members of the control group may act. Errors: kNotAllowed.
Result<> authorise(Verb verb, const Peer& peer, std::optional<gid_t> control_group);

Json ok_answer();                       // {"ok":true}
Json error_answer(const Error& error);  // {"ok":false,"error":{"number","name","kind","message"}}

}  // namespace aloft::agent
