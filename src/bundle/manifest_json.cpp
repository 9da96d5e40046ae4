#include <algorithm>
#include <bit>
#include <cstring>
#include <set>

#include "base/bytes.hpp"
#include "base/json.hpp"
#include "bundle/blocks.hpp"
#include "bundle/errors.hpp"
#include "bundle/manifest.hpp"
#include "bundle/names.hpp"

namespace aloft::bundle {
namespace {

constexpr std::uint64_t kMaxImageBytes = 1ULL << 62;
constexpr std::uint64_t kMaxTotalBytes = INT64_MAX;
constexpr std::uint64_t kMaxFrames = kMaxManifestBytes / 43;  // 43 is what the base64 of one digest takes at least
constexpr std::size_t kMaxHardware = 256;
constexpr std::size_t kMaxBase64Bytes = kMaxManifestBytes;

std::unexpected<Error> bad(const std::string& what) { return fail(kBadManifest, "manifest: " + what); }

Result<Digest> digest_from_hex(const std::string& text, const std::string& what) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != sizeof(Digest)) return bad(what + " must be 64 lower-case hexadecimal digits");
  Digest digest;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

Result<std::vector<Digest>> digests_from_base64(const std::string& text, std::uint64_t count, const std::string& what) {
  const auto bytes = from_base64(text);
  if (!bytes || bytes->size() % sizeof(Digest) != 0 || bytes->size() / sizeof(Digest) != count)
    return bad(what + " must be base64 of " + std::to_string(count) + " digests of 32 bytes");
  std::vector<Digest> digests(bytes->size() / sizeof(Digest));
  std::memcpy(digests.data(), bytes->data(), bytes->size());
  return digests;
}

Result<> read_frames(const Json& json, Image& image, const std::string& at) {
  auto object = TRY(JsonObject::of(json, at));
  const auto size = TRY(object.number("size"));
  const auto digests = TRY(object.text("sha256", kMaxBase64Bytes));
  TRY(object.no_more());
  if (size < kMinFrameBytes || size > kMaxFrameBytes || !std::has_single_bit(size))
    return bad(at + ": \"size\" must be a power of two from 65536 to 4194304");
  image.frame_size_bytes = static_cast<std::uint32_t>(size);
  if (image.frame_count() > kMaxFrames) return bad(at + ": more frames than a manifest can name");
  image.frames = TRY(digests_from_base64(digests, image.frame_count(), at + ": \"sha256\""));
  return {};
}

void store_plain(Image& image) {
  image.stored.reserve(image.frames.size());
  for (std::uint64_t frame = 0; frame < image.frames.size(); ++frame)
    image.stored.push_back({image.frame_content_bytes(frame), image.frames[frame]});
}

Result<> read_stored_zstd(JsonObject& object, Image& image, const std::string& at) {
  const Json& sizes = *TRY(object.array("sizes", image.frames.size()));
  const auto digests = TRY(digests_from_base64(TRY(object.text("sha256", kMaxBase64Bytes)), image.frames.size(), at + ": \"sha256\""));
  if (sizes.size() != image.frames.size()) return bad(at + ": \"sizes\" must hold one number for each frame");
  image.stored.reserve(digests.size());
  for (std::size_t frame = 0; frame < digests.size(); ++frame) {
    const Json& size = sizes[frame];
    const std::uint32_t most = max_stored_bytes(image.frame_content_bytes(frame));
    if (!size.is_number_unsigned() || size.get<std::uint64_t>() == 0 || size.get<std::uint64_t>() > most)
      return bad(at + ": size of frame " + std::to_string(frame) + " must be from 1 to " + std::to_string(most));
    image.stored.push_back({size.get<std::uint32_t>(), digests[frame]});
  }
  return {};
}

Result<> read_stored(const Json& json, Image& image, const std::string& at) {
  auto object = TRY(JsonObject::of(json, at));
  const auto encoding = TRY(object.text("encoding"));
  if (encoding == "zstd") {
    image.encoding = Encoding::zstd;
    TRY(read_stored_zstd(object, image, at));
  } else if (encoding == "none") {
    image.encoding = Encoding::none;
    store_plain(image);
  } else {
    return bad(at + ": \"encoding\" must be \"zstd\" or \"none\"");
  }
  return object.no_more();
}

Result<> read_blocks(const Json& json, Image& image, const std::string& at) {
  auto object = TRY(JsonObject::of(json, at));
  if (TRY(object.number("size")) != kBlockBytes) return bad(at + ": \"size\" must be 4096");
  image.blocks = TRY(digest_from_hex(TRY(object.text("sha256")), at + ": \"sha256\""));
  return object.no_more();
}

Result<> read_verity(const Json& json, Image& image, const std::string& at) {
  auto object = TRY(JsonObject::of(json, at));
  Verity verity{.data_bytes = TRY(object.number("data_size"))};
  verity.root = TRY(digest_from_hex(TRY(object.text("root")), at + ": \"root\""));
  verity.salt = TRY(digest_from_hex(TRY(object.text("salt")), at + ": \"salt\""));
  TRY(object.no_more());
  if (image.type != "raw") return bad(at + ": only raw images can have it");
  const std::uint64_t data = verity.data_bytes;
  if (data == 0 || data % kVerityBlockBytes != 0 || data >= image.size_bytes || verity_area_bytes(data) != image.size_bytes - data)
    return bad(at + ": \"data_size\" must be a multiple of 4096, and the rest of the image its superblock and tree");
  image.verity = verity;
  return {};
}

Result<std::string> read_name(JsonObject& object, const char* key, const std::string& at) {
  auto name = TRY(object.text(key));
  if (!is_image_name(name))
    return bad(at + ": \"" + key + "\" must be 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit");
  return name;
}

Result<Image> read_image(const Json& json, std::size_t index) {
  const std::string at = "images[" + std::to_string(index) + "]";
  auto object = TRY(JsonObject::of(json, at));
  Image image;
  image.name = TRY(read_name(object, "name", at));
  image.slot_class = TRY(read_name(object, "slot_class", at));
  image.type = TRY(object.text("type"));
  if (!is_image_type(image.type))
    return bad(at + ": \"type\" must be \"raw\", \"tar\", \"file\", \"payload\" or \"ubifs\"; a newer Aloft may know more");
  image.size_bytes = TRY(object.number("size"));
  if (image.size_bytes == 0 || image.size_bytes > kMaxImageBytes) return bad(at + ": \"size\" must be from 1 to 2^62");
  image.sha256 = TRY(digest_from_hex(TRY(object.text("sha256")), at + ": \"sha256\""));
  TRY(read_frames(*TRY(object.object("frames")), image, at + ".frames"));
  TRY(read_stored(*TRY(object.object("stored")), image, at + ".stored"));
  if (const Json* blocks = TRY(object.optional_object("blocks"))) TRY(read_blocks(*blocks, image, at + ".blocks"));
  if (const Json* verity = TRY(object.optional_object("verity"))) TRY(read_verity(*verity, image, at + ".verity"));
  TRY(object.no_more());
  return image;
}

// What is stored and what it becomes, each summed over all images, stay below 2^63.
Result<> check_sums(const Manifest& manifest) {
  std::uint64_t content = 0;
  std::uint64_t stored = 0;
  const auto add = [](std::uint64_t& sum, std::uint64_t more) {
    sum += more;  // both at most 2^63 - 1 here
    return sum <= kMaxTotalBytes;
  };
  for (const auto& image : manifest.images) {
    bool fits = add(content, image.size_bytes) && add(stored, image.blocks_section_bytes());
    for (std::size_t i = 0; fits && i < image.stored.size(); ++i) fits = add(stored, image.stored[i].size_bytes);
    if (!fits) return bad("the sizes of all images add up to 2^63 or more");
  }
  return {};
}

Result<> read_images(const Json& json, Manifest& manifest) {
  if (json.empty()) return bad("\"images\" must not be empty");
  std::set<std::string> names;
  std::set<std::string> classes;
  for (std::size_t i = 0; i < json.size(); ++i) {
    auto image = TRY(read_image(json[i], i));
    if (!names.insert(image.name).second) return bad("two images are named \"" + image.name + "\"");
    if (!classes.insert(image.slot_class).second) return bad("two images are for the slot class \"" + image.slot_class + "\"");
    manifest.images.push_back(std::move(image));
  }
  return check_sums(manifest);
}

Result<> read_hardware(const Json& json, Manifest& manifest) {
  for (const Json& revision : json) {
    if (!revision.is_string() || !is_identifier(revision.get_ref<const std::string&>()))
      return bad("\"hardware\" must hold names of 1 to 64 of A-Z, a-z, 0-9 and ._+,:~-");
    manifest.hardware.push_back(revision.get<std::string>());
  }
  if (manifest.hardware.empty()) return bad("\"hardware\" must not be empty");
  return {};
}

Result<> check_texts(const Manifest& manifest) {
  if (!is_identifier(manifest.product)) return bad("\"product\" must be 1 to 64 of A-Z, a-z, 0-9 and ._+,:~-");
  if (!is_identifier(manifest.version)) return bad("\"version\" must be 1 to 64 of A-Z, a-z, 0-9 and ._+,:~-");
  if (!is_printable(manifest.description)) return bad("\"description\" must not hold control characters");
  return {};
}

std::string base64_of(const std::vector<Digest>& digests) { return to_base64(std::as_bytes(std::span(digests))); }

Json to_json(const Image& image) {
  Json json = {{"name", image.name},
               {"slot_class", image.slot_class},
               {"type", image.type},
               {"size", image.size_bytes},
               {"sha256", to_hex(image.sha256)},
               {"frames", {{"size", image.frame_size_bytes}, {"sha256", base64_of(image.frames)}}}};
  if (image.encoding == Encoding::none) {
    json["stored"] = {{"encoding", "none"}};
  } else {
    Json sizes = Json::array();
    std::vector<Digest> digests;
    for (const auto& frame : image.stored) {
      sizes.push_back(frame.size_bytes);
      digests.push_back(frame.sha256);
    }
    json["stored"] = {{"encoding", "zstd"}, {"sizes", std::move(sizes)}, {"sha256", base64_of(digests)}};
  }
  if (image.verity)
    json["verity"] = {{"data_size", image.verity->data_bytes}, {"root", to_hex(image.verity->root)}, {"salt", to_hex(image.verity->salt)}};
  if (image.blocks) json["blocks"] = {{"size", kBlockBytes}, {"sha256", to_hex(*image.blocks)}};
  return json;
}

}  // namespace

