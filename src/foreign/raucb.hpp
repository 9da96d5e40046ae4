// RAUC's .raucb file (its reference, "Bundle Formats"): a file system, behind it a CMS signature and the signature's length.
#pragma once

#include <filesystem>
#include <string_view>

#include "base/bytes.hpp"
#include "foreign/contents.hpp"

namespace aloft::foreign {

inline constexpr std::uint64_t kMaxRaucCmsBytes = 1U << 20;

// Whether a CMS structure stands where one stands in such a file.
bool looks_like_raucb(const std::filesystem::path& file);
// Of a verity bundle all that its manifest says; the manifest of a plain one lies in its file system, that of an encrypted one is
// encrypted, which contents.note says. No signature is checked. Errors: kBadRaucBundle, file errors.
Result<Contents> read_raucb(const std::filesystem::path& file);
// The manifest (an INI file). Errors: kBadRaucBundle.
Result<Contents> read_rauc_manifest(std::string_view text);
// What stands in the CMS structure. Errors: kBadRaucBundle.
Result<Contents> read_rauc_cms(ByteView cms);

}  // namespace aloft::foreign
