#include "delta/make/processor.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "delta/make/mapped_file.hpp"

namespace aloft::delta {
namespace {

constexpr std::string_view kElfMagic(
    "\x7f"
    "ELF");
constexpr std::string_view kKernelMagic = "ARM\x64";  // at byte 56 of Linux for arm64, as booting.rst of its documentation has it
constexpr std::size_t kMachineAt = 18;
constexpr std::byte kArm64{183};

// What the places say together where the magic stands.
template <typename Vote>
std::int64_t votes(ByteView text, std::string_view magic, const Vote& vote) {
  std::int64_t all = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const void* found = ::memmem(text.data() + at, text.size() - at, magic.data(), magic.size());
    if (found == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const std::byte*>(found) - text.data());
    all += vote(at);
  }
  return all;
}

}  // namespace

Processor processor_of(ByteView image, const std::function<void()>& relax) {
  std::int64_t for_arm64 = 0;
  for (std::size_t from = 0; from < image.size(); from += kRelaxEvery) {
    const ByteView text = image.subspan(from, std::min<std::size_t>(kRelaxEvery, image.size() - from));
    for_arm64 += votes(text, kElfMagic, [&](std::size_t at) {
      if (text.size() - at <= kMachineAt) return 0;
      return text[at + kMachineAt] == kArm64 ? 1 : -1;
    });
    for_arm64 += votes(text, kKernelMagic, [](std::size_t) { return 1; });
    relax();
  }
  return for_arm64 > 0 ? Processor::arm64 : Processor::x86;
}

}  // namespace aloft::delta
