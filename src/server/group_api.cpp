#include "server/group_api.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "fleet/errors.hpp"
#include "httpd/elsewhere.hpp"
#include "httpd/errors.hpp"
#include "server/errors.hpp"
#include "server/json_forms.hpp"

namespace aloft::server {
namespace {

using httpd::delivered;
using httpd::json_response;
using httpd::Method;
using httpd::Request;
using httpd::Response;

constexpr std::size_t kMaxMembersAtOnce = 1000;
constexpr std::uint64_t kMaxMembersBytes = 256U << 10;
constexpr std::size_t kMaxHardwareClasses = 100;

Result<std::vector<std::string>> device_names(JsonObject& object, const char* key) {
  std::vector<std::string> names;
  const Json* array = TRY(object.optional_array(key, kMaxMembersAtOnce));
  if (array == nullptr) return names;
  for (const Json& name : *array) {
    if (!name.is_string() || !protocol::is_device_name(name.get_ref<const std::string&>()))
      return fail(kBadParameter, "\"" + std::string(key) + "\" must be devices' names");
    names.push_back(name.get<std::string>());
  }
  return names;
}

Result<std::string> checked_name(std::string name) {
  if (!protocol::is_device_name(name))
    return fail(fleet::kBadName, "the name of a group or tag is 1-64 of A-Z a-z 0-9 . _ - and does not begin with a dot");
  return name;
}

}  // namespace

void GroupApi::add_routes(httpd::Router& router) {
  router.add({Method::get, "/api/v1/groups", [this](Request& r) { return list(r); }});
  router.add({Method::post, "/api/v1/groups", [this](Request& r) { return create(r); }, kMaxJsonBytes});
  router.add({Method::get, "/api/v1/groups/{name}", [this](Request& r) { return get(r); }});
  router.add({Method::put, "/api/v1/groups/{name}", [this](Request& r) { return change(r); }, kMaxJsonBytes});
  router.add({Method::del, "/api/v1/groups/{name}", [this](Request& r) { return remove(r); }});
  router.add({Method::post, "/api/v1/groups/{name}/devices", [this](Request& r) { return change_members(r); }, kMaxMembersBytes});
  router.add({Method::get, "/api/v1/tags", [this](Request& r) { return list_tags(r); }});
  router.add({Method::post, "/api/v1/tags/{name}/devices", [this](Request& r) { return change_tag(r); }, kMaxMembersBytes});
  router.add({Method::get, "/api/v1/device-types", [this](Request& r) { return list_types(r); }});
  router.add({Method::put, "/api/v1/device-types", [this](Request& r) { return put_type(r); }, kMaxJsonBytes});
  router.add({Method::post, "/api/v1/filter-check", [this](Request& r) { return check_filter(r); }, kMaxJsonBytes});
}

GroupApi::Answer GroupApi::list(Request& request) {
  CO_TRY(access_.check(request));
  const std::vector<fleet::Group> found = CO_TRY(store_.groups());
  Json groups = Json::array();
  for (const fleet::Group& group : found) groups.push_back(to_json(group));
  co_return json_response(200, Json{{"groups", std::move(groups)}});
}

Result<fleet::Group> GroupApi::read_group(const Request& request, std::optional<std::string> name) {
  fleet::Group group{.created_ms = access_.now_ms(), .created_by = TRY(access_.check(request)).user};
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "group"));
  group.name = TRY(checked_name(name ? *std::move(name) : TRY(object.text("name", 64))));
  group.description = TRY(object.optional_text("description", 1024)).value_or("");
  group.filter = TRY(object.optional_text("filter", fleet::kMaxFilterBytes));
  if (group.filter) TRY(TRY(fleet::Filter::parse(*group.filter)).check_for_group());
  return group;
}

GroupApi::Answer GroupApi::create(Request& request) {
  fleet::Group group = CO_TRY(read_group(request, {}));
  auto start = [this, &group](auto done) { store_.add_group(std::move(group), done); };
  Result<fleet::Group> added = co_await delivered<Result<fleet::Group>>(start);
  if (added) added = co_await finish(*added);
  if (!added) co_return std::unexpected(added.error());
  changes_.groups();
  co_return json_response(201, to_json(*added));
}

