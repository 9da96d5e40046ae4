#include "agent/local_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "agent/errors.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

Result<sockaddr_un> address_of(const fs::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string text = path.string();
  if (text.size() >= sizeof(address.sun_path)) return fail(kConfigValue, "the socket's path is too long: " + text);
  std::memcpy(address.sun_path, text.data(), text.size());
  return address;
}

Peer peer_of(int fd) {
  Peer peer{.uid = static_cast<uid_t>(-1), .groups = {}};
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return peer;
  peer.uid = credentials.uid;
  std::array<gid_t, 256> groups{};
  size = sizeof(groups);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0)
    peer.groups.assign(groups.begin(), groups.begin() + static_cast<std::ptrdiff_t>(size / sizeof(gid_t)));
  peer.groups.push_back(credentials.gid);
  return peer;
}

// Bytes, and the first descriptor that came with them; what else came is closed.
ssize_t receive_some(int fd, std::span<char> buffer, Fd& attached) {
  iovec data{.iov_base = buffer.data(), .iov_len = buffer.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t count = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (count < 0) return count;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    for (std::size_t at = 0; CMSG_LEN((at + 1) * sizeof(int)) <= part->cmsg_len; ++at) {
      int received = -1;
      std::memcpy(&received, CMSG_DATA(part) + at * sizeof(int), sizeof(int));
      Fd owned(received);
      if (!attached) attached = std::move(owned);
    }
  }
  return count;
}

}  // namespace

Result<LocalSocket> LocalSocket::listen(const fs::path& path, std::optional<gid_t> control_group) {
  const sockaddr_un address = TRY(address_of(path));
  std::error_code problem;
  fs::create_directories(path.parent_path(), problem);
  if (connect_to_daemon(path)) return fail(kAlreadyRunning, "another aloftd answers on " + path.string() + "; stop it first");
  ::unlink(path.c_str());
  LocalSocket socket;
  socket.control_group_ = control_group;
  socket.listener_ = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::bind(socket.listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return fail(system_error("cannot listen on", path, errno));
  if (::chmod(path.c_str(), 0666) != 0 || ::listen(socket.listener_.get(), 8) != 0)
    return fail(system_error("cannot listen on", path, errno));
  return socket;
}

void LocalSocket::add_polls(std::vector<pollfd>& polls) const {
  polls.push_back({listener_.get(), POLLIN, 0});
  for (const Client& client : clients_) {
    const int wanted = (client.closing ? 0 : POLLIN) | (client.unsent.empty() ? 0 : POLLOUT);
    polls.push_back({client.fd.get(), static_cast<short>(wanted), 0});
  }
}

void LocalSocket::handle(std::span<const pollfd> polls, SteadyTime now, const Handler& handler) {
  for (const pollfd& ready : polls) {
    if (ready.revents == 0) continue;
    const auto client = std::ranges::find(clients_, ready.fd, [](const Client& each) { return each.fd.get(); });
    if (client == clients_.end()) continue;
    if ((ready.revents & POLLOUT) != 0) flush(*client);
    if ((ready.revents & (POLLIN | POLLHUP | POLLERR)) != 0) receive(*client, now, handler);
  }
  std::erase_if(clients_, [&](const Client& client) {
    const bool idle = !client.watching && now - client.active > kClientIdle;
    return !client.fd || idle || client.unsent.size() > kMaxUnsentBytes || (client.closing && client.unsent.empty());
  });
  if (std::ranges::any_of(polls, [&](const pollfd& ready) { return ready.fd == listener_.get() && ready.revents != 0; }))
    accept_client(now);
}

void LocalSocket::accept_client(SteadyTime now) {
  Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd || clients_.size() >= kMaxClients) return;
  Client client;
  client.peer = peer_of(fd.get());
  client.fd = std::move(fd);
  client.active = now;
  clients_.push_back(std::move(client));
}

void LocalSocket::receive(Client& client, SteadyTime now, const Handler& handler) {
  std::array<char, 4096> buffer{};
  const ssize_t count = receive_some(client.fd.get(), buffer, client.attached);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0 || client.closing) {
    client.fd = Fd();
    return;
  }
  client.active = now;
  client.received.append(buffer.data(), static_cast<std::size_t>(count));
  for (auto end = client.received.find('\n'); end != std::string::npos && !client.closing; end = client.received.find('\n')) {
    const std::string line = client.received.substr(0, end);
    client.received.erase(0, end + 1);
    take_line(client, line, handler);
  }
  if (client.received.size() <= kMaxRequestBytes) return;
  send(client, error_answer({kBadRequest, "a request has at most " + std::to_string(kMaxRequestBytes) + " bytes"}));
  client.closing = true;
}

void LocalSocket::take_line(Client& client, std::string_view line, const Handler& handler) {
  const auto request = parse_local_request(line);
  if (!request) {
    client.closing = true;
    return send(client, error_answer(request.error()));
  }
  if (const auto allowed = authorise(request->verb, client.peer, control_group_); !allowed) {
    log::warning("local API: " + allowed.error().text());
    return send(client, error_answer(allowed.error()));
  }
  client.watching = client.watching || request->verb == Verb::watch;
  send(client, handler(*request, std::exchange(client.attached, Fd())));
}

void LocalSocket::send(Client& client, const Json& answer) {
  client.unsent += answer.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  flush(client);
}

void LocalSocket::flush(Client& client) {
  while (!client.unsent.empty()) {
    const ssize_t count = ::send(client.fd.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) client.unsent.clear();
    if (count < 0 && errno != EAGAIN) client.closing = true;
    if (count < 0) return;
    client.unsent.erase(0, static_cast<std::size_t>(count));
  }
}

void LocalSocket::tell_watchers(const Json& status) {
  for (Client& client : clients_)
    if (client.watching && !client.closing) send(client, status);
}

Result<Fd> connect_to_daemon(const fs::path& path) {
  const sockaddr_un address = TRY(address_of(path));
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return fd;
  return fail(kNoDaemon, "no aloftd answers on " + path.string() + " (" + std::strerror(errno) + "); start it: systemctl start aloftd");
}

Result<> send_request(int socket, const LocalRequest& request, int attached) {
  std::string line = request_line(request);
  iovec data{.iov_base = line.data(), .iov_len = line.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (attached >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(part), &attached, sizeof(int));
  }
  if (::sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(line.size())) return {};
  return fail(kNoDaemon, "the daemon closed the connection before it took the request");
}

}  // namespace aloft::agent
