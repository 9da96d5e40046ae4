#include "server/console_pack.hpp"

#include <gtest/gtest.h>

#include "base/errors.hpp"

namespace aloft::server {
namespace {

std::string packed(const std::string& index, const std::string& bytes) { return std::to_string(index.size()) + "\n" + index + bytes; }

std::string file(const std::string& places) {
  return R"({"files":[{"path":"/assets/a.js","type":"text/javascript","etag":"0123","immutable":true)" + places + "}]}";
}

TEST(ConsolePack, GivesEachEncodingOfAFile) {
  const std::string bytes = packed(file(R"(,"gzip":[0,3],"brotli":[3,2])"), "gggbb");
  const auto pack = ConsolePack::read(bytes);
  ASSERT_TRUE(pack) << pack.error().text();
  const ConsolePack::File* found = pack->find("/assets/a.js");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->type, "text/javascript");
  EXPECT_TRUE(found->immutable);
  EXPECT_EQ(found->plain, "");
  EXPECT_EQ(found->gzip, "ggg");
  EXPECT_EQ(found->brotli, "bb");
  EXPECT_EQ(pack->find("/assets/b.js"), nullptr);
}

TEST(ConsolePack, RefusesWhatIsBroken) {
  const std::vector<std::string> cases{"",
                                       "12",
                                       "x\n{}",
                                       "99\n{}",
                                       packed("{]", ""),
                                       packed("{}", ""),
                                       packed(file(R"(,"plain":[0,6])"), "12345"),
                                       packed(file(R"(,"plain":[6,0])"), "12345"),
                                       packed(file(R"(,"plain":[0,18446744073709551615])"), "12345"),
                                       packed(file(R"(,"plain":[1,18446744073709551615])"), "12345"),
                                       packed(file(R"(,"plain":[-1,1])"), "12345"),
                                       packed(file(R"(,"plain":[1])"), "12345")};
  for (const std::string& bytes : cases) EXPECT_FALSE(ConsolePack::read(bytes)) << bytes;
}

TEST(ConsolePack, TheEmbeddedOneIsWhole) {
  const auto pack = ConsolePack::embedded();
  ASSERT_TRUE(pack) << pack.error().text();
#ifdef ALOFT_CONSOLE
  const ConsolePack::File* page = pack->find("/index.html");
  ASSERT_NE(page, nullptr);
  EXPECT_FALSE(page->immutable);
  EXPECT_NE(page->plain.find("/assets/"), std::string_view::npos);
#else
  EXPECT_EQ(pack->find("/index.html"), nullptr);
#endif
}

TEST(AcceptsEncoding, ReadsTheHeader) {
  struct Case {
    std::string_view header;
    bool brotli;
  };
  const Case cases[] = {{"", false},          {"gzip, deflate, br, zstd", true},
                        {"gzip", false},      {"BR", true},
                        {"br;q=0", false},    {"br; q=0.000", false},
                        {"br;q=0.1", true},   {"*", true},
                        {"*;q=0", false},     {"br;q=0, *", false},
                        {"*, br;q=0", false}, {"xbr, b r", false},
                        {",,;,br", true}};
  for (const Case& c : cases) EXPECT_EQ(accepts_encoding(c.header, "br"), c.brotli) << c.header;
}

}  // namespace
}  // namespace aloft::server
