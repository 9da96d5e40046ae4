// The TOML file that describes a bundle to make.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/file.hpp"
#include "bundle/manifest.hpp"
#include "cli/bundle_description.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  static const Fd file(::memfd_create("description", MFD_CLOEXEC));
  if (::ftruncate(file.get(), 0) != 0 || !write_all_at(file.get(), std::as_bytes(std::span(data, size)), 0)) std::abort();
  const auto recipe = cli::load_description("/proc/self/fd/" + std::to_string(file.get()));
  if (!recipe) return 0;
  for (const bundle::ImageFile& image : recipe->images)
    if (image.path.empty() || image.frame_size_bytes < bundle::kMinFrameBytes || image.frame_size_bytes > bundle::kMaxFrameBytes)
      std::abort();
  return 0;
}
