#include "delta/make/streams.hpp"

#include <lz4.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "delta/piece_coding.hpp"
#include "delta/xz_stream.hpp"

namespace aloft::delta {
namespace {

constexpr std::uint64_t kMinStreamBytes = 16384;
constexpr std::size_t kStep = 1 << 18;
constexpr std::string_view kGzipMagic("\x1f\x8b\x08", 3);
constexpr std::uint64_t kGzipHeaderBytes = 10;
constexpr std::uint64_t kGzipTrailerBytes = 8;
constexpr unsigned kHasChecksum = 2, kHasExtra = 4, kHasName = 8, kHasComment = 16, kReserved = 0xE0;
constexpr std::string_view kLz4Magic("\x02\x21\x4c\x18", 4);
constexpr std::uint64_t kLz4BlockBytes = 8ULL << 20;
constexpr std::string_view kXzMagic(
    "\xfd"
    "7zXZ\0",
    6);
constexpr std::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);
constexpr std::uint64_t kMinFileBytes = 512;

std::uint64_t byte_at(ByteView image, std::uint64_t at) { return std::to_integer<unsigned>(image[at]); }

// Behind the header of the gzip member; none where there can be none.
std::optional<std::uint64_t> after_header(ByteView image, std::uint64_t at) {
  if (image.size() - at < kGzipHeaderBytes + kGzipTrailerBytes) return std::nullopt;
  const std::uint64_t flags = byte_at(image, at + 3);
  if ((flags & kReserved) != 0) return std::nullopt;
  std::uint64_t end = at + kGzipHeaderBytes;
  if ((flags & kHasExtra) != 0) {
    if (image.size() - end < 2) return std::nullopt;
    end += 2 + (byte_at(image, end) | byte_at(image, end + 1) << 8);
  }
  for (const unsigned text : {kHasName, kHasComment}) {
    if ((flags & text) == 0) continue;
    while (end < image.size() && byte_at(image, end) != 0) ++end;
    ++end;
  }
  if ((flags & kHasChecksum) != 0) end += 2;
  return end < image.size() ? std::optional(end) : std::nullopt;
}

// Unpacks a deflate stream from `at` on, without keeping it unless `content` wants it; its size as packed, and of its content.
std::optional<Stream> inflate_all(ByteView image, std::uint64_t at, Bytes* content) {
  z_stream stream{};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return std::nullopt;
  Bytes room(kStep);
  std::uint64_t made = 0;
  std::uint64_t used = 0;
  int status = Z_OK;
  while (status == Z_OK && made <= kMaxStreamBytes && at + used < image.size()) {
    const ByteView in = image.subspan(at + used, std::min<std::uint64_t>(kStep, image.size() - at - used));
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(in.data()));  // zlib's own want of const
    stream.avail_in = static_cast<uInt>(in.size());
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    status = inflate(&stream, Z_NO_FLUSH);
    used += in.size() - stream.avail_in;
    const std::size_t size = room.size() - stream.avail_out;
    made += size;
    if (content != nullptr) content->insert(content->end(), room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size));
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || made == 0 || made > kMaxStreamBytes) return std::nullopt;
  return Stream{.offset = at, .packed_bytes = used, .content_bytes = made, .compressor = Compressor::gzip};
}

std::uint64_t find_gzip(ByteView image, std::uint64_t at, std::vector<Stream>& streams) {
  const auto begin = after_header(image, at);
  const auto stream = begin ? inflate_all(image, *begin, nullptr) : std::nullopt;
  if (!stream || stream->packed_bytes < kMinStreamBytes || image.size() - stream->offset_end() < kGzipTrailerBytes) return at + 1;
  if (load_le32(image.subspan(stream->offset_end() + 4)) != static_cast<std::uint32_t>(stream->content_bytes)) return at + 1;
  streams.push_back(*stream);
  return stream->offset_end();
}

struct FileSize {
  std::uint64_t packed;
  std::uint64_t content;
};

std::optional<FileSize> xz_bytes(ByteView rest, Bytes& room) {
  room.resize(static_cast<std::size_t>(kMaxFileBytes));
  const auto size = unpack_xz(rest, room);
  return size ? std::optional(FileSize{size->packed, size->content}) : std::nullopt;
}

std::optional<FileSize> zstd_bytes(ByteView rest, Bytes& room) {
  const auto content = ZSTD_getFrameContentSize(rest.data(), rest.size());
  if (content == 0 || content > kMaxFileBytes) return std::nullopt;  // as errors are
  const std::size_t packed = ZSTD_findFrameCompressedSize(rest.data(), rest.size());
  if (ZSTD_isError(packed) != 0) return std::nullopt;
  room.resize(static_cast<std::size_t>(kMaxFileBytes));
  const std::size_t made = ZSTD_decompress(room.data(), room.size(), rest.data(), packed);
  return made == content ? std::optional(FileSize{packed, made}) : std::nullopt;
}

