#include "server/ddi_data_api.hpp"

#include <ctime>

#include "ddi/config_data.hpp"
#include "ddi/errors.hpp"
#include "ddi/lenient_json.hpp"
#include "ddi/local_hour.hpp"
#include "httpd/elsewhere.hpp"
#include "server/ddi_api.hpp"
#include "server/errors.hpp"
#include "server/file_answer.hpp"
#include "server/parameters.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::Method;
using httpd::Request;
using httpd::Response;

// Attributes by which a device says what it is, as `aloftd` does when it enrols.
constexpr const char* kProductKey = "aloft.product";
constexpr const char* kHardwareKey = "aloft.hardware";
constexpr const char* kVersionKey = "aloft.version";
constexpr const char* kOffsetKey = "utc_offset";
constexpr std::size_t kMaxFactBytes = 64;

std::string word_of(const fleet::Attributes& attributes, const char* key) {
  const auto found = attributes.find(key);
  return found == attributes.end() || found->second.size() > kMaxFactBytes ? "" : found->second;
}

// RFC 9110, section 5.6.7.
std::string http_date(std::uint64_t time_ms) {
  const auto seconds = static_cast<std::time_t>(time_ms / 1000);
  std::tm time{};
  ::gmtime_r(&seconds, &time);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &time);
  return text;
}

}  // namespace

void DdiDataApi::add_routes(httpd::Router& router) {
  const std::string base = kDdiBase;
  router.add({Method::put, base + "/configData", [this](Request& r) { return config_data(r); }, kMaxInventoryBytes});
  router.add({Method::put, base + "/installedBase", [this](Request& r) { return declare_installed(r); }, kMaxJsonBytes});
  router.add({Method::get, base + "/softwaremodules/{id}/artifacts", [this](Request& r) { return artifacts(r); }});
  router.add({Method::get, base + "/softwaremodules/{id}/artifacts/{file}", [this](Request& r) { return artifact(r); }});
}

Result<fleet::DdiDescription> DdiDataApi::read_config_data(const Request& request, const std::string& device) {
  const ddi::ConfigData change = TRY(ddi::read_config_data(request.body));
  const fleet::DeviceFacts facts = TRY(store_.device_facts(device));
  fleet::DdiDescription said{.device = device, .attributes = ddi::applied(change, facts.attributes)};
  said.product = word_of(*said.attributes, kProductKey);
  said.hardware = word_of(*said.attributes, kHardwareKey);
  said.version = word_of(change.data, kVersionKey);
  return said;
}

DdiDataApi::Answer DdiDataApi::config_data(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  fleet::DdiDescription said = CO_TRY(read_config_data(request, *device));
  const std::string offset = word_of(*said.attributes, kOffsetKey);
  auto start = [this, &said](auto done) { store_.describe_ddi_device(std::move(said), done); };
  const Result<fleet::Device> described = co_await delivered<Result<fleet::Device>>(start);
  if (!described) co_return std::unexpected(described.error());
  if (DdiDevices::Entry* const entry = devices_.find(*device)) {
    entry->attributes_known = true;
    entry->utc_offset_minutes = ddi::utc_offset_minutes(offset).value_or(0);
  }
  changes_.device(*device);
  co_return ddi_done();
}

DdiDataApi::Answer DdiDataApi::declare_installed(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const Json json = CO_TRY(ddi::parse_leniently(request.body));
  JsonObject object = CO_TRY(JsonObject::of(json, "installedBase"));
  const std::string version = CO_TRY(object.text("version", kMaxFactBytes));
  const fleet::Device before = CO_TRY(store_.device(*device));
  fleet::DdiDescription said{.device = *device, .attributes = {}, .version = version};
  auto start = [this, &said](auto done) { store_.describe_ddi_device(std::move(said), done); };
  const Result<fleet::Device> described = co_await delivered<Result<fleet::Device>>(start);
  if (!described) co_return std::unexpected(described.error());
  Response response = ddi_done();
  if (before.version == described->version) co_return response;
  changes_.device(*device);
  response.status = 201;
  co_return response;
}

Result<fleet::Release> DdiDataApi::release_for(const Request& request, const std::string& device) {
  const std::uint64_t id = TRY(id_parameter(request));
  fleet::Release release = TRY(store_.release(id));
  if (TRY(store_.deployments({.device = device, .release = id, .limit = 1})).empty())
    return fail(kArtifactNotAssigned, "device " + device + " has had no deployment of release " + std::to_string(id));
  return release;
}

DdiDataApi::Answer DdiDataApi::artifacts(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const fleet::Release release = CO_TRY(release_for(request, *device));
  const std::string base = CO_TRY(access_.base_of(request, *device));
  const ddi::Software software = software_of(release);
  co_return ddi_answer(request, Json::array({ddi::to_json(software.artifact, software.module, base)}));
}

Result<Response> DdiDataApi::send(const Request& request, const fleet::Release& release) const {
  const std::string tag = "\"" + release.sha1 + "\"";
  const std::string_view if_match = request.header("if-match");
  if (!if_match.empty() && if_match != "*" && if_match.find(tag) == std::string_view::npos)
    return fail(ddi::kPrecondition, "the file is another than the one that If-Match names");
  if (request.header("if-none-match").find(tag) != std::string_view::npos) return Response{.status = 304, .headers = {{"ETag", tag}}};
  return file_answer(
      request, blobs_,
      {.sha256 = release.sha256,
       .tag = tag,
       .headers = {{"Last-Modified", http_date(release.created_ms)}, {"Content-Disposition", "attachment;filename=" + release.file_name}}});
}

DdiDataApi::Answer DdiDataApi::artifact(Request& request) {
  const Result<std::string> device = co_await access_.device_of(request);
  if (!device) co_return std::unexpected(device.error());
  const fleet::Release release = CO_TRY(release_for(request, *device));
  const std::string& file = request.parameters.at("file");
  if (file == release.file_name) co_return send(request, release);
  if (file != release.file_name + ".MD5SUM")
    co_return fail(kArtifactMissing, "release " + std::to_string(release.id) + " has no file " + file);
  Response response{.headers = {{"Content-Type", "text/plain; charset=utf-8"}}};
  response.body = release.md5 + "  " + release.file_name;
  co_return response;
}

}  // namespace aloft::server