GroupApi::Answer GroupApi::get(Request& request) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  const fleet::Group group = CO_TRY(store_.group(name));
  co_return json_response(200, to_json(group));
}

GroupApi::Answer GroupApi::change(Request& request) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  fleet::Group group = CO_TRY(read_group(request, name));
  auto start = [this, &group](auto done) { store_.change_group(std::move(group), done); };
  Result<fleet::Group> changed = co_await delivered<Result<fleet::Group>>(start);
  if (changed) changed = co_await finish(*changed);
  if (!changed) co_return std::unexpected(changed.error());
  changes_.groups();
  co_return json_response(200, to_json(*changed));
}

GroupApi::Answer GroupApi::remove(Request& request) {
  CO_TRY(access_.check(request));
  const std::string name = CO_TRY(name_parameter(request));
  auto start = [this, &name](auto done) { store_.delete_group(name, done); };
  const Result<> deleted = co_await delivered<Result<>>(start);
  if (!deleted) co_return std::unexpected(deleted.error());
  clear_gone();
  changes_.groups();
  co_return Response{.status = 204};
}

// --- what concerns many devices, in pieces: other writes go in between

httpd::Awaitable<Result<fleet::Group>> GroupApi::finish(fleet::Group draft) {
  if (!draft.draft) co_return draft;
  const Result<> filled = co_await fill(draft);
  Result<fleet::Group> finished = std::unexpected(filled ? Error{} : filled.error());
  if (filled) {
    auto start = [this, &draft](auto done) { store_.finish_group(draft, done); };
    finished = co_await delivered<Result<fleet::Group>>(start);
  }
  if (!finished) tasks_.begin(clear({draft.id}));
  clear_gone();
  co_return finished;
}

httpd::Awaitable<Result<>> GroupApi::fill(const fleet::Group& draft) {
  auto look = [this, &draft] { return store_.group_candidates(draft); };
  const Result<std::vector<std::uint64_t>> found = co_await httpd::offloaded(disk_, look);
  if (!found) co_return std::unexpected(found.error());
  for (std::size_t at = 0; at < found->size(); at += fleet::kGroupDevicesAtOnce) {
    if (stopping_) co_return fail(httpd::kServerFull, "the server is ending; try again when it is back");
    const auto begin = found->begin() + static_cast<std::ptrdiff_t>(at);
    const auto size = static_cast<std::ptrdiff_t>(std::min(fleet::kGroupDevicesAtOnce, found->size() - at));
    const std::vector<std::uint64_t> piece(begin, begin + size);
    auto start = [&](auto done) { store_.fill_group(draft.id, piece, done); };
    const Result<> filled = co_await delivered<Result<>>(start);
    if (!filled) co_return std::unexpected(filled.error());
  }
  co_return Result<>{};
}

httpd::Awaitable<void> GroupApi::clear(std::vector<std::uint64_t> remnants) {
  for (const std::uint64_t remnant : remnants)
    for (bool more = true; more && !stopping_;) {
      auto start = [this, remnant](auto done) { store_.clear_group(remnant, done); };
      const Result<bool> cleared = co_await delivered<Result<bool>>(start);
      more = cleared && *cleared;
      if (!cleared) log::warning("what is left of a group goes when the server starts again: " + cleared.error().text());
    }
}

void GroupApi::clear_gone() {
  Result<fleet::Store::GroupRemnants> remnants = store_.group_remnants();
  if (!remnants) log::warning("what is left of groups goes when the server starts again: " + remnants.error().text());
  if (remnants) tasks_.begin(clear(std::move(remnants->gone)));
}

void GroupApi::begin() {
  clear_gone();
  if (Result<fleet::Store::GroupRemnants> remnants = store_.group_remnants()) tasks_.begin(clear(std::move(remnants->drafts)));
}

Result<fleet::MemberChange> GroupApi::read_members(const Request& request) {
  TRY(access_.check(request));
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "members"));
  fleet::MemberChange change;
  change.add = TRY(device_names(object, "add"));
  change.remove = TRY(device_names(object, "remove"));
  if (change.add.empty() && change.remove.empty()) return fail(kBadParameter, "\"add\" or \"remove\" must name a device");
  return change;
}

