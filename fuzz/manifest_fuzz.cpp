#include <cstdlib>

#include "bundle/manifest.hpp"

extern "C" int manifest_fuzz(const std::uint8_t* data, std::size_t size) {
  const auto manifest = aloft::bundle::parse_manifest({reinterpret_cast<const char*>(data), size});
  if (!manifest) return 0;
  // What was accepted has one text, which is accepted as the same.
  const auto text = aloft::bundle::serialize_manifest(*manifest);
  const auto again = aloft::bundle::parse_manifest(text);
  if (!again || aloft::bundle::serialize_manifest(*again) != text) std::abort();
  return 0;
}
