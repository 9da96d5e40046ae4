#include "delta/image_file.hpp"

#include <unistd.h>

#include "base/fresh_file.hpp"
#include "base/zeros.hpp"
#include "delta/errors.hpp"
#include "delta/image_frames.hpp"

namespace aloft::delta {

Result<> apply_to_file(ByteSource& old, const std::string& old_name, Patch& patch, const std::filesystem::path& output,
                       const Progress& progress) {
  const ImagePlan& plan = patch.images().front();
  FreshFile fresh = TRY(FreshFile::create(output));
  if (::ftruncate(fresh.fd(), static_cast<off_t>(plan.target_bytes)) != 0) return fail(system_error("cannot enlarge", output, errno));
  ImageFrames frames(patch, 0);
  crypto::Sha256 whole;
  Bytes content;
  for (std::uint64_t frame = 0; frame < plan.frame_count(); ++frame) {
    const std::uint64_t offset = frame * plan.frame_bytes();
    content.resize(static_cast<std::size_t>(plan.content_bytes(frame)));
    TRY(frames.make(frame, old, content));
    whole.update(content);
    if (!is_zero(content)) TRY(write_all_at(fresh.fd(), content, offset));
    if (progress) progress(offset + content.size(), plan.target_bytes);
  }
  if (whole.finish() != plan.target_sha256)
    return fail(kWrongResult, "the new image is not what the delta promises; " + old_name +
                                  " is not the image it was made from, or the delta is damaged");
  return fresh.publish();
}

}  // namespace aloft::delta