// The blocks of the legacy frame at `at`: each its size, then its bytes; all but the last are full.
std::uint64_t find_lz4(ByteView image, std::uint64_t at, std::vector<Stream>& streams) {
  Bytes room(kLz4BlockBytes);
  std::uint64_t end = at + kLz4Magic.size();
  while (image.size() - end > 4) {
    const std::uint64_t size = load_le32(image.subspan(end));
    if (size == 0 || size > image.size() - end - 4 || size > static_cast<std::uint64_t>(LZ4_compressBound(kLz4BlockBytes))) break;
    const int made = LZ4_decompress_safe(reinterpret_cast<const char*>(image.data() + end + 4), reinterpret_cast<char*>(room.data()),
                                         static_cast<int>(size), static_cast<int>(room.size()));
    if (made <= 0) break;
    if (size >= kMinStreamBytes)
      streams.push_back({.offset = end + 4,
                         .packed_bytes = size,
                         .content_bytes = static_cast<std::uint64_t>(made),
                         .compressor = Compressor::lz4_stream});
    end += 4 + size;
    if (static_cast<std::uint64_t>(made) < kLz4BlockBytes) break;
  }
  return std::max(end, at + 1);
}

// A file by xz or zstd that is there as a whole.
std::uint64_t find_file(ByteView image, std::uint64_t at, Compressor compressor, Bytes& room, std::vector<Stream>& streams) {
  const ByteView rest = image.subspan(at, std::min(kMaxFileBytes, image.size() - at));
  const auto size = compressor == Compressor::xz_file ? xz_bytes(rest, room) : zstd_bytes(rest, room);
  if (!size || size->packed < kMinFileBytes || size->content == 0) return at + 1;
  streams.push_back({.offset = at, .packed_bytes = size->packed, .content_bytes = size->content, .compressor = compressor});
  return at + size->packed;
}

std::uint64_t next_of(ByteView image, std::uint64_t from, std::string_view magic) {
  if (from >= image.size()) return image.size();
  const void* found = ::memmem(image.data() + from, image.size() - from, magic.data(), magic.size());
  return found == nullptr ? image.size() : static_cast<std::uint64_t>(static_cast<const std::byte*>(found) - image.data());
}

std::string_view text_of(ByteView image, const Stream& stream) { return as_text(image.subspan(stream.offset, stream.packed_bytes)); }

}  // namespace

std::vector<Stream> find_streams(ByteView image) {
  std::vector<Stream> streams;
  Bytes room;
  struct Format {
    std::string_view magic;
    std::function<std::uint64_t(std::uint64_t at)> find;  // where to go on
    std::uint64_t next = 0;
  };
  Format formats[] = {
      {kGzipMagic, [&](std::uint64_t at) { return find_gzip(image, at, streams); }},
      {kLz4Magic, [&](std::uint64_t at) { return find_lz4(image, at, streams); }},
      {kXzMagic, [&](std::uint64_t at) { return find_file(image, at, Compressor::xz_file, room, streams); }},
      {kZstdMagic, [&](std::uint64_t at) { return find_file(image, at, Compressor::zstd_file, room, streams); }},
  };
  for (Format& format : formats) format.next = next_of(image, 0, format.magic);
  for (;;) {
    const Format& first = *std::ranges::min_element(formats, {}, &Format::next);
    if (first.next >= image.size()) return streams;
    const std::uint64_t end = first.find(first.next);
    for (Format& format : formats)
      if (format.next < end) format.next = next_of(image, end, format.magic);
  }
}

Bytes content_of(ByteView image, const Stream& stream) {
  Bytes content;
  if (stream.compressor == Compressor::gzip) {
    content.reserve(static_cast<std::size_t>(stream.content_bytes));
    inflate_all(image, stream.offset, &content);
    return content;
  }
  content.resize(static_cast<std::size_t>(stream.content_bytes));
  if (is_file(stream.compressor)) {
    Coders coders({{.compressor = stream.compressor}});
    const auto coder = coders.at(0);
    const auto size = coder ? (*coder)->decode(image.subspan(stream.offset, stream.packed_bytes), content) : Result<std::size_t>(0);
    content.resize(size ? *size : 0);
    return content;
  }
  LZ4_decompress_safe(reinterpret_cast<const char*>(image.data() + stream.offset), reinterpret_cast<char*>(content.data()),
                      static_cast<int>(stream.packed_bytes), static_cast<int>(content.size()));
  return content;
}

void drop_common(ByteView one_image, std::vector<Stream>& one, ByteView other_image, std::vector<Stream>& other) {
  const auto texts = [](ByteView image, const std::vector<Stream>& streams) {
    std::unordered_set<std::string_view> all;
    for (const Stream& stream : streams) all.insert(text_of(image, stream));
    return all;
  };
  const auto of_one = texts(one_image, one);
  const auto of_other = texts(other_image, other);
  std::erase_if(one, [&](const Stream& stream) { return of_other.contains(text_of(one_image, stream)); });
  std::erase_if(other, [&](const Stream& stream) { return of_one.contains(text_of(other_image, stream)); });
}

}  // namespace aloft::delta
