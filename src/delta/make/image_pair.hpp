// Makes the records of one image.
#pragma once

#include <functional>

#include "delta/make/frame_maker.hpp"
#include "delta/make/mapped_file.hpp"
#include "delta/make/match.hpp"
#include "delta/patch.hpp"

namespace aloft::delta {

struct PairOptions {
  MatchLimits limits;
  unsigned threads = 0;                                                   // 0: one per core
  std::filesystem::path folder = std::filesystem::temp_directory_path();  // for what images are unpacked to
};

// How an image was taken apart.
struct PairReport {
  std::string file_system;          // of the new image; empty: neither is taken apart
  std::string why_not;              // what kept an image of a file system that is known from being taken apart
  std::uint64_t blocks_copied = 0;  // compressed blocks of the new image that the old one has
  std::uint64_t blocks_remade = 0;  // that are made from their content
  std::uint64_t blocks_stored = 0;  // that travel as they are, since nothing here makes them again
};

// Takes the records of an image in the order of its frames.
using TakeRecord = std::function<Result<>(std::uint64_t frame, ByteView record)>;
// Another record for a frame, if it is to have one: called with its number and the size of the one that was made.
using OtherRecord = std::function<Result<bool>(std::uint64_t frame, std::uint64_t record_bytes, Bytes& other)>;

// Fills plan's sizes, digests, codings and record_bytes; frame_shift is the caller's. Either image may be empty of content (an old image of
// no bytes is none), `other` may be empty. Every record is proven by making its frame from it. Memory: match_images', a few frames per
// thread; disk: both images unpacked, when they are taken apart. Errors: kNotProven, `take`'s and `other`'s, file errors.
Result<PairReport> make_records(const MappedFile& source, const MappedFile& target, const PairOptions& options, const OtherRecord& other,
                                const TakeRecord& take, const Pace& pace, ImagePlan& plan);

}  // namespace aloft::delta
