// The link to an aloft-server: one thread waits for assignments, another sends reports and logs.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "agent/backoff.hpp"
#include "agent/server_link.hpp"
#include "agent/server_session.hpp"
#include "agent/spool.hpp"
#include "net/http_client.hpp"
#include "protocol/messages.hpp"
#include "protocol/vitals.hpp"

namespace aloft::agent {

inline constexpr unsigned kLongPollSeconds = 55;

class AloftLink final : public ServerLink {
 public:
  // log_dir holds logs of failed updates as "<deployment>.log"; each is removed once the server has it. Session and spool must outlive
  // the link.
  AloftLink(ServerSession& session, ReportSpool& spool, std::filesystem::path log_dir, ServerListener listener);
  ~AloftLink() override;  // ends both threads; an exchange under way is broken off

  void report_soon() override;
  void check_now() override;

 private:
  struct Connection;
  void poll_assignments();
  void send_reports();
  Result<> poll_once(net::HttpTransport& transport, std::string& etag);
  Result<> send_once(net::HttpTransport& transport);
  Result<> send_inventory(net::HttpTransport& transport);
  Result<> send_vitals(net::HttpTransport& transport);
  Result<> put(net::HttpTransport& transport, std::string_view path, const Json& body, std::string_view what);
  Result<> send_log(net::HttpTransport& transport, const std::filesystem::path& file);
  // Runs `exchange` until the end, each time with a live client; waits after failures. `told` hears each outcome.
  void keep_doing(Connection& connection, const std::function<Result<>(net::HttpTransport&)>& exchange,
                  const std::function<void(Result<>)>& told);
  bool adopt(Connection& connection, std::unique_ptr<net::HttpClient> client);     // false at the end
  bool wait(std::chrono::milliseconds time, const std::function<bool()>& enough);  // false at the end

  ServerSession& session_;
  ReportSpool& spool_;
  std::filesystem::path log_dir_;
  ServerListener listener_;
  SystemRandom random_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  bool reports_waiting_ = true;
  std::uint64_t hurry_ = 0;  // counts check_now
  std::unique_ptr<Connection> polling_;
  std::unique_ptr<Connection> reporting_;
  std::string sent_version_;  // of the running system, as the server knows it; this and the next are the reporting thread's
  std::string sent_problem_;
  std::optional<std::map<std::string, std::string>> sent_inventory_;
  Json sent_vitals_;

  std::thread poller_;
  std::thread reporter_;
};

}  // namespace aloft::agent