GroupApi::Answer GroupApi::change_members(Request& request) {
  const fleet::MemberChange change = CO_TRY(read_members(request));
  const std::string name = CO_TRY(name_parameter(request));
  auto start = [&](auto done) { store_.change_members(name, change, done); };
  const Result<fleet::Group> changed = co_await delivered<Result<fleet::Group>>(start);
  if (!changed) co_return std::unexpected(changed.error());
  for (const std::string& device : change.add) changes_.device(device);
  for (const std::string& device : change.remove) changes_.device(device);
  co_return json_response(200, to_json(*changed));
}

GroupApi::Answer GroupApi::list_tags(Request& request) {
  CO_TRY(access_.check(request));
  const std::vector<fleet::TagCount> found = CO_TRY(store_.tags());
  Json tags = Json::array();
  for (const fleet::TagCount& tag : found) tags.push_back(Json{{"tag", tag.tag}, {"device_count", tag.device_count}});
  co_return json_response(200, Json{{"tags", std::move(tags)}});
}

GroupApi::Answer GroupApi::change_tag(Request& request) {
  const fleet::MemberChange change = CO_TRY(read_members(request));
  const std::string tag = CO_TRY(name_parameter(request));
  auto start = [&](auto done) { store_.change_tag(tag, change, done); };
  const Result<> changed = co_await delivered<Result<>>(start);
  if (!changed) co_return std::unexpected(changed.error());
  for (const std::string& device : change.add) changes_.device(device);
  for (const std::string& device : change.remove) changes_.device(device);
  co_return Response{.status = 204};
}

GroupApi::Answer GroupApi::list_types(Request& request) {
  CO_TRY(access_.check(request));
  const std::vector<fleet::DeviceType> found = CO_TRY(store_.device_types());
  Json types = Json::array();
  for (const fleet::DeviceType& type : found) types.push_back(to_json(type));
  co_return json_response(200, Json{{"device_types", std::move(types)}});
}

Result<fleet::DeviceType> GroupApi::read_type(const Request& request) {
  TRY(access_.check(request));
  const Json json = TRY(json_body(request));
  auto object = TRY(JsonObject::of(json, "device type"));
  fleet::DeviceType type;
  type.product = TRY(object.text("product", 128));
  type.description = TRY(object.optional_text("description", 1024)).value_or("");
  for (const Json& element : *TRY(object.array("hardware", kMaxHardwareClasses))) {
    auto hardware = TRY(JsonObject::of(element, "hardware class"));
    auto& one = type.hardware.emplace_back();
    one.hardware = TRY(hardware.text("hardware", 128));
    one.description = TRY(hardware.optional_text("description", 1024)).value_or("");
    one.described = true;
    for (std::size_t i = 0; i + 1 < type.hardware.size(); ++i)
      if (type.hardware[i].hardware == type.hardware.back().hardware) return fail(kBadParameter, "\"hardware\" names a class twice");
    if (type.hardware.back().hardware.empty()) return fail(kBadParameter, "a hardware class needs a name");
  }
  if (type.product.empty()) return fail(kBadParameter, "\"product\" must not be empty");
  return type;
}

GroupApi::Answer GroupApi::put_type(Request& request) {
  const fleet::DeviceType type = CO_TRY(read_type(request));
  auto start = [&](auto done) { store_.put_device_type(type, done); };
  const Result<> written = co_await delivered<Result<>>(start);
  if (!written) co_return std::unexpected(written.error());
  co_return Response{.status = 204};
}

GroupApi::Answer GroupApi::check_filter(Request& request) {
  CO_TRY(access_.check(request));
  const Json json = CO_TRY(json_body(request));
  auto object = CO_TRY(JsonObject::of(json, "filter"));
  const std::string text = CO_TRY(object.text("filter", fleet::kMaxFilterBytes));
  const fleet::Filter filter = CO_TRY(fleet::Filter::parse(text));
  const std::uint64_t count = CO_TRY(store_.count_devices(filter, access_.now_ms()));
  co_return json_response(200, Json{{"device_count", count}, {"steady", filter.check_steady().has_value()}});
}

}  // namespace aloft::server
