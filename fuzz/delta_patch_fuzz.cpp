#include <cstdlib>

#include "delta/description.hpp"
#include "delta/patch.hpp"
#include "delta/view_source.hpp"

// The input as a whole delta, and as the description within one, which a checksum would otherwise keep from being reached.
extern "C" int delta_patch_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const ByteView bytes = std::as_bytes(std::span(data, size));
  delta::ViewSource source(bytes);
  if (auto patch = delta::Patch::open(source)) {
    Bytes record;
    for (std::size_t image = 0; image < patch->images().size(); ++image)
      for (std::uint64_t frame = 0; frame < patch->images()[image].frame_count(); ++frame) (void)patch->fetch_record(image, frame, record);
  }
  delta::Plan plan;
  const auto sizes = delta::parse_description(bytes, plan);
  if (!sizes || sizes->manifest_bytes != 0) return 0;
  const auto again = delta::encode_description(plan);  // what was accepted has one text
  if (!again || !std::ranges::equal(*again, bytes)) std::abort();
  return 0;
}
