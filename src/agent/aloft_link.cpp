#include "agent/aloft_link.hpp"

#include <algorithm>
#include <charconv>

#include "agent/delta_source.hpp"
#include "agent/errors.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "net/errors.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kAcceptanceDelay{5000};     // between questions whether an operator has accepted us
constexpr std::chrono::seconds kLeastPollTime{1};  // an answer "unchanged" that comes sooner means that the server does not hold polls
constexpr std::chrono::seconds kUnheldPollDelay{15};
constexpr std::chrono::seconds kRequestLimit{60};

std::vector<fs::path> logs_in(const fs::path& dir) {
  std::vector<fs::path> logs;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(dir, problem))
    if (entry.path().extension() == ".log") logs.push_back(entry.path());
  return logs;
}

std::optional<Wanted> wanted_by(const std::string& url, const protocol::Assignment& assignment) {
  if (!assignment.deployment) return std::nullopt;
  const protocol::Assignment::Deployment& deployment = *assignment.deployment;
  Wanted wanted{.deployment = deployment.id, .source = source_of(url, deployment), .policy = deployment.policy};
  if (deployment.policy.download_only) wanted.hold = "it waits for its release: aloft deployment release " + std::to_string(deployment.id);
  return wanted;
}

}  // namespace

// One thread's client, which the destructor of the link can break off.
struct AloftLink::Connection {
  std::unique_ptr<net::HttpClient> client;
};

AloftLink::AloftLink(ServerSession& session, ReportSpool& spool, fs::path log_dir, ServerListener listener)
    : session_(session),
      spool_(spool),
      log_dir_(std::move(log_dir)),
      listener_(std::move(listener)),
      polling_(std::make_unique<Connection>()),
      reporting_(std::make_unique<Connection>()),
      poller_([this] { poll_assignments(); }),
      reporter_([this] { send_reports(); }) {}

AloftLink::~AloftLink() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    for (Connection* connection : {polling_.get(), reporting_.get()})
      if (connection->client) connection->client->cancel();
  }
  changed_.notify_all();
  poller_.join();
  reporter_.join();
}

void AloftLink::report_soon() {
  {
    const std::lock_guard lock(mutex_);
    reports_waiting_ = true;
  }
  changed_.notify_all();
}

void AloftLink::check_now() {
  {
    const std::lock_guard lock(mutex_);
    ++hurry_;
  }
  changed_.notify_all();
}

bool AloftLink::wait(milliseconds time, const std::function<bool()>& enough) {
  std::unique_lock lock(mutex_);
  const auto hurry = hurry_;
  changed_.wait_for(lock, time, [&] { return ending_ || hurry_ != hurry || (enough && enough()); });
  return !ending_;
}

void AloftLink::keep_doing(Connection& connection, const std::function<Result<>(net::HttpTransport&)>& exchange,
                           const std::function<void(Result<>)>& told) {
  Backoff backoff(random_, kFirstServerDelay, kMostServerDelay);
  for (;;) {
    auto tls = session_.tls();
    auto client = tls ? net::HttpClient::create(*std::move(tls)) : std::unexpected(tls.error());
    Result<> done;
    if (!client) done = fail(client.error());
    if (client && !adopt(connection, *std::move(client))) return;
    while (done && (done = exchange(*connection.client))) {
      backoff.reset();
      told({});
      const std::lock_guard lock(mutex_);
      if (ending_) return;
    }
    if (!adopt(connection, nullptr)) return;
    const bool waits_for_person = done.error().code.number == kNotAccepted.number;
    told(done);
    const milliseconds delay = waits_for_person ? kAcceptanceDelay : backoff.next();
    if (!wait(std::max(delay, session_.asked_to_wait()), {})) return;
  }
}

bool AloftLink::adopt(Connection& connection, std::unique_ptr<net::HttpClient> client) {
  const std::lock_guard lock(mutex_);
  connection.client = std::move(client);
  return !ending_;
}

void AloftLink::poll_assignments() {
  std::string etag;
  keep_doing(*polling_, [this, &etag](net::HttpTransport& transport) { return poll_once(transport, etag); }, listener_.reached);
}

void AloftLink::send_reports() {
  keep_doing(
      *reporting_, [this](net::HttpTransport& transport) { return send_once(transport); },
      [](const Result<>& done) {
        if (!done) log::debug("reports wait: " + done.error().text());
      });
}

