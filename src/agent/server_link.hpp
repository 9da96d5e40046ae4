// The agent's two threads to its server: one waits for assignments, the other sends reports and logs.
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
#include "agent/server_session.hpp"
#include "agent/spool.hpp"
#include "net/http_client.hpp"
#include "protocol/messages.hpp"
#include "protocol/vitals.hpp"

namespace aloft::agent {

inline constexpr unsigned kLongPollSeconds = 55;

class ServerLink {
 public:
  // Called from the link's threads.
  struct Listener {
    std::function<void(protocol::Assignment)> assigned;  // whenever it changes, and once after each start
    std::function<void(Result<>)> reached;               // the outcome of every poll: authenticated, or why not
    std::function<std::optional<std::map<std::string, std::string>>()>
        inventory;                                            // what the device has found out about itself, if anything
    std::function<std::optional<protocol::Vitals>()> vitals;  // how it has been
    std::function<std::optional<Error>()> trouble;            // what keeps the device from being updated: told with the reports
  };

  // log_dir holds logs of failed updates as "<deployment>.log"; each is removed once the server has it. Session and spool must outlive
  // the link.
  ServerLink(ServerSession& session, ReportSpool& spool, std::filesystem::path log_dir, Listener listener);
  ~ServerLink();  // ends both threads; an exchange under way is broken off

  void report_soon();  // there is something new in the spool, or in log_dir
  void check_now();    // do not wait out a delay after a failure

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
  Listener listener_;
  SystemRandom random_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;
  bool reports_waiting_ = true;
  std::uint64_t hurry_ = 0;  // counts check_now
  std::unique_ptr<Connection> polling_;
  std::unique_ptr<Connection> reporting_;
  std::string sent_version_;  // of the running system, as the server knows it; this and the next are the reporting thread's
  std::string sent_trouble_;
  std::optional<std::map<std::string, std::string>> sent_inventory_;
  Json sent_vitals_;

  std::thread poller_;
  std::thread reporter_;
};

}  // namespace aloft::agent