Result<Manifest> parse_manifest(std::string_view text) {
  const Json json = TRY(parse_json(text, 6));
  auto object = TRY(JsonObject::of(json, "manifest"));
  const auto format = TRY(object.number("format"));
  if (format != 1)
    return fail(kManifestFormat,
                "the manifest has format " + std::to_string(format) + "; this version of Aloft reads format 1: update it first");
  Manifest manifest;
  manifest.product = TRY(object.text("product"));
  TRY(read_hardware(*TRY(object.array("hardware", kMaxHardware)), manifest));
  manifest.version = TRY(object.text("version"));
  manifest.security_version = TRY(object.number("security_version", INT64_MAX));
  manifest.description = TRY(object.text("description"));
  const Json& images = *TRY(object.array("images", kMaxImages));
  TRY(object.no_more());
  TRY(check_texts(manifest));
  TRY(read_images(images, manifest));
  return manifest;
}

std::string serialize_manifest(const Manifest& manifest) {
  Json images = Json::array();
  for (const auto& image : manifest.images) images.push_back(to_json(image));
  const Json json = {{"format", 1},
                     {"product", manifest.product},
                     {"hardware", manifest.hardware},
                     {"version", manifest.version},
                     {"security_version", manifest.security_version},
                     {"description", manifest.description},
                     {"images", std::move(images)}};
  return json.dump();
}

}  // namespace aloft::bundle
