// Makes the records of one image.
#pragma once

#include <functional>

#include "delta/make/mapped_file.hpp"
#include "delta/make/match.hpp"
#include "delta/patch.hpp"

namespace aloft::delta {

struct PairOptions {
  MatchLimits limits;
  unsigned threads = 0;  // 0: one per core
};

// Takes the records of an image in the order of its frames.
using TakeRecord = std::function<Result<>(std::uint64_t frame, ByteView record)>;
// Another record for a frame, if it is to have one: called with its number and the size of the one that was made.
using OtherRecord = std::function<Result<bool>(std::uint64_t frame, std::uint64_t record_bytes, Bytes& other)>;

// Fills plan's sizes, digests and record_bytes; frame_shift is the caller's. Either image may be empty of content (an old image of no
// bytes is none), `other` may be empty. Every record is proven by making its frame from it. Memory: match_images', a few frames per thread.
// Errors: kNotProven, `take`'s and `other`'s.
Result<> make_records(const MappedFile& source, const MappedFile& target, const PairOptions& options, const OtherRecord& other,
                      const TakeRecord& take, const Pace& pace, ImagePlan& plan);

}  // namespace aloft::delta
