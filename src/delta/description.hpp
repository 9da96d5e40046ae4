// The description within a delta: its images and the sizes of their records, in binary.
#pragma once

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "delta/patch.hpp"
#include "delta/varint.hpp"

namespace aloft::delta {

struct BundleSizes {
  std::uint64_t manifest_bytes = 0;  // 0: the delta makes a bare image
  std::uint64_t signature_bytes = 0;
};

// Errors: kCannotMake for what no reader would take.
Result<Bytes> encode_description(const Plan& plan);
// Fills plan.images. Memory grows with the text's length. Errors: kBadDelta.
Result<BundleSizes> parse_description(ByteView text, Plan& plan);

// What of an image's plan is needed to make its frames: all but name, digests, encoder and sizes of records.
void put_making(Bytes& out, const ImagePlan& image);
// Errors: kBadDelta.
Result<ImagePlan> take_making(Input& in);

}  // namespace aloft::delta
