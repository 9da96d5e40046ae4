#include "agent/local_api.hpp"

#include <algorithm>
#include <array>

#include "agent/errors.hpp"

namespace aloft::agent {
namespace {

constexpr std::array<std::string_view, 8> kVerbNames{"status", "watch", "history", "install", "check", "defer", "cancel", "accept"};

bool only_looks(Verb verb) { return verb == Verb::status || verb == Verb::watch || verb == Verb::history; }

}  // namespace

Result<LocalRequest> parse_local_request(std::string_view line) {
  if (line.size() > kMaxRequestBytes) return fail(kBadRequest, "a request has at most " + std::to_string(kMaxRequestBytes) + " bytes");
  const Json json = TRY(parse_json(line, 4));
  auto object = TRY(JsonObject::of(json, "request"));
  const std::string name = TRY(object.text("do", 32));
  const auto found = std::ranges::find(kVerbNames, name);
  if (found == kVerbNames.end())
    return fail(kBadRequest, "\"do\" must be one of status, watch, history, install, check, defer, cancel, accept");
  LocalRequest request;
  request.verb = static_cast<Verb>(found - kVerbNames.begin());
  if (request.verb == Verb::install) request.uri = TRY(object.text("uri", 4096));
  if (request.verb == Verb::install && (request.uri.empty() || request.uri.find('\0') != std::string::npos))
    return fail(kBadRequest, "\"uri\" must not be empty");
  if (request.verb == Verb::defer)
    request.defer_for = std::chrono::seconds(TRY(object.number("seconds", static_cast<std::uint64_t>(kMaxDefer.count()))));
  TRY(object.no_more());
  return request;
}

std::string request_line(const LocalRequest& request) {
  Json json{{"do", kVerbNames[static_cast<std::size_t>(request.verb)]}};
  if (request.verb == Verb::install) json["uri"] = request.uri;
  if (request.verb == Verb::defer) json["seconds"] = request.defer_for.count();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<> authorise(Verb verb, const Peer& peer, std::optional<gid_t> control_group) {
  if (only_looks(verb) || peer.uid == 0) return {};
  if (control_group && std::ranges::find(peer.groups, *control_group) != peer.groups.end()) return {};
  return fail(kNotAllowed, "only root" + std::string(control_group ? " and members of the control group" : "") + " may " +
                               std::string(kVerbNames[static_cast<std::size_t>(verb)]) + "; user " + std::to_string(peer.uid) +
                               " may look at status and history");
}

Json ok_answer() { return Json{{"ok", true}}; }

Json error_answer(const Error& error) {
  return Json{
      {"ok", false},
      {"error",
       Json{{"number", error.code.number}, {"name", error.code.name}, {"kind", to_string(error.code.kind)}, {"message", error.message}}}};
}

}  // namespace aloft::agent
