#include "server/device_api.hpp"

#include <boost/asio/this_coro.hpp>

#include "base/errors.hpp"
#include "base/unix_time.hpp"
#include "crypto/key.hpp"
#include "fleet/device_key.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "server/credentials.hpp"
#include "server/errors.hpp"
#include "server/file_answer.hpp"
#include "server/parameters.hpp"
#include "server/quota_desk.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::Method;
using httpd::Request;
using httpd::Response;

// Another delta is another answer. deployment: the unfinished one, or nothing.
std::string tag_of(const std::optional<protocol::Assignment::Deployment>& deployment, const fleet::Delta* delta) {
  std::string text = "\"" + std::to_string(deployment ? deployment->id : 0);
  if (deployment && deployment->policy.download_only) text += "-held";
  if (delta != nullptr) text += "-" + to_hex(ByteView(delta->sha256).first(8));
  return text + "\"";
}

}  // namespace

void DeviceApi::add_routes(httpd::Router& router) {
  const auto path = [](std::string_view text) { return std::string(text); };
  router.add({Method::post, path(protocol::kEnrolPath), [this](Request& r) { return enrol(r); }, kMaxJsonBytes});
  router.add({Method::post, path(protocol::kChallengePath), [this](Request& r) { return challenge(r); }, kMaxJsonBytes});
  router.add({Method::post, path(protocol::kTokenPath), [this](Request& r) { return token(r); }, kMaxJsonBytes});
  router.add({Method::get, path(protocol::kAssignmentPath), [this](Request& r) { return assignment(r); }});
  router.add({Method::post, path(protocol::kReportsPath), [this](Request& r) { return reports(r); }, kMaxReportsBytes});
  router.add({Method::put, path(protocol::kInventoryPath), [this](Request& r) { return inventory(r); }, kMaxInventoryBytes});
  router.add({Method::put, path(protocol::kVitalsPath), [this](Request& r) { return vitals(r); }, kMaxJsonBytes});
  router.add({Method::put, path(protocol::kLogPath) + "{id}/log", [this](Request& r) { return log(r); }, protocol::kMaxLogBytes});
  router.add({Method::get, path(protocol::kArtifactPath) + "{sha256}", [this](Request& r) { return artifact(r); }});
}

std::uint64_t DeviceApi::now_ms() { return unix_ms(clock_.now()); }

Result<const Roster::Entry*> DeviceApi::entry_of(const Request& request) {
  const WallTime now = clock_.now();
  const DeviceTokens::Claim claim = TRY(tokens_.check(bearer_of(request), now, request.proven));
  const Roster::Entry* entry = roster_.find(claim.device);
  if (entry == nullptr || !DeviceTokens::is_of(claim, entry->key_sha256))
    return fail(kNotAuthenticated, "the server no longer knows device " + std::string(claim.device) + " with this key; enrol it again");
  TRY(check_accepted(entry->status, claim.device));
  roster_.touch(*entry, claim.device, unix_ms(now));
  return entry;
}

Result<std::string> DeviceApi::device_of(const Request& request) {
  TRY(entry_of(request));
  return std::string(TRY(tokens_.check(bearer_of(request), clock_.now(), request.proven)).device);
}

Result<fleet::Enrolment> DeviceApi::read_enrolment(const Request& request) {
  const Json json = TRY(json_body(request));
  auto message = TRY(protocol::from_json<protocol::EnrolRequest>(json));
  fleet::Enrolment enrolment{.now_ms = now_ms()};
  enrolment.device.key_sha256 = TRY(fleet::device_key_sha256(message.public_key));
  enrolment.device.name = std::move(message.name);
  enrolment.device.public_key = std::move(message.public_key);
  enrolment.device.product = std::move(message.product);
  enrolment.device.hardware = std::move(message.hardware);
  enrolment.device.version = std::move(message.version);
  if (message.token) enrolment.token_hash = hash_of(std::string_view(*message.token).substr(0, message.token->find('.')));
  return enrolment;
}

std::optional<Response> DeviceApi::too_often(const fleet::Enrolment& enrolment, const std::string& peer) {
  const Roster::Entry* const known = roster_.find(enrolment.device.name);
  if (known != nullptr && known->key_sha256 == enrolment.device.key_sha256) return std::nullopt;
  const SteadyTime now = clock_.steady();
  const std::string network = network_of(peer);
  const Result<> counted = enrolments_.count(network, now);
  if (counted) return std::nullopt;
  return httpd::busy_response(429, counted.error(), enrolments_.wait(network, now));
}

