// The unix socket of the local API: non-blocking, bounded, driven by the caller's poll loop.
#pragma once

#include <poll.h>

#include <functional>
#include <list>
#include <string>
#include <vector>

#include "agent/local_api.hpp"
#include "base/clock.hpp"
#include "base/file.hpp"

namespace aloft::agent {

// One thread. A client that sends garbage is told so and closed; one that does not read, sends a line that is too long, or idles
// for kClientIdle without watching is closed. At most kMaxClients at once; the next is closed at once.
class LocalSocket {
 public:
  // The answer to an authorised request. `attached` is the descriptor that came along, if one did.
  using Handler = std::function<Json(const LocalRequest& request, Fd attached)>;

  static constexpr std::size_t kMaxClients = 32;
  static constexpr std::size_t kMaxUnsentBytes = 256 << 10;
  static constexpr std::chrono::seconds kClientIdle{60};

  // Takes the place of a socket file that nobody listens on any more. Mode 0666: the kernel tells who is calling.
  // Errors: kAlreadyRunning, file errors.
  static Result<LocalSocket> listen(const std::filesystem::path& path, std::optional<gid_t> control_group);

  // Appends what to wait for; handle() takes the same entries after poll(2).
  void add_polls(std::vector<pollfd>& polls) const;
  void handle(std::span<const pollfd> polls, SteadyTime now, const Handler& handler);
  // One line to every client that watches.
  void tell_watchers(const Json& status);

 private:
  struct Client {
    Fd fd;
    Peer peer;
    Fd attached;
    std::string received;
    std::string unsent;
    bool watching = false;
    bool closing = false;  // once unsent is empty
    SteadyTime active;
  };

  LocalSocket() = default;
  void accept_client(SteadyTime now);
  void receive(Client& client, SteadyTime now, const Handler& handler);
  void take_line(Client& client, std::string_view line, const Handler& handler);
  static void send(Client& client, const Json& answer);
  static void flush(Client& client);

  Fd listener_;
  std::optional<gid_t> control_group_;
  std::list<Client> clients_;
};

// The other side: connects, and sends one request, with a descriptor when attached >= 0. Errors: kNoDaemon.
Result<Fd> connect_to_daemon(const std::filesystem::path& path);
Result<> send_request(int socket, const LocalRequest& request, int attached);

}  // namespace aloft::agent
