// Makes a delta file from two image files, or from two bundles.
#pragma once

#include <filesystem>
#include <set>
#include <string>

#include "delta/make/image_pair.hpp"
#include "delta/patch.hpp"

namespace aloft::patch {

// Of all images: bytes worked on, of how many.
using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

struct Made {
  delta::Plan plan;
  std::uint64_t size_bytes = 0;            // of the delta
  std::uint64_t full_bytes = 0;            // of what it stands for: the new image, or the new bundle
  std::uint64_t frames_as_stored = 0;      // of bundles: that travel as the bundle stores them
  std::vector<delta::PairReport> reports;  // one per image
  std::set<std::string> unknown_encoder;   // images of a bundle whose stored frames nothing here makes again
};

// Both must be bundles, or neither. Every frame is proven: made from the delta, and for a bundle encoded again as it is stored there.
// The delta is replaced as a whole and durably; beside it nameless files need room for its records and, with bundles, for the content of an
// image pair. Memory: delta::make_records'. Errors: kCannotMake, kNotProven, the bundles', file errors.
Result<Made> make_delta(const std::filesystem::path& old_file, const std::filesystem::path& new_file, const std::filesystem::path& output,
                        const delta::PairOptions& options, const Progress& progress);

// Whether the file begins as a bundle does.
Result<bool> is_bundle(const std::filesystem::path& file);

}  // namespace aloft::patch