DeviceApi::Answer DeviceApi::enrol(Request& request) {
  fleet::Enrolment enrolment = CO_TRY(read_enrolment(request));
  if (auto refusal = too_often(enrolment, request.peer)) co_return *std::move(refusal);
  auto start = [this, &enrolment](auto done) { store_.enrol(std::move(enrolment), done); };
  const Result<fleet::Device> device = co_await delivered<Result<fleet::Device>>(start);
  if (!device && device.error().code.number == fleet::kQuotaReached.number)
    co_return httpd::busy_response(429, for_stranger(device.error()), kStrangersWait);
  if (!device) co_return std::unexpected(device.error());
  roster_.put(*device);
  changes_.device(device->name);
  if (device->status == fleet::DeviceStatus::accepted) enrolments_.forgive_last(network_of(request.peer));
  const protocol::EnrolReply reply{.accepted = device->status == fleet::DeviceStatus::accepted};
  co_return httpd::json_response(200, protocol::to_json(reply));
}

DeviceApi::Answer DeviceApi::challenge(Request& request) {
  const Json json = CO_TRY(json_body(request));
  const auto message = CO_TRY(protocol::from_json<protocol::ChallengeRequest>(json));
  const std::string known = roster_.find(message.name) != nullptr ? message.name : "";
  const protocol::ChallengeReply reply{.nonce = challenges_.issue(known, random_, clock_.steady())};
  co_return httpd::json_response(200, protocol::to_json(reply));
}

Result<Response> DeviceApi::issue_token(const Request& request) {
  const Json json = TRY(json_body(request));
  const auto message = TRY(protocol::from_json<protocol::TokenRequest>(json));
  TRY(challenges_.redeem(message.name, message.nonce, clock_.steady()));
  const fleet::Device device = TRY(store_.device(message.name));
  const Bytes signature = TRY(from_base64url(message.signature));
  const std::string text = protocol::challenge_text(message.name, message.nonce);
  if (!crypto::verify_signature(device.public_key, as_bytes(text), signature))
    return fail(kNotAuthenticated, "the signature does not fit the key of device " + message.name);
  TRY(check_accepted(device.status, device.name));
  const protocol::TokenReply reply{.token = tokens_.issue(device.name, device.key_sha256, clock_.now()),
                                   .expires_in_s = static_cast<std::uint64_t>(kDeviceTokenLife.count())};
  roster_.touch(device.name, now_ms());
  return httpd::json_response(200, protocol::to_json(reply));
}

DeviceApi::Answer DeviceApi::token(Request& request) { co_return issue_token(request); }

Response DeviceApi::assignment_answer(const Request& request, const Roster::Entry& entry, bool& unchanged) const {
  const auto& deployment = entry.deployment;
  const fleet::Delta* delta = nullptr;
  if (deployment)
    delta = deltas_.find(deployment->artifact_sha256, {entry.version, entry.hardware},
                         protocol::told_ability(request.header(protocol::kDeltaHeader)));
  std::string tag = tag_of(deployment, delta);
  unchanged = request.header("if-none-match").find(tag) != std::string_view::npos;
  Response response{.status = 304};
  if (!unchanged) {
    protocol::Assignment assignment{deployment};
    if (delta != nullptr) assignment.deployment->delta = offer_of(*delta);
    response = httpd::json_response(200, protocol::to_json(assignment));
  }
  response.headers.emplace_back("ETag", std::move(tag));
  return response;
}

DeviceApi::Answer DeviceApi::assignment(Request& request) {
  const std::uint64_t wait = CO_TRY(query_number(request, "wait", protocol::kMaxWaitSeconds)).value_or(0);
  const Roster::Entry* entry = CO_TRY(entry_of(request));
  bool unchanged = false;
  Response answer = assignment_answer(request, *entry, unchanged);
  if (!unchanged || wait == 0) co_return answer;
  std::string device = CO_TRY(device_of(request));
  co_return co_await held_assignment(request, std::move(device), wait);
}

