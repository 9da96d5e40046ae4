#include "foreign/sw_description.hpp"

#include <algorithm>
#include <array>

#include "foreign/errors.hpp"
#include "foreign/libconfig.hpp"

namespace aloft::foreign {
namespace {

constexpr std::size_t kMaxSwuImages = 1024;
constexpr std::array<std::string_view, 3> kLists{"images", "files", "scripts"};

std::string text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return {};
  if (found->is_string()) return found->get<std::string>();
  return found->is_number() ? found->dump() : std::string{};
}

void add_image(const Json& image, Contents& contents) {
  if (!image.is_object() || contents.images.size() == kMaxSwuImages) return;
  Contents::Image one{
      .name = text(image, "filename"), .target = text(image, "device"), .type = text(image, "type"), .sha256 = text(image, "sha256")};
  for (const char* key : {"volume", "path", "mtdname"})
    if (one.target.empty()) one.target = text(image, key);
  const bool known = std::ranges::any_of(contents.images, [&one](const auto& other) { return other.name == one.name; });
  if (!one.name.empty() && !known) contents.images.push_back(std::move(one));
}

void add_hardware(const Json& list, Contents& contents) {
  if (!list.is_array()) return;
  for (const Json& one : list)
    if (one.is_string() && std::ranges::find(contents.hardware, one.get<std::string>()) == contents.hardware.end())
      contents.hardware.push_back(one.get<std::string>());
}

void gather(const Json& group, Contents& contents) {
  for (const auto& [key, value] : group.items()) {
    if (key == "hardware-compatibility") {
      add_hardware(value, contents);
    } else if (std::ranges::find(kLists, key) != kLists.end() && value.is_array()) {
      for (const Json& image : value) add_image(image, contents);
    } else if (value.is_object()) {
      gather(value, contents);
    }
  }
}

// The first text of that name, top first.
std::string deep_text(const Json& group, const char* key) {
  if (std::string here = text(group, key); !here.empty()) return here;
  for (const auto& [name, value] : group.items())
    if (value.is_object())
      if (std::string below = deep_text(value, key); !below.empty()) return below;
  return {};
}

}  // namespace

Result<Contents> read_sw_description(std::string_view source) {
  const std::size_t first = source.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string_view::npos && source[first] == '{';
  const Json root = is_json ? TRY(parse_json(source)) : TRY(parse_libconfig(source));
  const auto software = root.find("software");
  if (software == root.end() || !software->is_object()) return fail(kBadDescription, "sw-description has no group \"software\"");
  Contents contents{.version = deep_text(*software, "version"), .description = deep_text(*software, "description")};
  contents.name = text(*software, "name");
  gather(*software, contents);
  return contents;
}

}  // namespace aloft::foreign
