// A bundle by way of a delta: its first bytes and most of its frames come from the delta and from a slot, the rest from the full bundle.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/byte_source.hpp"
#include "bundle/manifest.hpp"
#include "delta/patch.hpp"
#include "delta/rebuilder.hpp"
#include "protocol/delta_ability.hpp"
#include "protocol/messages.hpp"
#include "storage/installer.hpp"

namespace aloft::agent {

// A source may name a delta behind the bundle: "https://.../2.0.aloft#delta=https://.../1.0-2.0.delta".
struct SourceParts {
  std::string bundle;
  std::string delta;  // empty: none
};
SourceParts split_source(const std::string& source);
std::string join_source(const SourceParts& parts);
// Of what the server at this address has assigned.
std::string source_of(const std::string& server, const protocol::Assignment::Deployment& deployment);
// With the paths in it made absolute.
std::string absolute_source(const std::string& source);

// The new bundle as a source: header, manifest and signature as the delta has them, everything else from the full bundle, which is opened
// when the first byte of it is needed. Whoever reads checks both, as with any bundle.
class DeltaOverlay final : public ByteSource {
 public:
  using OpenFull = std::function<Result<std::unique_ptr<ByteSource>>()>;
  // limit_bytes: the most that may be read from the full bundle. any_order: it is a local file. Errors: kNoBundleDelta for a delta that
  // makes a bare image.
  static Result<std::unique_ptr<DeltaOverlay>> create(const delta::Patch& patch, OpenFull open_full, std::uint64_t limit_bytes,
                                                      bool any_order);
  // Errors: kFallbackLimit, those of opening and reading the full bundle.
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override;
  bool any_order() const override { return any_order_; }
  std::uint64_t full_bytes() const { return full_bytes_; }  // read from the full bundle so far
  std::uint64_t left_bytes() const { return limit_bytes_ - std::min(limit_bytes_, full_bytes_); }

 private:
  DeltaOverlay(Bytes preamble, OpenFull open_full, std::uint64_t limit_bytes, bool any_order)
      : preamble_(std::move(preamble)), open_full_(std::move(open_full)), limit_bytes_(limit_bytes), any_order_(any_order) {}
  const Bytes preamble_;
  const OpenFull open_full_;
  const std::uint64_t limit_bytes_;
  const bool any_order_;
  std::mutex mutex_;
  std::unique_ptr<ByteSource> full_;
  std::uint64_t full_bytes_ = 0;
};

// Has an image's frames made from the delta and the old image, in a confined program. One thread at a time.
class DeltaFrames final : public storage::FrameMaker {
 public:
  // Whether this frame and all behind it may come from the full bundle; asked once, when the delta is given up.
  using MayLeave = std::function<Result<>(std::uint64_t frame)>;
  // The patch must outlive this. `old` is only read; one with a descriptor by the program itself, another one by this process.
  DeltaFrames(delta::Patch& patch, std::size_t image, std::unique_ptr<ByteSource> old, delta::RebuildSpec program, MayLeave may_leave)
      : patch_(patch), image_(image), old_(std::move(old)), program_(std::move(program)), may_leave_(std::move(may_leave)) {}

  // False also after several frames in a row that did not come out right, as when the old image is another one, and when the program is
  // lost. Errors: those of fetching that are of kind retry, and those by which an update waits (is_for_later).
  Result<bool> make(std::uint64_t frame, MutableByteView content) override;
  void checked(bool right) override;

 private:
  Result<> have_made(std::uint64_t frame, MutableByteView content);
  unsigned patience() const;
  void give_up(const std::string& why);
  void count_wrong(const std::string& why);
  delta::Patch& patch_;
  const std::size_t image_;
  const std::unique_ptr<ByteSource> old_;
  const delta::RebuildSpec program_;
  const MayLeave may_leave_;
  std::unique_ptr<delta::Rebuilder> rebuilder_;  // from the first frame on, which may be none
  Bytes record_;
  unsigned wrong_ = 0;  // in a row
  bool left_ = false;   // the full bundle may serve for the rest
};

// The program in which this one has frames made: aloft-rebuild where it stands beside it, since that takes less memory; else itself.
delta::RebuildSpec rebuild_program();
// What this agent tells its server of the deltas that it can apply.
protocol::DeltaAbility own_delta_ability();
// For unpacking only: of an image of so many bytes, or (0) of parts of a delta. Says in the log what the kernel does not hold it by.
// Errors: kNoWorker, those of Rebuilder.
Result<std::unique_ptr<delta::Rebuilder>> start_unpacking(const delta::RebuildSpec& program, std::uint64_t image_bytes);

// Whether the delta's image is about this image of its manifest, and starts from an old one.
bool delta_serves(const delta::Patch& patch, const bundle::Manifest& manifest, std::size_t image);

}  // namespace aloft::agent
