#include "delta/block_coding.hpp"

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>

#include "delta/errors.hpp"
#include "delta/gzip_deflate.hpp"
#include "delta/piece_coding.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint64_t kMinWindow = 4096;
constexpr std::uint64_t kMaxFileWindow = 2ULL << 20;

bool is_valid_xz_file(const BlockCoding& coding) {
  return coding.level <= 9 && coding.window >= kMinWindow && coding.window <= kMaxFileWindow && coding.variant <= (kXzSizes | kXzCrc64);
}

bool is_valid_xz(const BlockCoding& coding) {
  return coding.level <= 9 && coding.window >= kMinWindow && coding.window <= kMaxBlockBytes &&
         (coding.variant == 0 || (coding.variant >= LZMA_FILTER_X86 && coding.variant <= LZMA_FILTER_SPARC));
}

bool is_valid_zlib(const BlockCoding& coding) {
  return coding.level >= 1 && coding.level <= Z_BEST_COMPRESSION && coding.window > 8 && coding.window <= MAX_WBITS &&
         coding.variant <= Z_FIXED;
}

}  // namespace

std::uint64_t library_version(Compressor compressor) {
  switch (compressor) {
    case Compressor::zstd:
    case Compressor::zstd_file: return ZSTD_versionNumber();
    case Compressor::xz:
    case Compressor::xz_file: return lzma_version_number();
    case Compressor::zlib: {
      std::uint64_t version = 0;  // "1.2.13" as 0x12d0
      std::uint64_t part = 0;
      int parts = 0;
      for (const char* at = zlibVersion();; ++at) {
        if (*at >= '0' && *at <= '9') {
          part = part * 10 + static_cast<std::uint64_t>(*at - '0');
          continue;
        }
        version = version << 4 | (part & 15);
        part = 0;
        if (++parts == 4 || *at != '.') break;
      }
      return version << (4 * (4 - parts));
    }
    case Compressor::lz4:
    case Compressor::lz4_stream:
    case Compressor::lz4_fixed: return static_cast<std::uint64_t>(LZ4_versionNumber());
    case Compressor::gzip: return kGzipModelVersion;
  }
  return 0;
}

const char* name_of(Compressor compressor) {
  switch (compressor) {
    case Compressor::zstd:
    case Compressor::zstd_file: return "zstd";
    case Compressor::xz:
    case Compressor::xz_file: return "xz";
    case Compressor::zlib: return "zlib";
    case Compressor::lz4:
    case Compressor::lz4_stream:
    case Compressor::lz4_fixed: return "lz4";
    case Compressor::gzip: return "gzip";
  }
  return "?";
}

