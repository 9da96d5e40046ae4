#include "fleet/foreign_intake.hpp"

#include <fcntl.h>

#include <algorithm>

#include "base/file.hpp"
#include "foreign/errors.hpp"
#include "foreign/raucb.hpp"
#include "foreign/swu.hpp"

namespace aloft::fleet {
namespace {

constexpr std::size_t kMaxDescriptionBytes = 4096;
constexpr std::size_t kMaxWordBytes = 128;

std::unexpected<Error> say_more(const char* what, const char* how) {
  return fail(foreign::kSayMore, std::string("the file does not say ") + what + "; say it when you upload it: " + how);
}

// A word that devices and people will see.
Result<> check_word(const std::string& word) {
  const bool printable = std::ranges::all_of(word, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
  if (word.size() <= kMaxWordBytes && printable) return {};
  return fail(foreign::kBadDescription, "product, hardware and version have at most 128 bytes and no control characters");
}

// What SWUpdate writes for a pattern names no revision.
std::vector<std::string> revisions_of(const std::vector<std::string>& hardware) {
  std::vector<std::string> revisions;
  for (const std::string& one : hardware)
    if (!one.starts_with("#RE:")) revisions.push_back(one);
  return revisions;
}

}  // namespace

Result<ReleaseFormat> format_of(const std::filesystem::path& file) {
  const Fd fd = TRY(open_file(file, O_RDONLY));
  Bytes beginning(8);
  beginning.resize(TRY(read_full_at(fd.get(), beginning, 0)));
  const std::string_view text = as_text(beginning);
  if (text.starts_with("ALOFT")) return ReleaseFormat::aloft;
  if (foreign::looks_like_swu(text)) return ReleaseFormat::swu;
  return foreign::looks_like_raucb(file) ? ReleaseFormat::raucb : ReleaseFormat::aloft;
}

Result<Release> inspect_foreign(const std::filesystem::path& file, ReleaseFormat format, const ForeignWords& words) {
  const foreign::Contents inside = format == ReleaseFormat::swu ? TRY(foreign::read_swu(file)) : TRY(foreign::read_raucb(file));
  Release release{.product = words.product.empty() ? inside.name : words.product,
                  .hardware = words.hardware.empty() ? revisions_of(inside.hardware) : words.hardware,
                  .version = words.version.empty() ? inside.version : words.version,
                  .description = inside.description.substr(0, kMaxDescriptionBytes),
                  .format = format,
                  .contents = to_json(inside).dump(-1, ' ', false, Json::error_handler_t::replace)};
  if (release.product.empty()) return say_more("which product it is for", "--product");
  if (release.hardware.empty()) return say_more("which hardware it is for", "--hardware");
  if (release.version.empty()) return say_more("its version", "--version");
  TRY(check_word(release.product));
  TRY(check_word(release.version));
  for (const std::string& revision : release.hardware) TRY(check_word(revision));
  return release;
}

}  // namespace aloft::fleet
