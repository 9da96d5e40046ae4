// The updater's actions that touch bundle and slots: open, prepare_target, write_images.
#include <algorithm>

#include "agent/delta_source.hpp"
#include "agent/recovery_mark.hpp"
#include "agent/target_choice.hpp"
#include "agent/updater.hpp"
#include "base/log.hpp"
#include "bundle/compatibility.hpp"
#include "bundle/errors.hpp"
#include "storage/errors.hpp"
#include "storage/stream_installer.hpp"
#include "update/errors.hpp"
#include "update/floor.hpp"

namespace aloft::agent {

using update::Event;
using update::EventKind;
using update::State;

namespace {

constexpr std::uint64_t kMarkEveryBytes = 64ULL << 20;
constexpr std::uint64_t kTallyEveryBytes = 1ULL << 20;
constexpr std::chrono::seconds kWatchLimits{10};
constexpr std::uint64_t kSettleDeltaBytes = 4ULL << 20;

}  // namespace

Result<Event> Updater::open_bundle() {
  bundle_.reset();
  TRY(finish_last_commit());
  tally_ = DownloadTally::read(seams_.files, state_.update);
  tallied_bytes_ = 0;
  const DownloadLimits limits = seams_.surroundings.download_limits(state_.deployment);
  spent_before_bytes_ = tally_->fetched_bytes();
  limits_seen_ = seams_.clock.steady();
  TRY(check_limits(limits, spent_before_bytes_, 0));
  seams_.bundles.limit_fetching(limits.left(spent_before_bytes_), limits.why);
  seams_.bundles.end_with(stop_token());
  std::unique_ptr<OpenBundle> opened = TRY(seams_.bundles.open(state_.source));
  const bundle::Reader& reader = opened->reader();
  const boot::BootState boot = TRY(seams_.boot.read());
  const std::string target = TRY(choose_target(reader.manifest(), seams_.slots, boot, config_.booted, config_.recovery));
  bundle::DeviceFacts facts{.product = config_.product, .hardware = config_.hardware};
  facts.security_floor = TRY(update::read_floor(seams_.files));
  facts.slots = TRY(seams_.slots.facts(target));
  TRY(bundle::check_compatible(reader.manifest(), facts));
  TRY(check_refusals(reader.manifest()));
  order_ = TRY(bundle::writing_order(reader.manifest(), facts.slots,
                                     opened->is_remote() || reader.any_order() ? bundle::Seek::can : bundle::Seek::cannot));
  TRY(plan_images(*opened, target, limits));
  TRY(check_hold(reader.manifest(), target, facts.slots));
  const bool elsewhere = target == config_.booted;
  if (elsewhere && !opened->is_remote() && !reader.any_order())
    return fail(update::kStreamForRecovery,
                "the recovery system has to install this, and cannot read a stream again; give a file or an address");
  if (!elsewhere) bundle_ = std::move(opened);

  State known;
  known.manifest_sha256 = to_hex(reader.manifest_sha256());
  known.version = reader.manifest().version;
  known.security_version = reader.manifest().security_version;
  known.origin = config_.booted;
  known.target = target;
  if (elsewhere || in_recovery() || target == config_.recovery) known.via = config_.recovery;
  return Event{elsewhere ? EventKind::elsewhere : EventKind::opened, known};
}

// A recovery system installs to its end: there is no other system by then.
std::optional<Error> Updater::hold() const {
  if (state_.deployment == 0 || in_recovery()) return std::nullopt;
  return seams_.surroundings.hold(state_.deployment);
}

// What cannot be written without the running system noticing is not even begun while it is held.
Result<> Updater::check_hold(const bundle::Manifest& manifest, const std::string& target,
                             const std::map<std::string, SlotFacts>& slots) const {
  const auto held = hold();
  if (!held) return {};
  const bool shares = std::ranges::any_of(manifest.images, [&](const bundle::Image& image) {
    const auto slot = slots.find(image.slot_class);
    return slot != slots.end() && slot->second.shared;
  });
  if (target != config_.booted && !shares) return {};
  const char* const why = shares ? "it writes slots that the running system uses" : "the recovery system has to write it";
  return fail(held->code, "not downloaded yet, since " + std::string(why) + ": " + held->message);
}

// A running slot that holds an old image; a recovery system has none.
bool Updater::can_use_old(const std::string& target) const { return !in_recovery() && target != config_.booted; }

// By bytes. The limits are for the whole update: what an earlier start has fetched is among its images' bytes. Reading ends at them in any
// case.
Result<> Updater::plan_images(OpenBundle& opened, const std::string& target, const DownloadLimits& limits) {
  const auto& images = opened.reader().manifest().images;
  std::vector<ImageWays> ways;
  for (std::size_t index = 0; index < images.size(); ++index) {
    ImageWays& image = ways.emplace_back();
    for (const bundle::StoredFrame& frame : images[index].stored) image.full_bytes += frame.size_bytes;
    if (!can_use_old(target)) continue;
    image.delta_bytes = opened.delta_bytes(index);
    if (config_.reuse && opened.file() != nullptr && images[index].blocks && images[index].type == "raw")
      image.reuse = ImageWays::Reuse{.index_bytes = images[index].blocks_section_bytes(), .missing_bytes = {}};
  }
  plan_ = plan_download(ways);
  if (!opened.is_remote()) return {};
  std::string text;
  for (std::size_t index = 0; index < images.size(); ++index)
    text += " '" + images[index].name + "' by " + std::string(protocol::to_string(plan_.images[index])) + ",";
  log::info("update: planned:" + text + " about " + std::to_string(plan_.expected_bytes) + " bytes to fetch");
  const auto good = check_limits(limits, 0, plan_.expected_bytes);
  tallied_bytes_ = opened.fetched_bytes();
  tally_->fetched(tallied_bytes_);
  if (const auto kept = tally_->keep(seams_.files); !kept) log::debug("update: " + kept.error().text());
  return good;
}

// From here on, until it is armed, no power cut can make the boot loader choose the target.
Result<> Updater::prepare_target() {
  const boot::BootState boot = TRY(seams_.boot.read());
  const auto running = std::ranges::find(boot.order, config_.booted, &boot::SlotState::name);
  // It has been started for this, and the normal system is about to be no more.
  if (in_recovery() && running != boot.order.end() && running->health != boot::SlotHealth::committed) {
    TRY(commit_running());
    return abandon_target();
  }
  if (running == boot.order.end() || running->health != boot::SlotHealth::committed) {
    return fail(update::kNotNow, "the running group " + config_.booted + " is not committed, so it is the only way back");
  }
  if (state_.target == config_.recovery && !config_.recovery.empty()) TRY(unmark_recovery(seams_.files));
  return abandon_target();
}

Result<> Updater::write_all_images() {
  if (state_.target == config_.booted) return fail(storage::kDeviceBusy, "group " + state_.target + " runs; it is never written");
  const std::stop_token stop = stop_token();
  bundle::Reader& reader = bundle_->reader();
  for (std::size_t place = 0; place < order_.size(); ++place) TRY(write_image(reader, place, stop));
  if (!bundle_->has_delta()) TRY(reader.check_end());  // of a full bundle that was perhaps never opened there is no end to look at
  return {};
}

Result<> Updater::write_images() {
  const Result<> written = write_all_images();
  tally();
  const bool remote = bundle_->is_remote();
  if (remote) seams_.surroundings.downloaded(tally_->total(written ? bundle_->reader().size_bytes() : 0));
  if (written) bundle_.reset();
  return written;
}

// The link may be another by now.
void Updater::watch_limits() {
  const SteadyTime now = seams_.clock.steady();
  if (!bundle_->is_remote() || now - limits_seen_ < kWatchLimits) return;
  limits_seen_ = now;
  const DownloadLimits limits = seams_.surroundings.download_limits(state_.deployment);
  seams_.bundles.limit_fetching(limits.left(spent_before_bytes_), limits.why);
  const auto good = check_limits(limits, 0, 0);
  if (good || state_.deployment == 0 || in_recovery()) return;
  State facts;
  facts.error = good.error().code.number;
  facts.error_name = good.error().code.name;
  facts.message = good.error().message;
  interrupt(Event{EventKind::defer, facts});
}

// What is not kept is not counted after a power cut: at most kTallyEveryBytes, and what is fetched until a frame is settled.
void Updater::tally() {
  const std::uint64_t fetched = bundle_->fetched_bytes();
  if (fetched == tallied_bytes_) return;
  tally_->fetched(fetched - tallied_bytes_);
  tallied_bytes_ = fetched;
  if (const auto kept = tally_->keep(seams_.files); !kept) log::debug("update: " + kept.error().text());
}

// What runs is the old image: the slot of the running group. In a recovery system there is none.
std::unique_ptr<storage::FrameMaker> Updater::frames_by_delta(const bundle::Image& image, std::size_t index) {
  if (!bundle_->has_delta() || !can_use_old(state_.target) || plan_.images[index] != DownloadMethod::delta) return nullptr;
  if (bundle_->starts_from_tree(index)) {
    auto tree = seams_.slots.look_into(config_.booted, image.slot_class);
    if (!tree) log::warning("delta: the running slot cannot be looked into: " + tree.error().text());
    return tree && *tree ? bundle_->by_delta_of_tree(index, *std::move(tree)) : nullptr;
  }
  auto old = seams_.slots.look(config_.booted, image.slot_class);
  if (!old) log::warning("delta: the running slot cannot be read: " + old.error().text());
  if (!old || !*old) return nullptr;
  return bundle_->by_delta(index, *std::move(old));
}

// From every slot of the class but the one that is written. None where no slot has enough.
Result<std::unique_ptr<ReuseFrames>> Updater::frames_by_reuse(const bundle::Image& image, std::size_t index, const std::stop_token& stop) {
  if (plan_.images[index] != DownloadMethod::reuse) return nullptr;
  BlockIndex blocks;
  std::vector<std::unique_ptr<ByteSource>> slots;
  for (const std::string& group : seams_.slots.groups()) {
    if (group == state_.target) continue;
    auto slot = seams_.slots.look(group, image.slot_class);
    if (!slot || !*slot) continue;
    const auto names = seams_.slots.block_names(group, image.slot_class, **slot, [&stop] { return stop.stop_requested(); });
    if (!names && stop.stop_requested()) return fail(names.error());
    if (!names) log::warning("reuse: slot " + image.slot_class + " of group " + group + " cannot be read: " + names.error().text());
    if (!names) continue;
    blocks.add(static_cast<std::uint32_t>(slots.size()), *names);
    slots.push_back(*std::move(slot));
  }
  if (slots.empty()) return nullptr;
  blocks.seal();
  ByteSource& file = *bundle_->file();
  const bundle::Reader& reader = bundle_->reader();
  auto wanted = TRY(fetch_blocks(reader, index, file));
  auto started = start_unpacking(rebuild_program(), image.size_bytes);
  if (!started) {
    log::warning("reuse: " + started.error().text());
    return nullptr;
  }
  const auto fill = [program = std::shared_ptr(*std::move(started))](MutableByteView content, std::span<const delta::Gap> gaps) {
    return program->fill(content, gaps);
  };
  auto frames = std::make_unique<ReuseFrames>(reader, index, file, std::move(wanted), std::move(blocks), std::move(slots), fill);
  TRY(frames->find_shifted([&stop] { return stop.stop_requested(); }));
  log::info("update: image '" + image.name + "' by reuse: " + std::to_string(frames->missing_bytes()) + " bytes are missing");
  tally();
  TRY(check_limits(seams_.surroundings.download_limits(state_.deployment), tally_->fetched_bytes(), frames->missing_bytes()));
  return frames;
}

Result<> Updater::write_image(bundle::Reader& reader, std::size_t place, const std::stop_token& stop) {
  const std::vector<bundle::Image>& images = reader.manifest().images;
  const std::size_t index = order_[place];
  const bundle::Image& image = images[index];
  storage::Target target = TRY(seams_.slots.open(state_.target, image));
  std::uint64_t before = 0;
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    total += images[order_[i]].size_bytes;
    if (i < place) before += images[order_[i]].size_bytes;
  }
  storage::InstallOptions options;
  options.workers = config_.workers;
  options.settle_bytes = config_.settle_bytes;
  options.fetching = bundle_->is_remote() ? storage::Fetching::after_flush : storage::Fetching::ahead;
  const auto by_delta = frames_by_delta(image, index);
  const auto by_reuse = by_delta ? nullptr : TRY(frames_by_reuse(image, index, stop));
  options.maker = by_delta ? by_delta.get() : static_cast<storage::FrameMaker*>(by_reuse.get());
  // The records of many frames are smaller than one stored frame: a cut costs little, and the flash is spared a flush for each.
  if (options.maker != nullptr) options.fetching = storage::Fetching::ahead;
  if (options.maker != nullptr) options.settle_bytes = std::min(options.settle_bytes, kSettleDeltaBytes);
  options.stop = stop;
  options.likely_frames = likely_frames(image, place);
  if (by_reuse) bundle_->file()->plan(by_reuse->missing_runs(options.likely_frames));
  options.streamed = [&](std::uint64_t frames) {
    const std::uint64_t done = before + std::min(frames * image.frame_size_bytes, image.size_bytes);
    tell_progress(static_cast<std::uint64_t>(static_cast<double>(done) * 1000.0 / static_cast<double>(total)));
  };
  options.settled = [&](std::uint64_t frames) {
    mark(place, frames, image.frame_size_bytes);
    if (bundle_->fetched_bytes() - tallied_bytes_ >= kTallyEveryBytes) tally();
    watch_limits();
    options.streamed(frames);
  };
  const storage::InstallStats stats = TRY(storage::install_to(reader, index, target, options));
  TRY(seams_.slots.written(image));
  if (by_reuse) bundle_->file()->plan({});
  if (stats.frames_made > 0) tally_->went(by_delta ? DownloadMethod::delta : DownloadMethod::reuse);
  if (stats.frames_made == 0 && stats.frames_fetched > 0) tally_->went(protocol::DownloadMethod::full);
  log::info("update: image '" + image.name + "': " + std::to_string(stats.frames) + " frames, " + std::to_string(stats.frames_fetched) +
            " fetched (" + std::to_string(stats.bytes_fetched) + " bytes), " + std::to_string(stats.frames_made) + " made " +
            (by_reuse ? "by reuse, " : "by a delta, ") + std::to_string(stats.frames_in_place) + " in place, " +
            std::to_string(stats.bytes_written) + " bytes written");
  return {};
}

// After a cut: what was marked, and what may have been written since.
std::uint64_t Updater::likely_frames(const bundle::Image& image, std::size_t place) const {
  const update::Mark& mark = state_.mark;
  if (place < mark.image) return image.frame_count();
  if (place > mark.image || mark.frames == 0) return 0;
  return mark.frames + 2 * kMarkEveryBytes / image.frame_size_bytes;
}

// A mark that cannot be recorded costs a later start some time, nothing else.
void Updater::mark(std::uint64_t image, std::uint64_t frames, std::uint64_t frame_bytes) {
  State state = state_;
  const bool first = state.mark.frames == 0 || state.mark.image != image;
  if (!first && (frames - std::min(frames, state.mark.frames)) * frame_bytes < kMarkEveryBytes) return;
  state.mark = {image, frames};
  tally();
  if (auto added = journal_->add(state); !added) return log::warning("update: " + added.error().text());
  const std::lock_guard lock(mutex_);
  state_ = state;
}

void Updater::tell_progress(std::uint64_t permille) {
  {
    const std::lock_guard lock(mutex_);
    progress_permille_ = permille;
  }
  seams_.surroundings.progress(permille);
}

}  // namespace aloft::agent