std::string version_text(const BlockCoding& coding) {
  const auto parts = [](std::uint64_t first, std::uint64_t second, std::uint64_t third) {
    return std::to_string(first) + "." + std::to_string(second) + "." + std::to_string(third);
  };
  const std::uint64_t version = coding.version;
  switch (coding.compressor) {
    case Compressor::xz:
    case Compressor::xz_file: return parts(version / 10'000'000, version / 10'000 % 1000, version / 10 % 1000);
    case Compressor::zlib: return parts(version >> 12, version >> 8 & 15, version >> 4 & 15);
    case Compressor::gzip: return std::to_string(version);
    default: return parts(version / 10'000, version / 100 % 100, version % 100);
  }
}

bool is_valid(const BlockCoding& coding) {
  if (coding.version == 0) return coding.level == 0 && coding.window == 0 && coding.variant == 0;
  switch (coding.compressor) {
    case Compressor::zstd: return coding.level >= 1 && coding.level <= 22 && coding.window == 0 && coding.variant == 0;
    case Compressor::zstd_file: return coding.level >= 1 && coding.level <= 22 && coding.window == 0 && coding.variant <= 1;
    case Compressor::xz: return is_valid_xz(coding);
    case Compressor::xz_file: return is_valid_xz_file(coding);
    case Compressor::zlib: return is_valid_zlib(coding);
    case Compressor::lz4: return coding.level <= 12 && coding.window == 0 && coding.variant == 0;
    case Compressor::gzip:
      return coding.level >= kMinGzipLevel && coding.level <= kMaxGzipLevel && coding.window == 0 && coding.variant == 0;
    case Compressor::lz4_stream: return coding.level >= 1 && coding.level <= 12 && coding.window == 0 && coding.variant == 0;
    case Compressor::lz4_fixed: return coding.level <= 12 && coding.window == 0 && coding.variant <= (coding.level == 0 ? 1 : 0);
  }
  return false;
}

Result<> check_library(const BlockCoding& coding) {
  const BlockCoding mine{.compressor = coding.compressor, .version = library_version(coding.compressor)};
  if (coding.version == 0 || coding.version == mine.version) return {};
  return fail(kEncoderVersion, std::string("the new image's blocks are made again by ") + name_of(coding.compressor) + " " +
                                   version_text(coding) + " only, and this Aloft has " + version_text(mine) +
                                   "; take the full image, or a delta made with that version");
}

std::uint64_t most_block_bytes(const std::vector<BlockCoding>& codings) {
  std::uint64_t most = 0;
  for (const BlockCoding& coding : codings) most = std::max(most, max_block_bytes(coding.compressor));
  return most;
}

Coders::Coders(std::vector<BlockCoding> codings) : codings_(std::move(codings)), coders_(codings_.size()) {}
Coders::~Coders() = default;

Result<BlockCoding> Coders::coding(std::uint64_t number) const {
  if (number >= codings_.size()) return fail(kBadRecord, "a record of the delta names a compressor that its description does not have");
  return codings_[static_cast<std::size_t>(number)];
}

Result<BlockCoder*> Coders::at(std::uint64_t number) {
  const BlockCoding coding = TRY(this->coding(number));
  if (is_stream(coding.compressor) || (is_in_pieces(coding.compressor) && coding.version != 0))
    return fail(kBadRecord, "a record of the delta has a block by a compressor of pieces");
  auto& coder = coders_[static_cast<std::size_t>(number)];
  if (!coder) {
    if (alive_.size() == kAlive) {
      coders_[alive_.front()].reset();
      alive_.erase(alive_.begin());
    }
    alive_.push_back(static_cast<std::size_t>(number));
    switch (coding.compressor) {
      case Compressor::xz: coder = detail::make_xz(coding); break;
      case Compressor::xz_file: coder = detail::make_xz_file(coding); break;
      case Compressor::zlib: coder = detail::make_zlib(coding); break;
      case Compressor::lz4:
      case Compressor::lz4_fixed: coder = detail::make_lz4(coding); break;
      default: coder = detail::make_zstd(coding);
    }
  }
  return coder.get();
}

Result<PieceCoder*> Coders::piece_at(std::uint64_t number) {
  const BlockCoding coding = TRY(this->coding(number));
  if (!is_in_pieces(coding.compressor) || coding.version == 0)
    return fail(kBadRecord, "a record of the delta has a piece by a compressor that makes none");
  if (!piece_coder_ || piece_number_ != number) {
    piece_coder_.reset();
    switch (coding.compressor) {
      case Compressor::gzip: piece_coder_ = detail::make_gzip_pieces(coding); break;
      case Compressor::lz4_fixed: piece_coder_ = detail::make_lz4_fixed(coding); break;
      default: piece_coder_ = detail::make_lz4_pieces(coding);
    }
    piece_number_ = number;
  }
  return piece_coder_.get();
}

std::unexpected<Error> detail::does_not_fit() {
  return fail(kBadRecord, "a block that a record of the delta makes comes out larger than it says");
}

std::unexpected<Error> detail::does_not_unpack() {
  return fail(kWrongSource, "a block of the old image cannot be unpacked; it is not the image that the delta is for");
}

}  // namespace aloft::delta