// Nothing new: the answer waits until there is, or the device has gone, or no longer may ask.
DeviceApi::Answer DeviceApi::held_assignment(Request& request, std::string device, std::uint64_t wait_s) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(wait_s);
  const std::shared_ptr<httpd::Bell> bell = roster_.device_bell(device);
  httpd::Sleeper sleeper(co_await boost::asio::this_coro::executor);
  const httpd::Bell::Listener changes(*bell, sleeper);
  const httpd::Bell::Listener departure(request.departure, sleeper);
  while (true) {
    const bool last = request.departure.rung() || std::chrono::steady_clock::now() >= until;
    bool unchanged = false;
    const Roster::Entry* entry = CO_TRY(entry_of(request));
    Response answer = assignment_answer(request, *entry, unchanged);
    if (!unchanged || last) co_return answer;
    co_await sleeper.sleep_until(until);
  }
}

Result<fleet::ReportBatch> DeviceApi::read_reports(const Request& request) {
  fleet::ReportBatch batch{.received_ms = now_ms()};
  batch.device = TRY(device_of(request));
  const Json json = TRY(json_body(request));
  batch.reports = TRY(protocol::from_json<protocol::Reports>(json));
  for (const protocol::Report& report : batch.reports.reports)
    if (report.sequence == 0) return fail(kBadJson, "report: \"sequence\" counts from 1");
  return batch;
}

DeviceApi::Answer DeviceApi::reports(Request& request) {
  fleet::ReportBatch batch = CO_TRY(read_reports(request));
  const std::string device = batch.device;
  const std::string version = batch.reports.version;
  auto start = [this, &batch](auto done) { store_.apply_reports(std::move(batch), done); };
  const Result<fleet::ReportOutcome> outcome = co_await delivered<Result<fleet::ReportOutcome>>(start);
  if (!outcome) co_return std::unexpected(outcome.error());
  for (const fleet::Deployment& deployment : outcome->changed) {
    roster_.apply(deployment);
    changes_.deployment(deployment);
  }
  if (outcome->version_changed) roster_.set_version(device, version);
  if (outcome->version_changed) changes_.device(device);
  co_return httpd::json_response(200, Json{{"stored", outcome->stored}, {"unknown", outcome->unknown}});
}

DeviceApi::Answer DeviceApi::log(Request& request) {
  const std::string device = CO_TRY(device_of(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  auto start = [&](auto done) { store_.put_log(device, id, std::move(request.body), now_ms(), done); };
  const Result<> stored = co_await delivered<Result<>>(start);
  if (!stored) co_return std::unexpected(stored.error());
  co_return Response{.status = 204};
}

DeviceApi::Answer DeviceApi::inventory(Request& request) {
  const std::string device = CO_TRY(device_of(request));
  const Json json = CO_TRY(json_body(request));
  auto message = CO_TRY(protocol::from_json<protocol::Inventory>(json));
  auto start = [&](auto done) { store_.set_attributes(device, std::move(message.attributes), done); };
  const Result<bool> changed = co_await delivered<Result<bool>>(start);
  if (!changed) co_return std::unexpected(changed.error());
  if (*changed) changes_.device(device);
  co_return Response{.status = 204};
}

DeviceApi::Answer DeviceApi::vitals(Request& request) {
  const std::string device = CO_TRY(device_of(request));
  const Json json = CO_TRY(json_body(request));
  auto message = CO_TRY(protocol::from_json<protocol::Vitals>(json));
  auto start = [&](auto done) { store_.put_vitals(device, std::move(message), now_ms(), done); };
  const Result<> stored = co_await delivered<Result<>>(start);
  if (!stored) co_return std::unexpected(stored.error());
  co_return Response{.status = 204};
}

Result<Response> DeviceApi::send_artifact(const Request& request) {
  const std::string device = TRY(device_of(request));
  const std::string& sha256 = request.parameters.at("sha256");
  const auto& deployment = roster_.find(device)->deployment;
  const bool assigned = deployment && (deployment->artifact_sha256 == sha256 || deltas_.leads_to(sha256, deployment->artifact_sha256));
  if (!assigned)
    return fail(kArtifactNotAssigned, "device " + device + " has no unfinished deployment of this artifact, nor of what it is a delta to");
  const Bytes digest = TRY(from_hex(sha256));
  crypto::Digest name{};
  std::copy(digest.begin(), digest.end(), name.begin());
  return file_answer(request, blobs_, {.sha256 = name, .tag = "\"" + sha256 + "\""});
}

DeviceApi::Answer DeviceApi::artifact(Request& request) { co_return send_artifact(request); }

}  // namespace aloft::server
