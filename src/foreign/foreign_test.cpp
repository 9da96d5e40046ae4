#include <gtest/gtest.h>
#include <openssl/cms.h>

#include <fstream>

#include "crypto/sha256.hpp"
#include "foreign/cpio.hpp"
#include "foreign/errors.hpp"
#include "foreign/libconfig.hpp"
#include "foreign/raucb.hpp"
#include "foreign/sw_description.hpp"
#include "foreign/swu.hpp"

namespace aloft::foreign {
namespace {

constexpr std::string_view kDescription = R"(
software =
{
  version = "0.1.0"; // the first
  description = "gateway " "firmware";
  hardware-compatibility: [ "1.0", "#RE:^2\..*$" ];
  /* two copies */
  stable : {
    copy1 : { images: ( { filename = "rootfs.ext4.gz"; device = "/dev/mmcblk0p1"; type = "raw"; sha256 = "@SHA@"; installed-directly = true; } ); };
    copy2 : { images: ( { filename = "rootfs.ext4.gz"; device = "/dev/mmcblk0p2"; sha256 = "@SHA@"; } ); };
  };
  scripts: ( { filename = "post.sh"; type = "shellscript"; } );
  timeout = 0x10L, ratio = 1.5; # done
}
)";

std::string with_digest(std::string_view text, std::string_view content) {
  std::string out(text);
  const std::string digest = to_hex(crypto::sha256(as_bytes(content)));
  for (std::size_t at = out.find("@SHA@"); at != std::string::npos; at = out.find("@SHA@")) out.replace(at, 5, digest);
  return out;
}

std::string entry(const std::string& name, std::string_view content) {
  char header[111];
  std::snprintf(header, sizeof header, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1U, 0100644U, 0U, 0U, 1U, 0U,
                static_cast<unsigned>(content.size()), 0U, 0U, 0U, 0U, static_cast<unsigned>(name.size() + 1), 0U);
  std::string out = header + name + '\0';
  out.resize((out.size() + 3) & ~std::size_t{3});
  out += content;
  out.resize((out.size() + 3) & ~std::size_t{3});
  return out;
}

class SwuFile : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  Result<Contents> read(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return read_swu(path_);
  }
  static std::string whole(const std::string& description, std::string_view image = "image") {
    return entry("sw-description", description) + entry("sw-description.sig", "sig") + entry("rootfs.ext4.gz", image) +
           entry("post.sh", "#!") + entry("TRAILER!!!", "") + std::string(512, '\0');
  }
  std::filesystem::path path_ = std::filesystem::temp_directory_path() / ("aloft-foreign-" + std::to_string(::getpid()));
};

TEST(Libconfig, ReadsTheLanguage) {
  const Json json =
      parse_libconfig("a = 1; b: { c = [1, 2,]; d = (\"x\\n\", { e = TRUE }) } f = -5L, g = 0xff; h = 1.5e3; i = \"\\x41\";").value();
  EXPECT_EQ(json, parse_json(R"({"a":1,"b":{"c":[1,2],"d":["x\n",{"e":true}]},"f":-5,"g":255,"h":1500.0,"i":"A"})").value());
  for (const char* bad :
       {"a", "a =", "a = 1; a = 2;", "a = { b = 1;", "a = (1 2)", "a = \"x", "a = word;", "= 1", "}", "a = 0x;", "a = \"\\x4\""})
    EXPECT_FALSE(parse_libconfig(bad)) << bad;
  EXPECT_FALSE(parse_libconfig("a = " + std::string(100, '('))) << "deep";
  EXPECT_NE(parse_libconfig("a = 1;\nb = ?").error().message.find("line 2"), std::string::npos);
}

TEST(SwDescription, GathersWhatIsInside) {
  const Contents contents = read_sw_description(kDescription).value();
  EXPECT_EQ(contents.version, "0.1.0");
  EXPECT_EQ(contents.description, "gateway firmware");
  EXPECT_EQ(contents.hardware, (std::vector<std::string>{"1.0", "#RE:^2..*$"}));
  ASSERT_EQ(contents.images.size(), 2U);
  EXPECT_EQ(contents.images[1].target, "/dev/mmcblk0p1") << "the same file for two slots is shown once";
  const Contents json =
      read_sw_description(R"({"software":{"version":"2","board":{"hardware-compatibility":["a"],"images":[{"filename":"x"}]}}})").value();
  EXPECT_EQ(json.version + json.hardware.at(0) + json.images.at(0).name, "2ax");
  EXPECT_FALSE(read_sw_description("other = { };"));
}

TEST_F(SwuFile, IsCheckedImageByImage) {
  const Contents contents = read(whole(with_digest(kDescription, "image"))).value();
  EXPECT_TRUE(contents.is_signed);
  EXPECT_EQ(contents.images[1].size_bytes, 5U);
  EXPECT_EQ(read(whole(with_digest(kDescription, "image"), "imagE")).error().code.number, kImageDigest.number);
  const std::string without = entry("sw-description", with_digest(kDescription, "image")) + entry("TRAILER!!!", "");
  EXPECT_EQ(read(without).error().code.number, kImageMissing.number);
}

TEST_F(SwuFile, DamageIsSeen) {
  const std::string good = whole(with_digest(kDescription, "image"));
  EXPECT_EQ(read(good.substr(0, good.size() / 2)).error().code.number, kBadArchive.number);
  EXPECT_EQ(read(good.substr(0, 50)).error().code.number, kBadArchive.number);
  EXPECT_EQ(read(entry("other", "x") + entry("TRAILER!!!", "")).error().code.number, kBadArchive.number);
  std::string huge = good;
  huge.replace(54, 8, "fffffff0");
  EXPECT_EQ(read(huge).error().code.number, kBadArchive.number);
}

TEST_F(SwuFile, WhatIsEncryptedIsSaidToBe) {
  const Contents contents = read(entry("sw-description", "\x01\x02\xff") + entry("rootfs", "abc") + entry("TRAILER!!!", "")).value();
  EXPECT_FALSE(contents.note.empty());
  EXPECT_EQ(contents.images.at(0).name, "rootfs");
}

TEST(Raucb, ReadsItsManifest) {
  const Contents contents = read_rauc_manifest(
                                "[update]\ncompatible=Gateway X\nversion=2026.11-1\ndescription=d\n# note\n[bundle]\nformat=verity\n"
                                "[image.rootfs]\nfilename=rootfs.ext4\nsize=4096\nsha256=ab\n[image.appfs]\nfilename=app.img\n")
                                .value();
  EXPECT_EQ(contents.name + "|" + contents.version, "Gateway X|2026.11-1");
  ASSERT_EQ(contents.images.size(), 2U);
  EXPECT_EQ(contents.images[0].target + contents.images[0].name + contents.images[0].sha256, "rootfsrootfs.ext4ab");
  EXPECT_EQ(contents.images[0].size_bytes, 4096U);
  for (const char* bad : {"", "[update\n", "x=1\n", "[update]\nword\n", "[update]\nversion=1\n"})
    EXPECT_FALSE(read_rauc_manifest(bad)) << bad;
  EXPECT_FALSE(read_rauc_cms(as_bytes("no cms")));
}

}  // namespace
}  // namespace aloft::foreign
