#include "server/release_api.hpp"

#include "fleet/intake.hpp"
#include "httpd/elsewhere.hpp"
#include "httpd/errors.hpp"
#include "server/body_file.hpp"
#include "server/errors.hpp"
#include "server/json_forms.hpp"
#include "server/listing.hpp"
#include "server/release_files.hpp"

namespace aloft::server {
namespace {

using httpd::json_response;
using httpd::Method;
using httpd::offloaded;
using httpd::Request;
using httpd::Response;

constexpr std::uint64_t kMaxBundleBytes = 1ULL << 40;
constexpr std::size_t kMaxHardware = 64;

// What an upload's query says of a file of another project; hardware=rev-a,rev-b.
Result<fleet::ForeignWords> words_of(const Request& request) {
  fleet::ForeignWords words{
      .product = query_text(request, "product").value_or(""), .hardware = {}, .version = query_text(request, "version").value_or("")};
  std::string_view list = request.target.query.contains("hardware") ? request.target.query.at("hardware") : std::string_view{};
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    if (end != 0) words.hardware.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    if (words.hardware.size() > kMaxHardware) return fail(kBadParameter, "\"hardware\" names too many revisions");
  }
  return words;
}

}  // namespace

void ReleaseApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/releases", [this](Request& r) { return list(r); }});
  router.add({Method::post, "/api/v1/releases", [this](Request& r) { return upload(r); }, kMaxBundleBytes, httpd::BodyMode::stream});
  router.add({Method::get, "/api/v1/releases/{id}", [this](Request& r) { return get(r); }});
  router.add({Method::put, "/api/v1/releases/{id}", [this](Request& r) { return change(r); }, kMaxJsonBytes});
  router.add({Method::del, "/api/v1/releases/{id}", [this](Request& r) { return remove(r); }});
}

Result<fleet::ReleaseQuery> ReleaseApi::read_query(const Request& request) {
  TRY(access_.check(request));
  fleet::ReleaseQuery query{.product = query_text(request, "product"), .version = query_text(request, "version")};
  query.before = TRY(query_number(request, "before", UINT64_MAX)).value_or(UINT64_MAX);
  query.limit = TRY(query_limit(request)) + 1;
  return query;
}

ReleaseApi::Answer ReleaseApi::list(Request& request) {
  const fleet::ReleaseQuery query = CO_TRY(read_query(request));
  auto read = [this, &query] { return store_.releases(query); };
  Result<std::vector<fleet::Release>> found = co_await offloaded(disk_, read);
  if (!found) co_return std::unexpected(found.error());
  const auto form = [](const fleet::Release& release) { return to_json(release); };
  const auto place = [](const fleet::Release& release) { return release.id; };
  co_return json_response(200, listing("releases", *std::move(found), query.limit, "next_before", form, place));
}

ReleaseApi::Answer ReleaseApi::get(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const fleet::Release release = CO_TRY(store_.release(id));
  co_return json_response(200, to_json(release));
}

Result<fleet::Release> ReleaseApi::inspect(const std::filesystem::path& file, const fleet::ForeignWords& words) const {
  const fleet::ReleaseFormat format = TRY(fleet::format_of(file));
  if (format != fleet::ReleaseFormat::aloft) return fleet::inspect_foreign(file, format, words);
  if (!words.product.empty() || !words.hardware.empty() || !words.version.empty())
    return fail(kBadParameter, "an Aloft bundle says itself what it is for: product, hardware and version are for files of other projects");
  return fleet::inspect_bundle(file, trust_, access_.clock().now());
}

Result<ReleaseApi::Stored> ReleaseApi::keep(fleet::BlobFolder::Upload upload, const std::string& user, const fleet::ForeignWords& words) {
  const crypto::Digest sha256 = TRY(upload.seal());
  if (auto known = TRY(store_.release_of(sha256)); known && blobs_.contains(sha256)) return Stored{*std::move(known), false};
  fleet::Release release = TRY(inspect(upload.path(), words));
  release.size_bytes = upload.size_bytes();
  release.sha256 = sha256;
  const crypto::OldDigests::Hex old_digests = upload.old_digests();
  release.sha1 = old_digests.sha1;
  release.md5 = old_digests.md5;
  release.file_name = file_name_of(release);
  release.created_ms = access_.now_ms();
  release.created_by = user;
  TRY(blobs_.publish(std::move(upload), sha256));
  Result<fleet::Release> added = fleet::wait<fleet::Release>([&](auto done) { store_.add_release(release, done); });
  if (added) return Stored{*std::move(added), true};
  const auto known = store_.release_of(sha256);
  if (known && !*known) TRY(blobs_.remove(sha256));
  return std::unexpected(added.error());
}

ReleaseApi::Answer ReleaseApi::upload(Request& request) {
  const fleet::AccessToken token = CO_TRY(access_.check(request));
  if (!request.content_length) co_return fail(httpd::kLengthRequired, "an upload needs Content-Length");
  const fleet::ForeignWords words = CO_TRY(words_of(request));
  const QuotaDesk::Room room = CO_TRY(quotas_.reserve(QuotaDesk::Upload::release, *request.content_length));
  fleet::BlobFolder::Upload upload = CO_TRY(blobs_.begin(random_));
  const Result<> received = co_await receive_body(*request.stream, upload, disk_);
  if (!received) co_return std::unexpected(received.error());
  auto work = [&] { return keep(std::move(upload), token.user, words); };
  const Result<Stored> stored = co_await offloaded(shelf_, work);
  if (!stored) co_return std::unexpected(stored.error());
  hooks_.added();
  co_return json_response(stored->fresh ? 201 : 200, to_json(stored->release));
}

ReleaseApi::Answer ReleaseApi::change(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  const Json json = CO_TRY(json_body(request));
  auto object = CO_TRY(JsonObject::of(json, "release"));
  const bool must_pass = CO_TRY(object.boolean("must_pass_through"));
  auto start = [&](auto done) { store_.set_must_pass(id, must_pass, done); };
  const Result<fleet::Release> changed = co_await httpd::delivered<Result<fleet::Release>>(start);
  if (!changed) co_return std::unexpected(changed.error());
  co_return json_response(200, to_json(*changed));
}

Result<> ReleaseApi::discard(std::uint64_t id) {
  TRY(fleet::wait<>([&](auto done) { store_.begin_delete_release(id, done); }));
  return finish_deletion(store_, blobs_, id);
}

ReleaseApi::Answer ReleaseApi::remove(Request& request) {
  CO_TRY(access_.check(request));
  const std::uint64_t id = CO_TRY(id_parameter(request));
  auto work = [this, id] { return discard(id); };
  const Result<> discarded = co_await offloaded(shelf_, work);
  if (!discarded) co_return std::unexpected(discarded.error());
  hooks_.removed(id);
  co_return Response{.status = 204};
}

}  // namespace aloft::server
