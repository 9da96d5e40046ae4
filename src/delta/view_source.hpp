// Bytes in memory as a source.
#pragma once

#include <algorithm>

#include "base/byte_source.hpp"

namespace aloft::delta {

class ViewSource final : public ByteSource {
 public:
  explicit ViewSource(ByteView bytes) : bytes_(bytes) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    if (offset >= bytes_.size()) return std::size_t{0};
    const auto part = bytes_.subspan(static_cast<std::size_t>(offset), std::min<std::size_t>(buffer.size(), bytes_.size() - offset));
    std::ranges::copy(part, buffer.begin());
    return part.size();
  }
  bool any_order() const override { return true; }

 private:
  ByteView bytes_;
};

}  // namespace aloft::delta
