#include <algorithm>
#include <cstdlib>

#include "bundle/content.hpp"
#include "bundle/test_bundle.hpp"

namespace {

using namespace aloft;

constexpr std::uint64_t kMostContent = 4 << 20;

// The checksum as it ought to be, so that most inputs get past it.
void mend_checksum(Bytes& bytes) {
  if (bytes.size() < bundle::kHeaderBytes) return;
  const std::uint64_t after = bytes.size() - bundle::kHeaderBytes;
  const auto manifest = load_le64(std::span(bytes).subspan(16));
  const auto signature = load_le64(std::span(bytes).subspan(24));
  if (manifest > after || signature > after - manifest) return;
  crypto::Sha256 hash;
  hash.update(std::span(bytes).first(32));
  hash.update(std::span(bytes).subspan(bundle::kHeaderBytes, static_cast<std::size_t>(manifest + signature)));
  std::ranges::copy(hash.finish(), bytes.begin() + 32);
}

}  // namespace

extern "C" int container_fuzz(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(size);
  std::ranges::transform(std::span(data, size), bytes.begin(), [](std::uint8_t octet) { return std::byte{octet}; });
  mend_checksum(bytes);
  bundle::test::MemorySource source(std::move(bytes));
  auto reader = bundle::Reader::open_unverified(source);
  if (!reader) return 0;
  std::uint64_t content = 0;
  for (const auto& image : reader->manifest().images) content += image.size_bytes;
  if (content > kMostContent) return 0;
  std::uint64_t given = 0;
  const auto count = [&](std::size_t, std::uint64_t, ByteView part) {
    given += part.size();
    return Result<>();
  };
  const auto result = bundle::read_contents(*reader, count, nullptr);
  if (result ? given != content || reader->size_bytes() != size : result.error().code.number == 0) std::abort();
  return 0;
}
