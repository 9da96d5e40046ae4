#include "foreign/cpio.hpp"

#include <charconv>
#include <optional>
#include <vector>

#include "foreign/errors.hpp"

namespace aloft::foreign {
namespace {

constexpr std::size_t kHeaderBytes = 110;
constexpr std::string_view kTrailer = "TRAILER!!!";

std::unexpected<Error> damaged(std::uint64_t at, std::string_view what) {
  return fail(kBadArchive, "the archive is damaged at byte " + std::to_string(at) + ": " + std::string(what));
}

std::uint64_t padded(std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; }

// The n-th of the thirteen numbers of eight hexadecimal digits behind the magic.
std::optional<std::uint64_t> field(std::string_view header, std::size_t index) {
  const std::string_view digits = header.substr(6 + 8 * index, 8);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

Result<std::vector<CpioEntry>> list_cpio(const ReadAt& read, std::uint64_t total_bytes) {
  std::vector<CpioEntry> entries;
  std::uint64_t at = 0;
  while (true) {
    const Bytes header_bytes = TRY(read(at, kHeaderBytes));
    const std::string_view header = as_text(header_bytes);
    if (header.size() != kHeaderBytes) return damaged(at, "it ends without a trailer");
    if (!header.starts_with("070701") && !header.starts_with("070702")) return damaged(at, "no cpio header of the new ASCII form");
    const auto size = field(header, 6);
    const auto name_size = field(header, 11);
    if (!size || !name_size) return damaged(at, "a number is not hexadecimal");
    if (*name_size < 2 || *name_size > kMaxCpioNameBytes + 1) return damaged(at, "a name that is too long, or empty");
    const Bytes name_bytes = TRY(read(at + kHeaderBytes, static_cast<std::size_t>(*name_size)));
    std::string name(as_text(name_bytes));
    if (name.size() != *name_size || name.find('\0') != name.size() - 1) return damaged(at, "a name without its end");
    name.pop_back();
    if (name == kTrailer) return entries;
    const std::uint64_t data = padded(at + kHeaderBytes + *name_size);
    if (data > total_bytes || *size > total_bytes - data) return damaged(at, "the data of " + name + " end behind the file's end");
    if (entries.size() == kMaxCpioEntries) return damaged(at, "too many entries");
    entries.push_back({.name = std::move(name), .offset_bytes = data, .size_bytes = *size});
    at = padded(data + *size);
  }
}

}  // namespace aloft::foreign
