#include "patch/bundle_image.hpp"

#include <algorithm>

namespace aloft::patch {

Result<ByteView> BundleImage::frame(std::uint64_t number) {
  ++uses_;
  const auto found = std::ranges::find(kept_, number, &Kept::frame);
  if (found != kept_.end()) {
    found->used = uses_;
    return ByteView(found->content);
  }
  const bundle::Image& image = reader_.manifest().images[index_];
  Kept& oldest = *std::ranges::min_element(kept_, {}, &Kept::used);
  oldest.frame = UINT64_MAX;
  oldest.content.resize(image.frame_content_bytes(number));
  TRY(reader_.fetch_frame(index_, number, stored_));
  TRY(decoder_.decode(image, number, stored_, oldest.content));
  oldest.frame = number;
  oldest.used = uses_;
  return ByteView(oldest.content);
}

Result<std::size_t> BundleImage::read_at(std::uint64_t offset, MutableByteView buffer) {
  const bundle::Image& image = reader_.manifest().images[index_];
  std::size_t done = 0;
  while (done < buffer.size() && offset + done < image.size_bytes) {
    const std::uint64_t at = offset + done;
    const ByteView content = TRY(frame(at / image.frame_size_bytes));
    const ByteView rest = content.subspan(static_cast<std::size_t>(at % image.frame_size_bytes));
    const ByteView part = rest.first(std::min(rest.size(), buffer.size() - done));
    std::ranges::copy(part, buffer.begin() + static_cast<std::ptrdiff_t>(done));
    done += part.size();
  }
  return done;
}

}  // namespace aloft::patch
