#include "base/toml_text.hpp"

#include <gtest/gtest.h>

#include "base/toml_table.hpp"

namespace aloft {
namespace {

TEST(TomlText, StringsAndCommentsMayHaveAnyCharacter) {
  for (const std::string_view text :
       {"", "a = 1", "\xef\xbb\xbf# x", "# caf\xc3\xa9", "a = 1 # \xef\xbb\x9f\nb = 2", "a = \"caf\xc3\xa9\"",
        "\"\xc3\xa9\" = 'caf\xc3\xa9'", "a.\"\xc3\xa9\" = [\"\xc3\xa9\",'\xc3\xa9']", "a = \"x\\\"\xc3\xa9\"", "a = '\\'\nb = '\xc3\xa9'",
        "a = \"\"\"\n\"\xc3\xa9\"\n\"\"\"", "a = '''\xc3\xa9''''\nb = \"\xc3\xa9\"", "a = \"\"\"x\\\n y\xc3\xa9\\\\\xc3\xa9\"\"\"",
        "a = '''\\\xc3\xa9'''", "a = \"\"\"\\\"\"\"\xc3\xa9\"\"\"\"\"\nb = ''",
        "[a.\"\xc3\xa9\"]\n[[\"\xc3\xa9\".b]]\nc = {d=\"\xc3\xa9\",e.\"\xc3\xa9\" = ['\xc3\xa9', {\"\xc3\xa9\"='\xc3\xa9'}, "
        "[\n'\xc3\xa9']]}"}) {
    EXPECT_EQ(find_stray_character(text), std::string_view::npos) << text;
    EXPECT_TRUE(parse_toml(text, "file")) << text;
  }
}

TEST(TomlText, AnywhereElseTheyAreFound) {
  const std::pair<std::string_view, std::size_t> cases[] = {
      {"\xef\xbb\x9f", 0},
      {"a = [\n\xef\xbb\x9fv\"]", 6},
      {"caf\xc3\xa9 = 1", 3},
      {"a = 1\xc2\xa0", 5},
      {"a = 12\"\xc3\xa9\"", 7},
      {"a = 'x\n\xc3\xa9'", 7},
      {"a = \"\"\"x\"\"\" \xc3\xa9", 12},
      {"a = ''\xc3\xa9", 6},
      {"# x\n\xe3\x80\x81 = 1", 4},
      {"a\"\xc3\xa9\" = 1", 2},
      {" \xef\xbb\xbf", 1},
      {"a =+\"x[\"\xc3\xa9\"", 8},
      {"a = +[\"\xc3\xa9\"]", 7},
      {"a = 1.\"\xc3\xa9\"", 7},
      {"a = 1=\"\xc3\xa9\"", 7},
      {"a = [\n1.'\xc3\xa9']", 9},
      {"a = {b = 1, c = 1{\"\xc3\xa9\"}}", 19},
      {"a = \"\"\"\\\xc3\xa9\"\"\"", 8},
      {"a = \"\"\"x\\ \n \xc3\xa9\"\"\"", 12},
      {"a = \"\"\"x\\\r\n\\t\xc3\xa9\"\"\"", 13},
  };
  for (const auto& [text, at] : cases) {
    EXPECT_EQ(find_stray_character(text), at) << text;
    const auto parsed = parse_toml(text, "file");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code.number, kConfigSyntax.number);
  }
  EXPECT_TRUE(parse_toml("a = 1\nb = \xc3\xa9", "file.toml").error().message.starts_with("file.toml:2: ")) << "it says where";
}

}  // namespace
}  // namespace aloft
