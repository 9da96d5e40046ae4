#include "delta/file_map.hpp"

#include <gtest/gtest.h>

#include "crypto/test_pki.hpp"
#include "delta/errors.hpp"
#include "delta/file_view.hpp"
#include "delta/varint.hpp"
#include "delta/view_source.hpp"

namespace aloft::delta {
namespace {

using crypto::test::must;

constexpr std::uint64_t kImageBytes = 100'000;

// 200 files with a header before each, of which one in ten goes on behind a hole.
std::vector<FileRun> many_runs() {
  std::vector<FileRun> runs;
  for (std::uint64_t i = 0; i < 200; ++i) {
    const std::uint64_t offset = 10 + 400 * i;
    const std::string path = "usr/share/" + std::to_string(i / 50) + "/file" + std::to_string(i);
    runs.push_back({.offset = offset, .size_bytes = 50 + i, .path = path});
    if (i % 10 == 3) runs.push_back({.offset = offset + 300, .size_bytes = 20, .path = path, .file_offset = 5000});
  }
  return runs;
}

TEST(FileMap, WhatWasWrittenIsFoundFromAnyPlace) {
  const std::vector<FileRun> runs = many_runs();
  const FileMap map = must(FileMap::of(runs, kImageBytes));
  EXPECT_EQ(map.count(), runs.size());
  EXPECT_EQ(must(FileMap::parse(map.text(), kImageBytes)).text(), map.text());
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::uint64_t before = i == 0 ? 0 : runs[i - 1].offset_end();
    for (const std::uint64_t offset : {before, runs[i].offset, runs[i].offset_end() - 1}) EXPECT_EQ(map.at_or_behind(offset), runs[i]);
  }
  EXPECT_FALSE(map.at_or_behind(runs.back().offset_end()));
  EXPECT_FALSE(map.at_or_behind(UINT64_MAX));
  EXPECT_LT(map.text().size(), runs.size() * 20) << "paths are told by what they do not share";
}

// One run as its numbers and the rest of its path.
Bytes text_of(std::uint64_t gap, std::uint64_t size, std::uint64_t shared, std::string_view rest, std::uint64_t skipped = 0) {
  Bytes text;
  put_varint(text, gap);
  put_varint(text, size);
  put_varint(text, shared);
  put_varint(text, rest.size());
  text.insert(text.end(), as_bytes(rest).begin(), as_bytes(rest).end());
  put_varint(text, skipped);
  return text;
}

void expect_refused(const Bytes& text) {
  const auto map = FileMap::parse(text, kImageBytes);
  ASSERT_FALSE(map);
  EXPECT_EQ(map.error().code.number, kBadDelta.number);
}

TEST(FileMap, PathsThatLeadOutOfATreeAreRefused) {
  const std::string part(255, 'p');
  std::string deep = "a";
  while (deep.size() < 4095) deep += "/a";
  for (const std::string& good : {std::string("a"), std::string("a/..b/c.."), std::string("...") + "/-", part + "/" + part, deep})
    EXPECT_TRUE(FileMap::parse(text_of(0, 1, 0, good), kImageBytes)) << good;
  for (const std::string& bad :
       {std::string(), std::string("/etc/shadow"), std::string("../a"), std::string("a/../../b"), std::string(".."), std::string("."),
        std::string("a/./b"), std::string("a//b"), std::string("a/"), std::string("a\0b", 3), part + "p", deep + "/a"}) {
    SCOPED_TRACE(bad);
    expect_refused(text_of(0, 1, 0, bad));
  }
  // What is shared with the path before leads out as well as what is new.
  Bytes two = text_of(0, 1, 0, "a/.b");
  const Bytes second = text_of(0, 1, 3, "./c");
  two.insert(two.end(), second.begin(), second.end());
  expect_refused(two);
}

TEST(FileMap, RunsThatCannotBeAreRefused) {
  struct Case {
    std::uint64_t gap, size, shared, skipped;
  };
  for (const auto& [gap, size, shared, skipped] : std::vector<Case>{{0, 0, 0, 0},
                                                                    {0, kImageBytes + 1, 0, 0},
                                                                    {kImageBytes, 1, 0, 0},
                                                                    {1, UINT64_MAX, 0, 0},
                                                                    {UINT64_MAX, 2, 0, 0},
                                                                    {1ULL << 63, 1ULL << 63, 0, 0},
                                                                    {0, 1, 1, 0},
                                                                    {0, 1, UINT64_MAX, 0},
                                                                    {0, 1, 0, 1ULL << 62},
                                                                    {0, 1, 0, UINT64_MAX}}) {
    SCOPED_TRACE(gap);
    expect_refused(text_of(gap, size, shared, "f", skipped));
  }
  EXPECT_TRUE(FileMap::parse(text_of(1, kImageBytes - 1, 0, "f", 1ULL << 61), kImageBytes));
  EXPECT_FALSE(FileMap::of({{.offset = 10, .size_bytes = 10, .path = "a"}, {.offset = 19, .size_bytes = 10, .path = "b"}}, kImageBytes))
      << "one over another";
  EXPECT_FALSE(FileMap::of({{.offset = 0, .size_bytes = 9, .path = "a"}, {.offset = 9, .size_bytes = 9, .path = "a"}}, kImageBytes))
      << "a file that goes back";
  Bytes cut = text_of(0, 1, 0, "file");
  cut.pop_back();
  expect_refused(cut);
}

TEST(FileView, GivesFilesAndZerosBetweenThem) {
  Bytes archive(kImageBytes, std::byte{0xEE});
  Bytes expected(kImageBytes);
  const std::vector<FileRun> runs = many_runs();
  for (const FileRun& run : runs) {
    for (std::uint64_t i = run.offset; i < run.offset_end(); ++i) archive[i] = expected[i] = static_cast<std::byte>(i * 31);
  }
  const FileMap map = must(FileMap::of(runs, kImageBytes));
  ViewSource source(archive);
  FileView view = FileView::of_archive(map, kImageBytes, source);
  Bytes got(kImageBytes + 10);
  EXPECT_EQ(must(view.read_at(0, got)), kImageBytes);
  got.resize(kImageBytes);
  EXPECT_EQ(got, expected);
  for (const std::uint64_t offset : std::vector<std::uint64_t>{0, 5, 59, 60, 12345, 99990}) {
    Bytes some(777);
    const std::size_t count = must(view.read_at(offset, some));
    EXPECT_EQ(count, std::min<std::uint64_t>(777, kImageBytes - offset));
    EXPECT_TRUE(std::equal(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(count),
                           expected.begin() + static_cast<std::ptrdiff_t>(offset)));
  }
  EXPECT_EQ(must(view.read_at(kImageBytes, got)), 0U);

  ViewSource shorter(ByteView(archive).first(30'000));
  FileView torn = FileView::of_archive(map, kImageBytes, shorter);
  EXPECT_EQ(torn.read_at(0, got).error().code.number, kWrongSource.number);
}

}  // namespace
}  // namespace aloft::delta
