#include "bundle/writer.hpp"

#include <unistd.h>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"
#include "bundle/container.hpp"
#include "bundle/errors.hpp"

namespace aloft::bundle {
namespace {

constexpr std::size_t kCopyBytes = 1 << 20;

Result<> copy_payload(int out, ByteSource& source, Extent payload) {
  Bytes buffer(kCopyBytes);
  std::uint64_t done = 0;
  while (done < payload.size_bytes) {
    const auto step = std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(kCopyBytes, payload.size_bytes - done)));
    if (TRY(source.read_at(payload.offset_bytes + done, step)) < step.size())
      return fail(kTruncated, "the payload to copy ends too early; fetch the bundle again");
    TRY(write_all(out, step));
    done += step.size();
  }
  return {};
}

}  // namespace

Result<> write_bundle(const std::filesystem::path& path, std::string_view manifest_text, ByteView signature, ByteSource& source,
                      Extent payload) {
  if (manifest_text.size() > kMaxManifestBytes || signature.size() > kMaxSignatureBytes)
    return fail(kBadRecipe, "the manifest or the signature is too large; use larger frames, or fewer signers");
  FreshFile fresh = TRY(FreshFile::create(path));
  TRY(write_all(fresh.fd(), encode_preamble(manifest_text, signature)));
  TRY(copy_payload(fresh.fd(), source, payload));
  return fresh.publish();
}

Result<> write_bundle(const std::filesystem::path& path, const Package& package, ByteView signature) {
  if (::lseek(package.payload.get(), 0, SEEK_SET) != 0) return fail(system_error("cannot read back the payload of", path, errno));
  const auto source = stream_source(package.payload.get());
  return write_bundle(path, package.manifest_text, signature, *source, {.offset_bytes = 0, .size_bytes = package.payload_bytes});
}

}  // namespace aloft::bundle
