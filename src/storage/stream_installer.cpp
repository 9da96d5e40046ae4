#include "storage/stream_installer.hpp"

#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

Result<> stream_frames(bundle::Reader& reader, std::size_t index, StreamTarget& target, const InstallOptions& options,
                       InstallStats& stats) {
  const bundle::Image& image = reader.manifest().images.at(index);
  bundle::FrameDecoder decoder;
  Bytes stored;
  Bytes content(image.frame_size_bytes);
  TRY(target.begin(image));
  for (std::uint64_t frame = 0; frame < image.frame_count(); ++frame) {
    if (options.stop.stop_requested()) return fail(kCancelled, "the install was stopped on request");
    const MutableByteView checked = MutableByteView(content).first(image.frame_content_bytes(frame));
    if (options.maker != nullptr && TRY(make_checked(*options.maker, image, frame, checked))) {
      ++stats.frames_made;
    } else {
      TRY(reader.fetch_frame(index, frame, stored));
      TRY(decoder.decode(image, frame, stored, checked));
      ++stats.frames_fetched;
      stats.bytes_fetched += stored.size();
    }
    TRY(target.append(checked));
    stats.bytes_written += checked.size();
    if (options.streamed) options.streamed(frame + 1);
  }
  return target.finish();
}

}  // namespace

Result<InstallStats> stream_image(bundle::Reader& reader, std::size_t image, StreamTarget& target, const InstallOptions& options) {
  InstallStats stats{.frames = reader.manifest().images.at(image).frame_count()};
  if (auto done = stream_frames(reader, image, target, options, stats); !done) {
    target.abort();
    return fail(std::move(done).error());
  }
  if (options.settled) options.settled(stats.frames);
  return stats;
}

Result<InstallStats> install_to(bundle::Reader& reader, std::size_t image, Target& target, const InstallOptions& options) {
  const bundle::Image& what = reader.manifest().images.at(image);
  if (auto* stream = std::get_if<std::unique_ptr<StreamTarget>>(&target)) {
    const InstallStats stats = TRY(stream_image(reader, image, **stream, options));
    if (const bundle::ReadContent written = (*stream)->written(); what.verity && written) TRY(bundle::check_verity(written, *what.verity));
    return stats;
  }
  DeviceTarget& device = *std::get<std::unique_ptr<DeviceTarget>>(target);
  const InstallStats stats = TRY(install_image(reader, image, device.device(), options));
  if (what.verity) {
    TRY(bundle::check_verity([&](std::uint64_t offset, MutableByteView buffer) { return device.device().read(offset, buffer); },
                             *what.verity));
  }
  TRY(device.finish(what));
  return stats;
}

}  // namespace aloft::storage
