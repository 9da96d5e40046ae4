#include "agent/ddi_link.hpp"

#include <algorithm>
#include <utility>

#include "agent/backoff.hpp"
#include "agent/errors.hpp"
#include "agent/updater.hpp"
#include "base/log.hpp"
#include "ddi/errors.hpp"
#include "net/errors.hpp"
#include "update/step.hpp"

namespace aloft::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kRefusedDelay{60'000};  // where the server does not take this device, at most; sooner where it is polled sooner
constexpr seconds kPollWhileBusy{30};          // at most, while an update is under way: that is how a cancellation gets here

bool can_be_cancelled(const update::State& state) { return update::step(state, {update::EventKind::cancel, {}}).has_value(); }

}  // namespace

DdiLink::DdiLink(DdiStanding& standing, ReportSpool& spool, const std::filesystem::path& state_dir, ServerListener listener, Clock& clock)
    : standing_(standing),
      listener_(std::move(listener)),
      clock_(clock),
      actions_(state_dir / "ddi-actions", standing.base()),
      teller_(standing, spool, actions_, state_dir / "logs"),
      next_poll_(clock.steady()),
      thread_([this] { run(); }) {}

DdiLink::~DdiLink() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    if (client_) client_->cancel();
  }
  changed_.notify_all();
  thread_.join();
}

void DdiLink::report_soon() {
  {
    const std::lock_guard lock(mutex_);
    reports_waiting_ = true;
  }
  changed_.notify_all();
}

void DdiLink::check_now() {
  {
    const std::lock_guard lock(mutex_);
    hurry_ = true;
  }
  changed_.notify_all();
}

bool DdiLink::adopt(std::unique_ptr<net::HttpClient> client) {
  const std::lock_guard lock(mutex_);
  client_ = std::move(client);
  return !ending_;
}

milliseconds DdiLink::time_to_poll() const {
  return std::max(std::chrono::duration_cast<milliseconds>(next_poll_ - clock_.steady()), milliseconds::zero());
}

bool DdiLink::wait(milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [this] { return ending_ || reports_waiting_ || hurry_; });
  reports_waiting_ = false;
  if (std::exchange(hurry_, false)) next_poll_ = clock_.steady();
  return !ending_;
}

void DdiLink::run() {
  Backoff backoff(random_, kFirstServerDelay, kMostServerDelay);
  for (;;) {
    auto tls = standing_.tls();
    auto client = tls ? net::HttpClient::create(*std::move(tls)) : std::unexpected(tls.error());
    Result<> done = client ? Result<>() : fail(client.error());
    if (!done) listener_.reached(done);
    if (client && !adopt(*std::move(client))) return;
    while (done && (done = round(*client_))) {
      backoff.reset();
      if (!wait(time_to_poll())) return;
    }
    if (!adopt(nullptr)) return;
    log::debug("hawkbit: " + done.error().text());
    const bool refused = done.error().code.kind != ErrorKind::retry;
    const milliseconds delay = refused ? std::min<milliseconds>(kRefusedDelay, polled_.sleep) : backoff.next();
    next_poll_ = clock_.steady();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::max(delay, standing_.asked_to_wait()), [this] { return ending_ || std::exchange(hurry_, false); });
    if (ending_) return;
  }
}

Result<> DdiLink::round(net::HttpTransport& transport) {
  const bool due = clock_.steady() >= next_poll_ || teller_.wants_poll();
  if (due) {
    const auto polled = poll(transport);
    listener_.reached(polled);
    TRY(polled);
  }
  TRY(teller_.tell_all(transport, polled_));
  if (!due) return {};
  return act(transport);
}

Result<> DdiLink::poll(net::HttpTransport& transport) {
  const auto response = TRY(ddi_success(TRY(standing_.send(transport, "GET", "", nullptr, etag_)), standing_.base()));
  if (response.status != 304) {
    polled_ = TRY(ddi::read_poll(response.body));
    etag_ = std::string(response.header("ETag").value_or(""));
  }
  standing_.taken();
  const auto latest = actions_.latest();
  seconds sleep = polled_.sleep;
  if (latest && is_under_way(latest->number)) sleep = std::min(sleep, kPollWhileBusy);
  const milliseconds whole = sleep;
  // Drawn from its last tenth, so that a fleet does not come in step.
  const auto tenth = static_cast<std::uint64_t>(whole.count() / 10);
  next_poll_ = clock_.steady() + whole - milliseconds(static_cast<milliseconds::rep>(random_.next() % (tenth + 1)));
  return {};
}

