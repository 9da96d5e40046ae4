#include "server/delta_api.hpp"

#include "fleet/delta_intake.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "httpd/errors.hpp"
#include "server/errors.hpp"
#include "server/json_forms.hpp"
#include "server/parameters.hpp"

namespace aloft::server {
namespace {

using httpd::json_response;
using httpd::Method;
using httpd::offloaded;
using httpd::Request;
using httpd::Response;

constexpr std::uint64_t kMaxDeltaBytes = 1ULL << 40;
constexpr std::size_t kMaxVersionBytes = 64;
constexpr std::size_t kMaxCandidates = 1000;

}  // namespace

void DeltaApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/releases/{id}/deltas", [this](Request& r) { return list(r); }});
  router.add(
      {Method::post, "/api/v1/releases/{id}/deltas", [this](Request& r) { return upload(r); }, kMaxDeltaBytes, httpd::BodyMode::stream});
  router.add({Method::del, "/api/v1/deltas/{id}", [this](Request& r) { return remove(r); }});
}

Result<Json> DeltaApi::describe(const fleet::Release& release) {
  Json deltas = Json::array();
  for (const fleet::Delta& delta : TRY(store_.deltas()))
    if (delta.release == release.id) deltas.push_back(to_json(delta));
  Json downloads = Json::array();
  for (const fleet::DownloadTotal& total : TRY(store_.downloads(release.id))) downloads.push_back(to_json(total));
  Json json{{"deltas", std::move(deltas)}, {"downloads", std::move(downloads)}};
  if (const auto& making = workshop_.counters().making; making && making->target.id == release.id)
    json["making"] = Json{{"from_version", making->source.version}, {"devices", making->waiting}};
  return json;
}

DeltaApi::Answer DeltaApi::list(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const fleet::Release release = CO_TRY(store_.release(id));
  const Json json = CO_TRY(describe(release));
  co_return json_response(200, json);
}

Result<fleet::Delta> DeltaApi::inspect(const std::filesystem::path& file, const fleet::Release& release,
                                       const std::optional<std::string>& from) {
  fleet::Delta delta = TRY(fleet::inspect_delta(file, release));
  if (from) {
    delta.from_version = *from;
    return delta;
  }
  const auto releases = TRY(store_.releases({.product = release.product, .version = {}, .limit = kMaxCandidates}));
  const fleet::Release source = TRY(fleet::find_source(delta, releases, blobs_));
  delta.from_version = source.version;
  delta.hardware = source.hardware;
  return delta;
}

DeltaApi::Answer DeltaApi::upload(Request& request) {
  const fleet::AccessToken token = CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const fleet::Release release = CO_TRY(store_.release(id));
  const std::optional<std::string> from = query_text(request, "from");
  if (from && (from->empty() || from->size() > kMaxVersionBytes)) co_return fail(kBadParameter, "\"from\" must be a version");
  if (!request.content_length) co_return fail(httpd::kLengthRequired, "an upload needs Content-Length");
  const QuotaDesk::Room room = CO_TRY(quotas_.reserve(QuotaDesk::Upload::delta, *request.content_length));
  fleet::BlobFolder::Upload file = CO_TRY(blobs_.begin(random_));
  const Result<> received = co_await receive_body(*request.stream, file, disk_);
  if (!received) co_return std::unexpected(received.error());
  auto look = [&] { return inspect(file.path(), release, from); };
  Result<fleet::Delta> delta = co_await offloaded(disk_, look);
  if (!delta) co_return std::unexpected(delta.error());
  if (delta->size_bytes != file.size_bytes())
    co_return fail(fleet::kDeltaTarget, "the delta's records do not fill the file; it was cut short, or something follows it");
  delta->created_by = token.user;
  const Result<fleet::Delta> kept = co_await workshop_.take_in(*std::move(delta), std::move(file), to_hex(release.sha256));
  if (!kept) co_return std::unexpected(kept.error());
  co_return json_response(201, to_json(*kept));
}

DeltaApi::Answer DeltaApi::remove(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const Result<> dropped = co_await workshop_.drop(id);
  if (!dropped) co_return std::unexpected(dropped.error());
  co_return Response{.status = 204};
}

}  // namespace aloft::server
