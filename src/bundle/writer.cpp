#include "bundle/writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/errors.hpp"
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

// Removes a file that was not finished.
class Unfinished {
 public:
  explicit Unfinished(std::filesystem::path path) : path_(std::move(path)) {}
  ~Unfinished() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
  }
  Unfinished(const Unfinished&) = delete;
  Unfinished& operator=(const Unfinished&) = delete;
  void keep() { path_.clear(); }

 private:
  std::filesystem::path path_;
};

}  // namespace

Result<> write_bundle(const std::filesystem::path& path, std::string_view manifest_text, ByteView signature, ByteSource& source,
                      Extent payload) {
  if (manifest_text.size() > kMaxManifestBytes || signature.size() > kMaxSignatureBytes)
    return fail(kBadRecipe, "the manifest or the signature is too large; use larger frames, or fewer signers");
  auto fresh = path;
  fresh += ".new";
  const Fd out = TRY(open_file(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW));
  Unfinished unfinished(fresh);
  TRY(write_all(out.get(), encode_preamble(manifest_text, signature)));
  TRY(copy_payload(out.get(), source, payload));
  TRY(publish_file(out.get(), fresh, path));
  unfinished.keep();
  return {};
}

Result<> write_bundle(const std::filesystem::path& path, const Package& package, ByteView signature) {
  if (::lseek(package.payload.get(), 0, SEEK_SET) != 0) return fail(system_error("cannot read back the payload of", path, errno));
  const auto source = stream_source(package.payload.get());
  return write_bundle(path, package.manifest_text, signature, *source, {.offset_bytes = 0, .size_bytes = package.payload_bytes});
}

}  // namespace aloft::bundle