bool DdiLink::is_under_way(std::uint64_t number) const {
  const auto state = listener_.state_of(number);
  return state && !update::is_at_rest(state->phase);
}

void DdiLink::assign(std::optional<Wanted> wanted) {
  assigned_ = wanted ? wanted->deployment : 0;
  listener_.assigned(std::move(wanted));
}

Result<> DdiLink::act(net::HttpTransport& transport) {
  send_attributes(transport);
  if (polled_.cancellation) return stop(transport, *polled_.cancellation);
  if (polled_.confirmation) return confirm(transport, *polled_.confirmation);
  if (polled_.deployment) return follow(transport, *polled_.deployment);
  nothing_wanted();
  return {};
}

// When it is asked for, after each start, and when something has changed. A server that does not take it still gives updates.
void DdiLink::send_attributes(net::HttpTransport& transport) {
  const auto found = listener_.inventory();
  std::map<std::string, std::string> attributes = found.value_or(std::map<std::string, std::string>{});
  attributes["aloft.product"] = standing_.facts().product;
  attributes["aloft.hardware"] = standing_.facts().hardware;
  attributes["aloft.version"] = standing_.facts().version;
  const bool changed = sent_attributes_ && *sent_attributes_ != attributes;
  if (!polled_.attributes_wanted && !changed && sent_attributes_) return;
  // Until the scripts have run, and where there are none, what else is there stays.
  const Json body = ddi::config_data_json(attributes, found.has_value());
  const auto response = standing_.send(transport, "PUT", "/configData", &body);
  const auto taken = response ? ddi_success(*response, standing_.base() + "/configData") : response;
  if (!taken) return log::warning("the server does not take the attributes: " + taken.error().text());
  sent_attributes_ = std::move(attributes);
}

// The server shows nothing: it has closed the action by itself, or hides it until its window opens.
void DdiLink::nothing_wanted() {
  const auto latest = actions_.latest();
  const auto state = latest ? listener_.state_of(latest->number) : std::nullopt;
  if (!state || update::is_at_rest(state->phase)) return assign(std::nullopt);
  assign(Wanted{.deployment = latest->number, .source = state->source, .pause = "the server does not show it at this time"});
}

Result<> DdiLink::stop(net::HttpTransport& transport, const ddi::ActionLink& link) {
  auto response = TRY(standing_.send(transport, "GET", "/cancelAction/" + link.action + link.query, nullptr));
  if (response.status == 404) return {};
  response = TRY(ddi_success(std::move(response), standing_.base() + "/cancelAction"));
  const std::string action = ddi::read_stop(response.body).value_or(link.action);
  const auto known = actions_.named(action);
  const auto state = known ? listener_.state_of(known->number) : std::nullopt;
  const auto reported = state ? std::optional(reported_state(state->phase)) : std::nullopt;
  const bool begun = known && assigned_ == known->number;
  if (begun || (state && !update::is_at_rest(state->phase) && can_be_cancelled(*state))) assign(std::nullopt);
  poll_soon();
  switch (ddi::answer_to_stop(reported, state && can_be_cancelled(*state), begun)) {
    case ddi::StopAnswer::not_yet: return {};
    case ddi::StopAnswer::stopped: return teller_.answer_stop(transport, action, true, "stopped: the running system is unchanged");
    case ddi::StopAnswer::too_late: break;
  }
  const std::string why = "too late to cancel: the update is " + std::string(update::to_string(state->phase)) + "; it is told how it ends";
  next_poll_ = clock_.steady() + std::min(polled_.sleep, kPollWhileBusy);
  return teller_.answer_stop(transport, action, false, why);
}

// Nothing where the action is gone by now.
Result<std::optional<ddi::DeploymentReading>> DdiLink::deployment(net::HttpTransport& transport, const char* folder,
                                                                  const ddi::ActionLink& link) {
  const std::string path = std::string(folder) + link.action;
  auto response = TRY(standing_.send(transport, "GET", path + link.query, nullptr));
  if (response.status == 404 || response.status == 410) {
    etag_.clear();
    poll_soon();
    return std::nullopt;
  }
  response = TRY(ddi_success(std::move(response), standing_.base() + path));
  return TRY(ddi::read_deployment(response.body, path.starts_with("/confirmationBase")));
}

