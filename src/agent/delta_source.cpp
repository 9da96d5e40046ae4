#include "agent/delta_source.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "agent/download_plan.hpp"
#include "agent/errors.hpp"
#include "base/log.hpp"
#include "bundle/container.hpp"

namespace aloft::agent {
namespace {

constexpr std::string_view kDeltaMark = "#delta=";
constexpr unsigned kPatience = 8;       // frames in a row that come out wrong: the old image is another one
constexpr unsigned kTreePatience = 64;  // of a tree, where it may be a large file that was changed

}  // namespace

SourceParts split_source(const std::string& source) {
  const auto at = source.find(kDeltaMark);
  if (at == std::string::npos) return {source, {}};
  return {source.substr(0, at), source.substr(at + kDeltaMark.size())};
}

std::string join_source(const SourceParts& parts) {
  return parts.delta.empty() ? parts.bundle : parts.bundle + std::string(kDeltaMark) + parts.delta;
}

std::string source_of(const std::string& server, const protocol::Assignment::Deployment& deployment) {
  SourceParts parts{.bundle = server + std::string(protocol::kArtifactPath) + deployment.artifact_sha256, .delta = {}};
  if (deployment.delta) parts.delta = deployment.delta->url.starts_with('/') ? server + deployment.delta->url : deployment.delta->url;
  return join_source(parts);
}

std::string absolute_source(const std::string& source) {
  SourceParts parts = split_source(source);
  for (std::string* part : {&parts.bundle, &parts.delta})
    if (!part->empty() && !part->contains("://")) *part = std::filesystem::absolute(*part).lexically_normal().string();
  return join_source(parts);
}

Result<std::unique_ptr<DeltaOverlay>> DeltaOverlay::create(const delta::Patch& patch, OpenFull open_full, std::uint64_t limit_bytes,
                                                           bool any_order) {
  if (!patch.bundle()) return fail(kNoBundleDelta, "the delta makes a bare image, not a bundle; make it of two bundles");
  return std::unique_ptr<DeltaOverlay>(new DeltaOverlay(bundle::encode_preamble(patch.bundle()->manifest_text, patch.bundle()->signature),
                                                        std::move(open_full), limit_bytes, any_order));
}

Result<std::size_t> DeltaOverlay::read_at(std::uint64_t offset, MutableByteView buffer) {
  std::size_t done = 0;
  if (offset < preamble_.size()) {
    done = std::min(buffer.size(), preamble_.size() - static_cast<std::size_t>(offset));
    std::copy_n(preamble_.begin() + static_cast<std::ptrdiff_t>(offset), done, buffer.begin());
  }
  if (done == buffer.size()) return done;
  const std::lock_guard lock(mutex_);
  const auto rest = buffer.subspan(done);
  if (rest.size() > limit_bytes_ - std::min(limit_bytes_, full_bytes_))
    return fail(kFallbackLimit, "the delta does not serve, and the full bundle would cost more than the " + std::to_string(limit_bytes_) +
                                    " bytes that download.delta_fallback_kib allows; make a delta for what runs here, or raise it");
  if (!full_) full_ = TRY(open_full_());
  const auto more = TRY(full_->read_at(offset + done, rest));
  full_bytes_ += more;
  return done + more;
}

protocol::DeltaAbility own_delta_ability() {
  protocol::DeltaAbility ability{.format = delta::kNewestFormat, .compressors = {}};
  for (const auto compressor :
       {delta::Compressor::zstd, delta::Compressor::xz, delta::Compressor::zlib, delta::Compressor::lz4, delta::Compressor::gzip})
    ability.compressors.emplace(delta::name_of(compressor), delta::library_version(compressor));
  return ability;
}

delta::RebuildSpec rebuild_program() {
  std::error_code unknown;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", unknown);
  const auto beside = self.parent_path() / "aloft-rebuild";
  const bool there = !unknown && ::access(beside.c_str(), X_OK) == 0;
  return {.program = {there ? beside.string() : "/proc/self/exe"}};
}

Result<std::unique_ptr<delta::Rebuilder>> start_unpacking(const delta::RebuildSpec& program, std::uint64_t image_bytes) {
  auto rebuilder = TRY(delta::Rebuilder::start(program, -1, image_bytes));
  if (!rebuilder->confinement().filtered)
    log::warning(
        "delta: this kernel has no seccomp filters (CONFIG_SECCOMP_FILTER): the program that makes frames is held by its user and its "
        "limits only");
  if (!rebuilder->confinement().unprivileged)
    log::warning("delta: the program that makes frames cannot become another user than root here; it has no capability");
  return rebuilder;
}

// The program is started with the first frame, so that one which cannot be started is as any that is lost.
Result<> DeltaFrames::have_made(std::uint64_t frame, MutableByteView content) {
  const delta::ImagePlan& plan = patch_.images()[image_];
  if (!rebuilder_) {
    rebuilder_ = TRY(delta::Rebuilder::start(program_, old_->descriptor(), plan.target_bytes));
    TRY(rebuilder_->begin(plan, old_->descriptor() < 0 ? old_.get() : nullptr));
  }
  TRY(patch_.fetch_record(image_, frame, record_));
  return rebuilder_->make(frame, record_, content,
                          [this](std::uint64_t earlier, Bytes& record) { return patch_.fetch_record(image_, earlier, record); });
}

unsigned DeltaFrames::patience() const { return patch_.images()[image_].is_of_tree() ? kTreePatience : kPatience; }

Result<bool> DeltaFrames::make(std::uint64_t frame, MutableByteView content) {
  if (wrong_ >= patience()) {
    if (!left_) TRY(may_leave_(frame));
    left_ = true;
    return false;
  }
  auto built = have_made(frame, content);
  if (built) return true;
  if (is_for_later(built.error())) return fail(std::move(built).error());
  if (!rebuilder_ || rebuilder_->is_lost()) {
    give_up(built.error().text());
    return make(frame, content);
  }
  if (built.error().code.kind == ErrorKind::ask) {
    give_up("it can no longer be fetched: " + built.error().text());
    return make(frame, content);
  }
  if (built.error().code.kind != ErrorKind::reject) return fail(std::move(built).error());
  count_wrong(built.error().text());
  return false;
}

// It is no longer there or not for us, as when the server has dropped it; or there is nothing to apply it with.
void DeltaFrames::give_up(const std::string& why) {
  log::warning("delta: " + why + "; the rest comes from the full bundle");
  wrong_ = patience();
  rebuilder_.reset();
}

void DeltaFrames::checked(bool right) {
  if (right) {
    wrong_ = 0;
  } else {
    count_wrong("it is not what the manifest names; the running slot is not what the delta starts from, or was written to");
  }
}

void DeltaFrames::count_wrong(const std::string& why) {
  if (wrong_++ == 0) log::warning("delta: a frame is taken from the full bundle instead: " + why);
  if (wrong_ < patience()) return;
  log::warning("delta: it does not serve here; the rest comes from the full bundle");
  rebuilder_.reset();
}

bool delta_serves(const delta::Patch& patch, const bundle::Manifest& manifest, std::size_t image) {
  if (image >= patch.images().size()) return false;
  const delta::ImagePlan& plan = patch.images()[image];
  const bundle::Image& what = manifest.images[image];
  return plan.name == what.name && plan.target_bytes == what.size_bytes && plan.frame_bytes() == what.frame_size_bytes;
}

}  // namespace aloft::agent
