// The TOML file that describes a bundle to make.
#include "bundle/manifest.hpp"
#include "cli/bundle_description.hpp"
#include "input_file.hpp"

extern "C" int bundle_description_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  static const InputFile file;
  const auto recipe = cli::load_description(file.holding(std::as_bytes(std::span(data, size))));
  if (!recipe) return 0;
  for (const bundle::ImageFile& image : recipe->images)
    require(!image.path.empty() && image.frame_size_bytes >= bundle::kMinFrameBytes && image.frame_size_bytes <= bundle::kMaxFrameBytes);
  return 0;
}