Result<Wanted> DdiLink::wanted_of(const ddi::ActionLink& link, const ddi::DeploymentReading& reading) {
  const ddi::OfferedFile file = TRY(ddi::bundle_among(reading.files));
  const auto taken = [this](std::uint64_t number) { return listener_.state_of(number).has_value(); };
  Wanted wanted{.deployment = TRY(actions_.number_of(link.action, ddi::identity_of(file), taken)), .source = standing_.absolute(file.href)};
  if (wanted.source.empty())
    return fail(ddi::kNoDownloadLink,
                "the link to \"" + file.name + "\" is no http or https address; see the server's artifact URL settings");
  wanted.policy.consent = reading.update == ddi::Handling::attempt && standing_.hawkbit().ask_if_soft;
  const std::string window = reading.window_open == false ? ", its maintenance window is not open" : "";
  if (reading.update == ddi::Handling::skip) wanted.hold = "the server lets it be installed later (\"update\": \"skip\")" + window;
  if (reading.download == ddi::Handling::skip) wanted.pause = "the server lets it be downloaded later (\"download\": \"skip\")" + window;
  return wanted;
}

Result<> DdiLink::confirm(net::HttpTransport& transport, const ddi::ActionLink& link) {
  const auto reading = TRY(deployment(transport, "/confirmationBase/", link));
  if (!reading) return {};
  auto wanted = wanted_of(link, *reading);
  if (!wanted && wanted.error().code.kind != ErrorKind::reject) return fail(wanted.error());
  const std::string path = "/confirmationBase/" + link.action + "/feedback";
  if (wanted && !listener_.agreed(wanted->deployment)) {
    wanted->policy.consent = true;
    wanted->pause = "waits for a person at the device to agree: aloftd accept";
    assign(*std::move(wanted));
    return {};
  }
  if (!wanted && std::exchange(denied_, link.action) == link.action) return {};
  const Json body = ddi::confirmation_json(wanted.has_value(), wanted ? "agreed to at the device" : wanted.error().text());
  const auto response = TRY(standing_.send(transport, "POST", path, &body));
  if (response.status != 404 && response.status != 410) TRY(ddi_success(response, standing_.base() + path));
  if (wanted) poll_soon();
  return {};
}

Result<> DdiLink::follow(net::HttpTransport& transport, const ddi::ActionLink& link) {
  const auto reading = TRY(deployment(transport, "/deploymentBase/", link));
  if (!reading) return {};
  auto wanted = wanted_of(link, *reading);
  if (!wanted && wanted.error().code.kind != ErrorKind::reject) return fail(wanted.error());
  if (!wanted) {
    assign(std::nullopt);
    log::warning("action " + link.action + " is refused: " + wanted.error().text());
    const std::string number = "E" + std::to_string(wanted.error().code.number);
    return teller_.say(transport, link.action,
                       {.execution = ddi::Execution::closed,
                        .finished = ddi::Finished::failure,
                        .code = wanted.error().code.number,
                        .details = ddi::details_of("refused: nothing was changed\n" + number + ": " + wanted.error().message)});
  }
  const auto state = listener_.state_of(wanted->deployment);
  if (state && update::is_at_rest(state->phase)) {
    // What is over since a moment may not even be in the spool yet.
    if (std::exchange(over_, state->deployment) != state->deployment) return {};
    return tell_again(transport, link.action, *state);
  }
  assign(*std::move(wanted));
  return {};
}

// It is over here, and the server has been told all that was to be told, but goes on asking for it: it has lost the closing word.
Result<> DdiLink::tell_again(net::HttpTransport& transport, const std::string& action, const update::State& state) {
  const protocol::Report report{.deployment = state.deployment,
                                .sequence = 1,
                                .time_ms = state.time_ms,
                                .state = reported_state(state.phase),
                                .error = state.error,
                                .message = state.message,
                                .progress_permille = {}};
  const auto said = ddi::utterance_of(report, kHeld.number, std::nullopt);
  if (!said || !said->closes()) return {};
  assign(std::nullopt);
  return teller_.say(transport, action, *said);
}

}  // namespace aloft::agent
