#include "bundle/manifest.hpp"

#include <gtest/gtest.h>

#include "base/errors.hpp"
#include "base/json.hpp"
#include "bundle/errors.hpp"
#include "bundle/test_bundle.hpp"

namespace aloft::bundle {
namespace {

using test::build;
using test::test_content;

Json good() {
  const auto built = build({{.name = "rootfs", .content = test_content(70000), .blocks = BlockNames::include},
                            {.name = "boot", .content = test_content(10, 2), .encoding = Encoding::none}});
  return *parse_json(serialize_manifest(built.manifest));
}

int number_of(const Json& json) {
  const auto manifest = parse_manifest(json.dump());
  return manifest ? 0 : manifest.error().code.number;
}

TEST(Manifest, ReadsWhatItWritesAndWritesTheSameBytes) {
  const auto text = good().dump();
  const auto manifest = parse_manifest(text);
  ASSERT_TRUE(manifest) << manifest.error().text();
  EXPECT_EQ(serialize_manifest(*manifest), text);
  ASSERT_EQ(manifest->images.size(), 2U);
  const Image& rootfs = manifest->images[0];
  EXPECT_EQ(rootfs.frame_count(), 2U);
  EXPECT_EQ(rootfs.frame_content_bytes(0), 65536U);
  EXPECT_EQ(rootfs.frame_content_bytes(1), 70000U - 65536U);
  EXPECT_EQ(rootfs.blocks_section_bytes(), 18U * 8U);
  EXPECT_EQ(manifest->images[1].stored[0].sha256, manifest->images[1].frames[0]);
}

TEST(Manifest, UnknownKeysRejectButPrivateOnesDoNot) {
  for (const char* at : {"", "/images/0", "/images/0/frames", "/images/0/stored", "/images/0/blocks"}) {
    Json json = good();
    json[Json::json_pointer(at)]["x-note"] = "anything";
    EXPECT_EQ(number_of(json), 0) << at;
    json[Json::json_pointer(at)]["must"] = 1;
    EXPECT_EQ(number_of(json), kBadJson.number) << at;
  }
}

TEST(Manifest, EveryMemberIsNeeded) {
  const Json json = good();
  for (const char* at : {"", "/images/0", "/images/0/frames", "/images/0/stored", "/images/0/blocks"}) {
    for (const auto& [key, value] : json[Json::json_pointer(at)].items()) {
      Json less = json;
      less[Json::json_pointer(at)].erase(key);
      if (key == "blocks") continue;
      EXPECT_NE(number_of(less), 0) << at << "/" << key;
    }
  }
}

TEST(Manifest, NewerFormatsAreNamedAsSuch) {
  Json json = good();
  json["format"] = 2;
  json["new"] = 1;
  EXPECT_EQ(number_of(json), kManifestFormat.number);
}

TEST(Manifest, DuplicateKeysReject) {
  auto text = good().dump();
  text.insert(1, R"("product":"other",)");
  EXPECT_EQ(parse_manifest(text).error().code.number, kBadJson.number);
}

TEST(Manifest, EveryBadValueIsRefused) {
  const std::string digest = to_base64(Bytes(32));
  const std::uint64_t near = INT64_MAX;
  const struct {
    const char* at;
    Json value;
  } cases[] = {
      {"/product", ""},
      {"/product", "a/b"},
      {"/product", std::string(65, 'a')},
      {"/version", "1\n2"},
      {"/version", "$(reboot)"},
      {"/hardware", Json::array()},
      {"/hardware", {"rev-a", 1}},
      {"/hardware/0", ""},
      {"/security_version", -1},
      {"/security_version", near + 1},
      {"/security_version", 1.5},
      {"/description", "\x1b[2J"},
      {"/description",
       "\xc2\x9b"
       "2J"},
      {"/images", Json::array()},
      {"/images", Json(std::vector<Json>(65, good()["images"][0]))},
      {"/images/1/name", "rootfs"},
      {"/images/1/slot_class", "rootfs"},
      {"/images/0/name", ".."},
      {"/images/0/name", "../../etc/passwd"},
      {"/images/0/name", "/dev/sda"},
      {"/images/0/name", "a/b"},
      {"/images/0/name", "A"},
      {"/images/0/name", "-o"},
      {"/images/0/name", std::string("a\0b", 3)},
      {"/images/0/name", std::string(65, 'a')},
      {"/images/0/slot_class", "../a"},
      {"/images/0/type", "tree"},
      {"/images/0/size", 0},
      {"/images/0/size", 65536},
      {"/images/0/size", 131073},
      {"/images/0/size", near},
      {"/images/0/size", 1ULL << 62},
      {"/images/0/size", UINT64_MAX},
      {"/images/0/sha256", "00"},
      {"/images/0/sha256", std::string(64, 'A')},
      {"/images/0/frames/size", 65535},
      {"/images/0/frames/size", 32768},
      {"/images/0/frames/size", 8 << 20},
      {"/images/0/frames/size", 98304},
      {"/images/0/frames/sha256", digest},
      {"/images/0/frames/sha256", ""},
      {"/images/0/stored/encoding", "lz4"},
      {"/images/0/stored/encoding", "none"},
      {"/images/1/stored/encoding", "zstd"},
      {"/images/0/stored/sizes", {1}},
      {"/images/0/stored/sizes", {0, 1}},
      {"/images/0/stored/sizes", {65536 + 256 + 65, 1}},
      {"/images/0/stored/sizes", {near, near}},
      {"/images/0/stored/sizes", {1, -1}},
      {"/images/0/stored/sha256", digest},
      {"/images/0/blocks/size", 512},
      {"/images/0/blocks/sha256", "zz"},
      {"/images/0/blocks", nullptr},
      {"/images/0", nullptr},
  };
  for (const auto& c : cases) {
    Json json = good();
    json[Json::json_pointer(c.at)] = c.value;
    EXPECT_NE(number_of(json), 0) << c.at << " = " << c.value.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 80);
  }
}

}  // namespace
}  // namespace aloft::bundle
