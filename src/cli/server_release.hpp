// Finding the release that somebody means.
#pragma once

#include <cstdint>
#include <string>

#include "cli/server_session.hpp"

namespace aloft::cli {

struct ReleaseChoice {
  std::string release;  // its number, or its version where that is no plain number; empty: by version
  std::string version;
  std::string product;  // may be empty: any
};

// Errors: kNoSuchRelease when none or more than one has the version, the server's.
Result<std::uint64_t> find_release(ServerSession& session, const ReleaseChoice& choice);

}  // namespace aloft::cli
