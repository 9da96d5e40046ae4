#include <algorithm>

#include "delta/errors.hpp"
#include "delta/old_stream.hpp"

namespace aloft::delta {
namespace {

constexpr unsigned kMore = 15;  // a length that goes on
constexpr std::uint64_t kMinLz4Match = 4;
constexpr std::size_t kHistory = 65536;

// One LZ4 block, of any size: sequences of literals and a match (lz4_Block_format.md of the LZ4 project). It may be left between any two
// bytes.
class Lz4Reader final : public StreamDecoder {
 public:
  Result<> decode(PackedInput& in, std::span<std::byte, kStreamWindowBytes> ring, MutableByteView out) override {
    while (!out.empty()) {
      std::size_t size = 0;
      if (literals_ > 0) {
        size = TRY(copy_literals(in, out));
      } else if (in_match_) {
        TRY(begin_match(in));
      } else if (match_ > 0) {
        size = TRY(copy_match(ring, out));
      } else {
        token_ = std::to_integer<unsigned>(TRY(in.next()));
        literals_ = TRY(length(in, token_ >> 4));
        in_match_ = true;
      }
      made_ += size;
      out = out.subspan(size);
    }
    return {};
  }
  std::unique_ptr<StreamDecoder> fork() const override { return std::make_unique<Lz4Reader>(*this); }
  std::size_t history_bytes() const override { return static_cast<std::size_t>(std::min<std::uint64_t>(kHistory, made_)); }

 private:
  static Result<std::uint64_t> length(PackedInput& in, std::uint64_t first) {
    std::uint64_t sum = first;
    if (first != kMore) return sum;
    for (unsigned more = 255; more == 255;) {
      more = std::to_integer<unsigned>(TRY(in.next()));
      sum += more;
    }
    return sum;
  }

  Result<std::size_t> copy_literals(PackedInput& in, MutableByteView out) {
    const ByteView packed = TRY(in.look());
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>({literals_, packed.size(), out.size()}));
    std::copy_n(packed.begin(), size, out.begin());
    in.take(size);
    literals_ -= size;
    return size;
  }

  Result<> begin_match(PackedInput& in) {
    const auto low = std::to_integer<std::size_t>(TRY(in.next()));
    distance_ = low | std::to_integer<std::size_t>(TRY(in.next())) << 8;
    if (distance_ == 0 || distance_ > made_) return detail::does_not_unpack();
    match_ = TRY(length(in, token_ & kMore)) + kMinLz4Match;
    in_match_ = false;
    return {};
  }

  Result<std::size_t> copy_match(std::span<std::byte, kStreamWindowBytes> ring, MutableByteView out) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(match_, out.size()));
    for (std::size_t i = 0; i < size; ++i) out[i] = ring[(made_ + i - distance_) % ring.size()];
    match_ -= size;
    return size;
  }

  std::uint64_t made_ = 0;
  std::uint64_t literals_ = 0;
  std::uint64_t match_ = 0;
  std::size_t distance_ = 0;
  unsigned token_ = 0;
  bool in_match_ = false;  // behind the literals, before the distance
};

}  // namespace

std::unique_ptr<StreamDecoder> make_lz4_decoder() { return std::make_unique<Lz4Reader>(); }

}  // namespace aloft::delta
