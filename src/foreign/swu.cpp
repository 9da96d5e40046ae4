#include "foreign/swu.hpp"

#include <fcntl.h>

#include <algorithm>

#include "base/file.hpp"
#include "crypto/sha256.hpp"
#include "foreign/cpio.hpp"
#include "foreign/errors.hpp"
#include "foreign/libconfig.hpp"
#include "foreign/sw_description.hpp"

namespace aloft::foreign {
namespace {

constexpr std::size_t kPieceBytes = 1U << 20;

Result<Bytes> piece_of(const Fd& file, std::uint64_t offset, std::size_t size) {
  Bytes bytes(size);
  bytes.resize(TRY(read_full_at(file.get(), bytes, offset)));
  return bytes;
}

Result<std::string> digest_of(const Fd& file, const CpioEntry& entry) {
  crypto::Sha256 digest;
  for (std::uint64_t done = 0; done < entry.size_bytes;) {
    const Bytes piece = TRY(piece_of(file, entry.offset_bytes + done, std::min<std::uint64_t>(kPieceBytes, entry.size_bytes - done)));
    if (piece.empty()) return fail(kBadArchive, "the archive became shorter while it was read");
    digest.update(piece);
    done += piece.size();
  }
  return to_hex(digest.finish());
}

Result<> check_images(const Fd& file, const std::vector<CpioEntry>& entries, Contents& contents) {
  for (Contents::Image& image : contents.images) {
    const auto entry = std::ranges::find(entries, image.name, &CpioEntry::name);
    if (entry == entries.end()) return fail(kImageMissing, "sw-description names " + image.name + ", which is not in the archive");
    image.size_bytes = entry->size_bytes;
    if (!image.sha256.empty() && TRY(digest_of(file, *entry)) != image.sha256)
      return fail(kImageDigest, "image " + image.name + " is not the one whose digest sw-description has");
  }
  return {};
}

bool is_readable(std::string_view text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x09 || c == 0x7f; });
}

}  // namespace

bool looks_like_swu(std::string_view beginning) { return beginning.starts_with("070701") || beginning.starts_with("070702"); }

Result<Contents> read_swu(const std::filesystem::path& path) {
  const Fd file = TRY(open_file(path, O_RDONLY));
  const std::uint64_t total = std::filesystem::file_size(path);
  const ReadAt read = [&file](std::uint64_t offset, std::size_t size) { return piece_of(file, offset, size); };
  const std::vector<CpioEntry> entries = TRY(list_cpio(read, total));
  if (entries.empty() || entries.front().name != "sw-description")
    return fail(kBadArchive, "a .swu file begins with sw-description; this archive does not");
  if (entries.front().size_bytes > kMaxConfigBytes) return fail(kBadDescription, "sw-description is too large");
  const Bytes bytes = TRY(piece_of(file, entries.front().offset_bytes, static_cast<std::size_t>(entries.front().size_bytes)));
  Contents contents;
  if (is_readable(as_text(bytes))) {
    contents = TRY(read_sw_description(as_text(bytes)));
    TRY(check_images(file, entries, contents));
  } else {
    contents.note = "sw-description is encrypted: what is inside cannot be shown or checked here";
    for (const CpioEntry& entry : entries)
      if (!entry.name.starts_with("sw-description")) contents.images.push_back({.name = entry.name, .size_bytes = entry.size_bytes});
  }
  contents.is_signed = entries.size() > 1 && entries[1].name == "sw-description.sig";
  return contents;
}

}  // namespace aloft::foreign