Result<> AloftLink::poll_once(net::HttpTransport& transport, std::string& etag) {
  net::Request request;
  request.url = std::string(protocol::kAssignmentPath);
  request.headers.push_back({std::string(protocol::kDeltaHeader), protocol::to_text(own_delta_ability())});
  if (!etag.empty()) {
    request.url += "?wait=" + std::to_string(kLongPollSeconds);
    request.headers.push_back({"If-None-Match", etag});
  }
  request.timeouts.stall = std::chrono::seconds(kLongPollSeconds + 20);
  request.timeouts.total = std::chrono::seconds(kLongPollSeconds + 30);
  const auto started = steady_clock::now();
  const auto response = TRY(session_.send(transport, std::move(request)));
  if (response.status == 304) {
    if (steady_clock::now() - started < kLeastPollTime) wait(kUnheldPollDelay, {});
    return {};
  }
  auto assignment = TRY(protocol::from_json<protocol::Assignment>(TRY(parse_json(response.body))));
  etag = std::string(response.header("ETag").value_or(""));
  listener_.assigned(wanted_by(session_.url(), assignment));
  if (etag.empty()) wait(kUnheldPollDelay, {});
  return {};
}

Result<> AloftLink::send_once(net::HttpTransport& transport) {
  const auto reports = spool_.oldest(protocol::kMaxReports);
  const auto problem = listener_.problem();
  const std::string problem_text = problem ? problem->text() : "";
  const bool news = sent_version_ != session_.facts().version || sent_problem_ != problem_text;
  if (reports.empty() && !news) {
    TRY(send_inventory(transport));
    TRY(send_vitals(transport));
    const auto logs = logs_in(log_dir_);
    for (const fs::path& file : logs) TRY(send_log(transport, file));
    wait(std::chrono::hours(1), [this] { return std::exchange(reports_waiting_, false); });
    return {};
  }
  net::Request request;
  request.method = "POST";
  request.url = std::string(protocol::kReportsPath);
  request.headers = {{"Content-Type", "application/json"}};
  protocol::Reports message{.reports = reports, .version = session_.facts().version, .problem = {}};
  if (problem) message.problem = protocol::Problem{problem->code.number, problem->message};
  request.body = protocol::to_json(message).dump(-1, ' ', false, Json::error_handler_t::replace);
  request.timeouts.total = kRequestLimit;
  TRY(session_.send(transport, std::move(request)));
  sent_version_ = message.version;
  sent_problem_ = problem_text;
  return spool_.acknowledge(reports);
}

Result<> AloftLink::send_inventory(net::HttpTransport& transport) {
  const auto inventory = listener_.inventory();
  if (!inventory || inventory == sent_inventory_) return {};
  TRY(put(transport, protocol::kInventoryPath, protocol::to_json(protocol::Inventory{*inventory}), "inventory"));
  sent_inventory_ = inventory;
  return {};
}

Result<> AloftLink::send_vitals(net::HttpTransport& transport) {
  const auto vitals = listener_.vitals();
  if (!vitals) return {};
  Json body = protocol::to_json(*vitals);
  if (body == sent_vitals_) return {};
  TRY(put(transport, protocol::kVitalsPath, body, "vitals"));
  sent_vitals_ = std::move(body);
  return {};
}

// A server that does not know the path, or does not take what is sent, gets the reports all the same.
Result<> AloftLink::put(net::HttpTransport& transport, std::string_view path, const Json& body, std::string_view what) {
  net::Request request;
  request.method = "PUT";
  request.url = std::string(path);
  request.headers = {{"Content-Type", "application/json"}};
  request.body = body.dump(-1, ' ', false, Json::error_handler_t::replace);
  request.timeouts.total = kRequestLimit;
  const auto sent = session_.send(transport, std::move(request));
  if (!sent && sent.error().code.kind == ErrorKind::retry) return fail(sent.error());
  if (!sent) log::warning("the server does not take the " + std::string(what) + ": " + sent.error().text());
  return {};
}

Result<> AloftLink::send_log(net::HttpTransport& transport, const fs::path& file) {
  net::Request request;
  request.method = "PUT";
  request.url = std::string(protocol::kLogPath) + file.stem().string() + "/log";
  request.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  request.body = TRY(read_file(file, protocol::kMaxLogBytes));
  request.timeouts.total = kRequestLimit;
  const auto sent = session_.send(transport, std::move(request));
  if (!sent && sent.error().code.kind == ErrorKind::retry) return fail(sent.error());
  if (!sent) log::warning("the server does not take the log " + file.string() + ": " + sent.error().text());
  std::error_code problem;
  fs::remove(file, problem);
  return {};
}

}  // namespace aloft::agent
