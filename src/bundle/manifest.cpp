#include "bundle/manifest.hpp"

#include <algorithm>

namespace aloft::bundle {

bool is_image_type(std::string_view type) { return std::ranges::find(kImageTypes, type) != kImageTypes.end(); }

std::uint64_t Image::frame_count() const { return size_bytes / frame_size_bytes + (size_bytes % frame_size_bytes != 0 ? 1 : 0); }

std::uint32_t Image::frame_content_bytes(std::uint64_t frame) const {
  const std::uint64_t left = size_bytes - frame * frame_size_bytes;
  return left < frame_size_bytes ? static_cast<std::uint32_t>(left) : frame_size_bytes;
}

}  // namespace aloft::bundle
