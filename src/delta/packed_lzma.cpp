#include <lzma.h>

#include <algorithm>
#include <array>

#include "delta/errors.hpp"
#include "delta/packed.hpp"
#include "delta/varint.hpp"

namespace aloft::delta {
namespace {

constexpr unsigned kMaxProperties = (4 * 5 + 4) * 9 + 8;
constexpr std::size_t kMinDictionary = 4096;
constexpr std::size_t kMaxDictionary = 1 << 20;

// Literals by their predecessor's upper four bits, no alignment: what differences and texts like best; ARM code wants pb = 2.
constexpr std::array<unsigned, 2> kTried = {4, (2 * 5 + 0) * 9 + 3};

Result<lzma_options_lzma> options_of(unsigned properties, std::size_t content_bytes) {
  lzma_options_lzma options{};
  lzma_lzma_preset(&options, 9 | LZMA_PRESET_EXTREME);
  options.lc = properties % 9;
  options.lp = properties / 9 % 5;
  options.pb = properties / 45;
  if (properties > kMaxProperties || options.lc + options.lp > LZMA_LCLP_MAX || options.pb > LZMA_PB_MAX)
    return fail(kBadDelta, "a part of the delta has properties of LZMA that cannot be");
  options.dict_size = static_cast<std::uint32_t>(std::clamp(content_bytes, kMinDictionary, kMaxDictionary));
  return options;
}

}  // namespace

Result<> unpack_lzma(ByteView packed, std::uint64_t limit_bytes, Bytes& content) {
  Input in(packed);
  const auto properties = std::to_integer<unsigned>(TRY(in.take(1)).front());
  const std::uint64_t size = TRY(in.varint());
  if (size > limit_bytes)
    return fail(kBadDelta, "a part of the delta would unpack to more than the " + std::to_string(limit_bytes) + " bytes that it may have");
  content.resize(static_cast<std::size_t>(size));
  lzma_options_lzma options = TRY(options_of(properties, content.size()));
  const std::array<lzma_filter, 2> filters = {
      {{.id = LZMA_FILTER_LZMA1, .options = &options}, {.id = LZMA_VLI_UNKNOWN, .options = nullptr}}};
  const ByteView stream = TRY(in.take(in.size()));
  std::size_t in_at = 0;
  std::size_t out_at = 0;
  const lzma_ret done = lzma_raw_buffer_decode(filters.data(), nullptr, reinterpret_cast<const std::uint8_t*>(stream.data()), &in_at,
                                               stream.size(), reinterpret_cast<std::uint8_t*>(content.data()), &out_at, content.size());
  if (done != LZMA_OK || in_at != stream.size() || out_at != content.size())
    return fail(kBadDelta, "a part of the delta cannot be unpacked");
  return {};
}

Result<> pack_lzma(ByteView content, Bytes& packed) {
  Bytes best;
  for (const unsigned properties : kTried) {
    Bytes one(1, static_cast<std::byte>(properties));
    put_varint(one, content.size());
    std::size_t at = one.size();
    one.resize(at + content.size() + content.size() / 4 + 1024);  // what LZMA makes of noise is a little longer
    lzma_options_lzma options = TRY(options_of(properties, content.size()));
    const std::array<lzma_filter, 2> filters = {
        {{.id = LZMA_FILTER_LZMA1, .options = &options}, {.id = LZMA_VLI_UNKNOWN, .options = nullptr}}};
    const lzma_ret done = lzma_raw_buffer_encode(filters.data(), nullptr, reinterpret_cast<const std::uint8_t*>(content.data()),
                                                 content.size(), reinterpret_cast<std::uint8_t*>(one.data()), &at, one.size());
    if (done != LZMA_OK) return fail(kNotProven, "cannot compress a part of the delta: LZMA error " + std::to_string(done));
    one.resize(at);
    if (best.empty() || one.size() < best.size()) best.swap(one);
  }
  packed.swap(best);
  return {};
}

}  // namespace aloft::delta
