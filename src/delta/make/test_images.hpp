// For tests: image pairs made by code, and deltas of them in memory.
#pragma once

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.hpp"
#include "crypto/test_pki.hpp"
#include "delta/image_frames.hpp"
#include "delta/make/image_pair.hpp"
#include "delta/view_source.hpp"

namespace aloft::delta::test {

// The same for the same seed; does not compress.
inline Bytes noise(std::size_t size_bytes, std::uint32_t seed) {
  Bytes bytes(size_bytes);
  std::uint64_t state = seed * 0x9E3779B97F4A7C15ULL + 1;
  for (auto& byte : bytes) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<std::byte>(state >> 56);
  }
  return bytes;
}

inline void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

struct Pair {
  Bytes source;
  Bytes target;
};

// What happens between two releases: moved blocks, an insertion, scattered changed bytes, something new, zeros.
inline Pair typical_pair() {
  Pair pair{.source = noise(900'000, 1), .target = {}};
  const ByteView old = pair.source;
  append(pair.target, old.subspan(500'000, 200'000));  // moved, not at a block's boundary
  append(pair.target, noise(3'000, 2));                // new
  Bytes changed(old.begin() + 10'000, old.begin() + 210'000);
  for (std::size_t i = 0; i < changed.size(); i += 50) changed[i] = static_cast<std::byte>(std::to_integer<unsigned>(changed[i]) + 7);
  append(pair.target, changed);
  append(pair.target, Bytes(150'000));
  append(pair.target, old.subspan(700'000, 199'999));
  return pair;
}

class Folder : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("aloft-delta-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path write(const std::string& name, ByteView bytes) const {
    const auto path = folder_ / name;
    std::ofstream(path, std::ios::binary) << as_text(bytes);
    return path;
  }
  std::filesystem::path folder_;
};

// A whole delta in memory.
inline Bytes delta_of(const std::filesystem::path& source, const std::filesystem::path& target) {
  using crypto::test::must;
  const auto from = must(MappedFile::open(source));
  const auto to = must(MappedFile::open(target));
  Plan plan;
  plan.images.push_back({.name = "image", .frame_shift = kMinFrameShift});
  Bytes records;
  const auto take = [&](std::uint64_t, ByteView record) -> Result<> {
    append(records, record);
    return {};
  };
  must(make_records(from, to, {.limits = {}, .threads = 2}, {}, take, {}, plan.images.front()));
  Bytes bytes = must(encode_plan(plan));
  append(bytes, records);
  return bytes;
}

// What the delta makes of the source, frame by frame from `first_frame` on.
inline Result<Bytes> applied(ByteView delta, ByteView source, std::uint64_t first_frame = 0) {
  ViewSource bytes(delta);
  ViewSource old(source);
  Patch patch = TRY(Patch::open(bytes));
  const ImagePlan& plan = patch.images().front();
  ImageFrames frames(patch, 0);
  Bytes out;
  for (std::uint64_t frame = first_frame; frame < plan.frame_count(); ++frame) {
    Bytes content(static_cast<std::size_t>(plan.content_bytes(frame)));
    TRY(frames.make(frame, old, content));
    append(out, content);
  }
  return out;
}

// The delta makes the target from any frame on.
inline void expect_any_start(ByteView delta, ByteView source, ByteView target) {
  for (std::uint64_t first = 0; first <= target.size() / 65536; ++first) {
    const Bytes tail = crypto::test::must(applied(delta, source, first));
    EXPECT_TRUE(std::ranges::equal(tail, target.subspan(first * 65536))) << first;
  }
}

}  // namespace aloft::delta::test
