#include "delta/make/processor.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <optional>
#include <string_view>

#include "delta/make/mapped_file.hpp"

namespace aloft::delta {
namespace {

constexpr std::string_view kElfMagic(
    "\x7f"
    "ELF");
constexpr std::size_t kVersionAt = 6;  // 1, which tells a file's beginning from programs that look for the magic
constexpr std::size_t kMachineAt = 18;
// At byte 56 of Linux, as booting.rst and boot-image-header.rst of its documentation have it. For 32-bit ARM it is packed.
constexpr std::string_view kArm64Kernel = "ARM\x64";
constexpr std::string_view kRiscvKernel = "RSC\x05";

// Nothing for BPF: programs of any processor carry its programs for the kernel.
std::optional<Processor> of_machine(std::byte machine) {
  constexpr std::byte kArm{40};
  constexpr std::byte kArm64{183};
  constexpr std::byte kRiscv{243};
  constexpr std::byte kBpf{247};
  if (machine == kBpf) return std::nullopt;
  if (machine == kArm) return Processor::arm32;
  if (machine == kArm64) return Processor::arm64;
  return machine == kRiscv ? Processor::riscv : Processor::x86;
}

// Each place where the magic stands.
template <typename Found>
void find_each(ByteView text, std::string_view magic, const Found& found) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const void* next = ::memmem(text.data() + at, text.size() - at, magic.data(), magic.size());
    if (next == nullptr) break;
    at = static_cast<std::size_t>(static_cast<const std::byte*>(next) - text.data());
    found(at);
  }
}

}  // namespace

Processor processor_of(ByteView image, const std::function<void()>& relax) {
  std::array<std::uint64_t, static_cast<std::size_t>(kLastProcessor) + 1> seen{};
  const auto add = [&](Processor processor) { ++seen[static_cast<std::size_t>(processor)]; };
  for (std::size_t from = 0; from < image.size(); from += kRelaxEvery) {
    const ByteView text = image.subspan(from, std::min<std::size_t>(kRelaxEvery, image.size() - from));
    find_each(text, kElfMagic, [&](std::size_t at) {
      if (text.size() - at <= kMachineAt || text[at + kVersionAt] != std::byte{1}) return;
      if (const auto processor = of_machine(text[at + kMachineAt])) add(*processor);
    });
    find_each(text, kArm64Kernel, [&](std::size_t) { add(Processor::arm64); });
    find_each(text, kRiscvKernel, [&](std::size_t) { add(Processor::riscv); });
    relax();
  }
  const auto most = std::ranges::max_element(seen);
  const std::uint64_t all = std::accumulate(seen.begin(), seen.end(), std::uint64_t{0});
  return *most * 2 > all ? static_cast<Processor>(most - seen.begin()) : Processor::x86;
}

}  // namespace aloft::delta
