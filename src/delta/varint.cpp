#include "delta/varint.hpp"

#include "delta/errors.hpp"

namespace aloft::delta {

void put_varint(Bytes& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}

void put_signed(Bytes& out, std::int64_t value) {
  put_varint(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

Result<std::uint64_t> Input::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return fail(kBadDelta, "the delta ends within a number; fetch it again");
    const auto byte = std::to_integer<std::uint64_t>(rest_.front());
    rest_ = rest_.subspan(1);
    if (shift == 63 && byte > 1) break;
    value |= (byte & 0x7f) << shift;
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && shift > 0) return fail(kBadDelta, "the delta has a number that is longer than it needs to be");
    return value;
  }
  return fail(kBadDelta, "the delta has a number of more than 64 bits");
}

Result<std::int64_t> Input::signed_varint() {
  const std::uint64_t value = TRY(varint());
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

Result<ByteView> Input::take(std::uint64_t size_bytes) {
  if (size_bytes > rest_.size()) return fail(kBadDelta, "the delta names more bytes than it has");
  const ByteView taken = rest_.first(static_cast<std::size_t>(size_bytes));
  rest_ = rest_.subspan(taken.size());
  return taken;
}

}  // namespace aloft::delta
