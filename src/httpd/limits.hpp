// What one client, and all together, may take.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace aloft::httpd {

struct Limits {
  std::size_t max_connections = 10'000;
  std::size_t max_turned_away = 256;                // over these, who are told to come again; the rest is closed at once
  std::chrono::milliseconds idle_when_full{5'000};  // after so long between requests a connection makes room for a new one
  std::uint32_t max_header_bytes = 16U << 10;
  std::uint64_t max_bodies_bytes = 128U << 20;  // of all requests together, as far as they are kept in memory; but for kSmallBodyBytes each
  std::chrono::milliseconds handshake{10'000};
  std::chrono::milliseconds header{10'000};  // from a request's first byte to the end of its header
  std::chrono::milliseconds idle{120'000};   // between requests
  std::chrono::milliseconds step{30'000};    // for every 64 KiB (or the rest) of a body, either way
  std::chrono::milliseconds goodbye{3'000};  // for the last answer and the client's farewell
};

inline constexpr std::size_t kStepBytes = 64U << 10;
inline constexpr std::size_t kSmallBodyBytes = 16U << 10;
inline constexpr std::size_t kFileReadBytes = 128U << 10;

// Numbers for monitoring; written on the loop's thread.
struct Counters {
  std::uint64_t connections_open = 0;
  std::uint64_t requests_running = 0;  // in a handler: at work, or held
  std::uint64_t connections_total = 0;
  std::uint64_t connections_refused = 0;  // over max_connections: told to come again, or closed at once
  std::uint64_t connections_evicted = 0;  // idle, for one that was over max_connections
  std::uint64_t connections_expired = 0;  // too slow
  std::uint64_t bodies_bytes = 0;         // what counts towards max_bodies_bytes
  std::uint64_t bodies_refused = 0;       // over it: told to come again
  std::uint64_t responses[6] = {};        // by status / 100
  std::uint64_t sent_bytes = 0;           // of bodies
};

// As many connections as so many open files allow: each takes one, and a quarter is left for artifacts, the database and the rest.
inline Limits within_open_files(Limits limits, std::uint64_t open_files) {
  const std::uint64_t spare = std::min<std::uint64_t>(open_files / 4, 512);
  limits.max_turned_away = std::min<std::uint64_t>(limits.max_turned_away, open_files / 8);
  limits.max_connections = std::min<std::uint64_t>(limits.max_connections, open_files - spare - limits.max_turned_away);
  return limits;
}

}  // namespace aloft::httpd
