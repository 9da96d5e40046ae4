#include "update/floor.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "crypto/sha256.hpp"
#include "update/errors.hpp"

namespace aloft::update {
namespace {

constexpr std::array<std::string_view, 2> kCopies = {"floor.0", "floor.1"};

// "aloft-floor 7 0123456789abcdef\n": the last word is the first 8 bytes of the SHA-256 of what stands before it.
std::string copy_text(std::uint64_t value) {
  const std::string text = "aloft-floor " + std::to_string(value) + " ";
  const crypto::Digest digest = crypto::sha256(as_bytes(text));
  return text + to_hex(ByteView(digest).first(8)) + "\n";
}

std::optional<std::uint64_t> parse_copy(std::string_view text) {
  constexpr std::string_view kHead = "aloft-floor ";
  if (!text.starts_with(kHead)) return std::nullopt;
  std::uint64_t value = 0;
  const std::string_view digits = text.substr(kHead.size());
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (problem != std::errc() || text != copy_text(value)) return std::nullopt;
  return value;
}

struct Copy {
  bool exists;
  std::optional<std::uint64_t> value;
};

Result<std::array<Copy, 2>> read_copies(StateFiles& files) {
  std::array<Copy, 2> copies{};
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const std::optional<std::string> text = TRY(files.read(kCopies[i]));
    copies[i].exists = text.has_value();
    if (text) copies[i].value = parse_copy(*text);
  }
  return copies;
}

Result<std::uint64_t> highest(const std::array<Copy, 2>& copies) {
  if (!copies[0].exists && !copies[1].exists) return 0;
  if (!copies[0].value && !copies[1].value) {
    return fail(kFloorUnreadable,
                "both copies of the rollback floor (floor.0, floor.1) are damaged, so no update can be judged; restore one");
  }
  return std::max(copies[0].value.value_or(0), copies[1].value.value_or(0));
}

}  // namespace

Result<std::uint64_t> read_floor(StateFiles& files) { return highest(TRY(read_copies(files))); }

Result<> raise_floor(StateFiles& files, std::uint64_t security_version) {
  const std::array<Copy, 2> copies = TRY(read_copies(files));
  const std::uint64_t wanted = std::max(TRY(highest(copies)), security_version);
  for (std::size_t i = 0; i < copies.size(); ++i) {
    if (copies[i].value != wanted) TRY(files.replace(kCopies[i], copy_text(wanted)));
  }
  return {};
}

}  // namespace aloft::update
