#include "delta/rebuild_worker.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <new>
#include <optional>

#include "base/confinement.hpp"
#include "base/file.hpp"
#include "delta/description.hpp"
#include "delta/errors.hpp"
#include "delta/image_frames.hpp"
#include "delta/packed.hpp"
#include "delta/rebuild_wire.hpp"

namespace aloft::delta {
namespace {

constexpr std::string_view kWord = "confined-rebuild";

// The agent's descriptor of the old image.
class PassedImage final : public ByteSource {
 public:
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    return read_full_at(kWorkerOldImage, buffer, offset);
  }
  bool any_order() const override { return true; }
};

class Worker final : private ByteSource {
 public:
  // Until the agent has no more to say.
  Result<> serve(const Confinement& held) {
    Bytes greeting(8);
    store_le32(greeting, kWireVersion);
    store_le32(std::span(greeting).subspan(4), (held.filtered ? kFiltered : 0U) | (held.unprivileged ? kUnprivileged : 0U));
    TRY(say(MessageKind::ready, greeting));
    while (TRY(hear())) {
      const auto answered = answer();
      if (!answered) TRY(say(MessageKind::failed, encode_failure(answered.error())));
    }
    return {};
  }

 private:
  // The next message into kind_ and body_; false at the end.
  Result<bool> hear() {
    std::array<std::byte, kMessageHeadBytes> head{};
    if (TRY(read_full(kWorkerSocket, head)) < head.size()) return false;
    kind_ = static_cast<MessageKind>(load_le32(head));
    body_.resize(static_cast<std::size_t>(load_le64(std::span(head).subspan(8))));
    return TRY(read_full(kWorkerSocket, body_)) == body_.size();
  }

  Result<> say(MessageKind kind, ByteView body) {
    TRY(write_all(kWorkerSocket, encode_head({kind, body.size()})));
    return write_all(kWorkerSocket, body);
  }

  Result<> answer() {
    switch (kind_) {
      case MessageKind::unpack: return unpack();
      case MessageKind::image: return begin();
      case MessageKind::make: return make();
      case MessageKind::fill: return fill();
      default: return fail(kBadDelta, "the agent said what there is no answer to");
    }
  }

  Result<> unpack() {
    Input in(body_);
    const std::uint64_t limit = load_le64(TRY(in.take(sizeof(std::uint64_t))));
    Bytes content;
    TRY(unpacker_.unpack(TRY(in.take(in.size())), limit, content));
    return say(MessageKind::bytes, content);
  }

  Result<> begin() {
    Input in(body_);
    asks_ = TRY(in.varint()) != 0;
    plan_ = TRY(take_making(in));
    frames_.emplace(plan_, [this](std::uint64_t frame, Bytes& record) { return fetch(frame, record); });
    return say(MessageKind::ready, {});
  }

  Result<> make() {
    Input in(body_);
    frame_ = load_le64(TRY(in.take(sizeof(std::uint64_t))));
    const ByteView record = TRY(in.take(in.size()));
    if (!frames_ || frame_ >= plan_.frame_count()) return fail(kBadDelta, "there is no such frame");
    record_.assign(record.begin(), record.end());
    content_.resize(static_cast<std::size_t>(plan_.content_bytes(frame_)));
    TRY(frames_->make(frame_, asks_ ? static_cast<ByteSource&>(*this) : passed_, content_));
    return say(MessageKind::frame, content_);
  }

  // In order: what stands before a gap may have been a gap itself.
  Result<> fill() {
    constexpr std::size_t kGapHeadBytes = 12;
    Input in(body_);
    const ByteView present = TRY(in.take(load_le64(TRY(in.take(sizeof(std::uint64_t))))));
    content_.assign(present.begin(), present.end());
    while (!in.empty()) {
      const ByteView head = TRY(in.take(kGapHeadBytes));
      const std::size_t offset = load_le32(head);
      const std::size_t size = load_le32(head.subspan(4));
      const ByteView packed = TRY(in.take(load_le32(head.subspan(8))));
      if (offset > content_.size() || size > content_.size() - offset) return fail(kBadDelta, "a gap is not within its content");
      TRY(unpacker_.unpack_behind(ByteView(content_).first(offset), packed, std::span(content_).subspan(offset, size)));
    }
    return say(MessageKind::frame, content_);
  }

  // The record of the frame that is made came with it; the agent is asked for an earlier one.
  Result<> fetch(std::uint64_t frame, Bytes& record) {
    if (frame == frame_) {
      record = record_;
      return {};
    }
    Bytes wanted(sizeof(std::uint64_t));
    store_le64(wanted, frame);
    TRY(say(MessageKind::want, wanted));
    if (!TRY(hear()) || kind_ != MessageKind::record) return fail(kBadRecord, "an earlier record is not to be had");
    record = body_;
    return {};
  }

  // The old image, when the agent is asked for it; the frame's own record has been put aside by then.
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    if (offset >= plan_.source_bytes) return std::size_t{0};
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), plan_.source_bytes - offset));
    for (std::size_t done = 0; done < size;) {
      const std::size_t step = std::min(size - done, kMaxOldBytes);
      Bytes wanted(2 * sizeof(std::uint64_t));
      store_le64(wanted, offset + done);
      store_le64(std::span(wanted).subspan(sizeof(std::uint64_t)), step);
      TRY(say(MessageKind::old, wanted));
      if (!TRY(hear()) || kind_ != MessageKind::old_bytes || body_.size() != step)
        return fail(kWrongSource, "a file of the old tree is not there, or is another than the delta starts from");
      std::ranges::copy(body_, buffer.begin() + static_cast<std::ptrdiff_t>(done));
      done += step;
    }
    return size;
  }
  bool any_order() const override { return false; }

  PassedImage passed_;
  Unpacker unpacker_;
  ImagePlan plan_;
  std::optional<ImageFrames> frames_;
  MessageKind kind_{};
  Bytes body_;
  bool asks_ = false;  // the agent for the old image
  std::uint64_t frame_ = 0;
  Bytes record_;
  Bytes content_;
};

[[noreturn]] void end_without_memory() { ::_exit(kOutOfMemoryStatus); }

}  // namespace

std::vector<std::string> worker_arguments(std::uint64_t cpu_seconds) {
  return {std::string(kWord), std::to_string(::getpid()), std::to_string(cpu_seconds)};
}

bool is_rebuild_worker(int argc, const char* const* argv) { return argc == 4 && argv[1] == kWord; }

int run_rebuild_worker(const char* const* argv) {
  ConfinementLimits limits{.memory_bytes = kWorkerMemoryBytes};
  std::int64_t seconds = 0;
  const auto number = [](const char* text, auto& value) {
    return std::from_chars(text, text + std::strlen(text), value).ec == std::errc{};
  };
  if (!number(argv[2], limits.parent) || !number(argv[3], seconds)) return 2;
  limits.cpu = std::chrono::seconds(seconds);
  ::syscall(SYS_close_range, kWorkerOldImage + 1, ~0U, 0);
  std::set_new_handler(end_without_memory);
  Worker worker;
  const Confinement held = confine(limits);
  ::_exit(worker.serve(held) ? 0 : 1);  // not what runs at a usual exit: it may ask the kernel for more
}

}  // namespace aloft::delta
