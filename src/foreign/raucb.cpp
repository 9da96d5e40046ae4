#include "foreign/raucb.hpp"

#include <fcntl.h>
#include <openssl/cms.h>
#include <openssl/err.h>

#include <charconv>

#include "base/file.hpp"
#include "crypto/openssl.hpp"
#include "foreign/errors.hpp"

namespace aloft::foreign {
namespace {

constexpr std::size_t kMaxRaucImages = 256;
constexpr std::size_t kMaxManifestBytes = 64U << 10;

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

void take_setting(Contents& contents, std::string_view group, std::string_view key, std::string_view value) {
  if (group == "update") {
    if (key == "compatible") contents.name = value;
    if (key == "version") contents.version = value;
    if (key == "description") contents.description = value;
  } else if (group.starts_with("image.") && !contents.images.empty()) {
    Contents::Image& image = contents.images.back();
    if (key == "filename") image.name = value;
    if (key == "sha256") image.sha256 = value;
    if (key == "type") image.type = value;
    if (key == "size") std::from_chars(value.data(), value.data() + value.size(), image.size_bytes);
  }
}

// The bytes of the CMS structure at the file's end.
Result<Bytes> cms_of(const std::filesystem::path& path) {
  const Fd file = TRY(open_file(path, O_RDONLY));
  const std::uint64_t total = std::filesystem::file_size(path);
  Bytes tail(8);
  if (total < 16 || TRY(read_full_at(file.get(), tail, total - 8)) != 8) return fail(kBadRaucBundle, "the file is too short");
  std::uint64_t size = 0;
  for (const std::byte byte : tail) size = size << 8 | static_cast<std::uint64_t>(byte);
  if (size == 0 || size > kMaxRaucCmsBytes || size > total - 8)
    return fail(kBadRaucBundle, "no signature stands at its end; a RAUC bundle ends with one and its length");
  Bytes cms(static_cast<std::size_t>(size));
  if (TRY(read_full_at(file.get(), cms, total - 8 - size)) != cms.size()) return fail(kBadRaucBundle, "the file became shorter");
  return cms;
}

using Cms = crypto::Owned<CMS_ContentInfo, CMS_ContentInfo_free>;

Cms parse(ByteView bytes) {
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  Cms cms(d2i_CMS_ContentInfo(nullptr, &at, static_cast<long>(bytes.size())));
  ERR_clear_error();
  return cms;
}

}  // namespace

Result<Contents> read_rauc_manifest(std::string_view text) {
  if (text.size() > kMaxManifestBytes) return fail(kBadRaucBundle, "the manifest is too large");
  Contents contents;
  std::string_view group;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      if (line.back() != ']') return fail(kBadRaucBundle, "the manifest has a group without its end");
      group = line.substr(1, line.size() - 2);
      if (group.starts_with("image.") && contents.images.size() == kMaxRaucImages)
        return fail(kBadRaucBundle, "the manifest has too many images");
      if (group.starts_with("image."))
        contents.images.push_back({.name = {}, .target = std::string(group.substr(6)), .type = {}, .sha256 = {}});
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos || group.empty()) return fail(kBadRaucBundle, "the manifest has a line that is no setting");
    take_setting(contents, group, trimmed(line.substr(0, equals)), trimmed(line.substr(equals + 1)));
  }
  if (contents.name.empty()) return fail(kBadRaucBundle, "the manifest does not say what it is compatible with");
  return contents;
}

Result<Contents> read_rauc_cms(ByteView bytes) {
  const Cms cms = parse(bytes);
  if (!cms) return fail(kBadRaucBundle, "the signature at its end is no CMS structure");
  const int type = OBJ_obj2nid(CMS_get0_type(cms.get()));
  if (type == NID_pkcs7_enveloped) return Contents{.note = "an encrypted bundle: what is inside cannot be shown here"};
  if (type != NID_pkcs7_signed) return fail(kBadRaucBundle, "the CMS structure at its end is neither a signature nor an envelope");
  ASN1_OCTET_STRING** const content = CMS_get0_content(cms.get());
  if (content == nullptr || *content == nullptr)
    return Contents{.is_signed = true, .note = "a plain bundle: its manifest lies in its file system, which is not read here"};
  const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(*content));
  Contents contents = TRY(read_rauc_manifest({text, static_cast<std::size_t>(ASN1_STRING_length(*content))}));
  contents.is_signed = true;
  return contents;
}

bool looks_like_raucb(const std::filesystem::path& file) {
  const Result<Bytes> bytes = cms_of(file);
  return bytes && parse(*bytes);
}

Result<Contents> read_raucb(const std::filesystem::path& file) { return read_rauc_cms(TRY(cms_of(file))); }

}  // namespace aloft::foreign
