// Has frames made in a confined program beside this one.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/child.hpp"
#include "base/confinement.hpp"
#include "delta/image_frames.hpp"

namespace aloft::delta {

struct RebuildSpec {
  std::vector<std::string> program;                             // words of worker_arguments() are added
  std::chrono::milliseconds silence{std::chrono::minutes{10}};  // one answer may take so long
  std::chrono::seconds cpu{30};                                 // or so much of the processor,
  std::chrono::seconds cpu_per_mib{60};                         // and so much for each MiB of the frame
};

// A part of a content that is not there yet, packed behind all that stands before it.
struct Gap {
  std::uint32_t offset;
  std::uint32_t size_bytes;
  ByteView packed;
};

// What the program says is not trusted: at worst a frame is wrong, which its digest tells, or the program is given up. Then it is killed,
// and this and every later call has the same error: kWorkerLost (it ended, was killed, or did what it may not), kWorkerStuck,
// kWorkerMemory, kWorkerProtocol. Memory of this process: no more than a record and a frame, or than the limit of what is unpacked. One
// thread; the program ends when the thread does that started it.
class Rebuilder {
 public:
  // Without an old image (-1) it only unpacks; `old_image` is passed on as it is, and should be open for reading only. Errors: kNoWorker.
  static Result<std::unique_ptr<Rebuilder>> start(const RebuildSpec& spec, int old_image, std::uint64_t image_bytes);
  // Whoever is at the other end of the socket; `child`, if any, is watched and killed.
  Rebuilder(RebuildSpec spec, Fd socket, std::optional<Child> child);

  // Its first words; start() has heard them.
  Result<> greet();
  // As Unpacker. Errors: kBadDelta, those above.
  Result<> unpack(ByteView packed, std::uint64_t limit_bytes, Bytes& content);
  // The image whose frames make() is asked for. `old`, if any, is asked for bytes of the old image in place of the descriptor; it must
  // outlive the last make().
  Result<> begin(const ImagePlan& plan, ByteSource* old = nullptr);
  // `content` must have the frame's size. `earlier` is asked for the record of one of the 31 frames before, at most once. Errors:
  // kBadRecord, kBadDelta, kWrongSource (the old image cannot be read, too), those of `earlier`, those above.
  Result<> make(std::uint64_t frame, ByteView record, MutableByteView content, const FetchRecord& earlier);

  // Fills the gaps, which are in rising order, from what is packed; all of `content` is then what the program says. Errors: kBadDelta,
  // those above.
  Result<> fill(MutableByteView content, std::span<const Gap> gaps);

  bool is_lost() const { return lost_.has_value(); }
  const Confinement& confinement() const { return confinement_; }
  std::optional<std::int32_t> pid() const;

 private:
  struct Answer;
  Result<> ask(std::uint32_t kind, ByteView head, ByteView body, std::uint64_t work_bytes);
  Result<> send(ByteView bytes);
  Result<> receive(MutableByteView bytes);
  Result<> wait(short events);
  Result<Answer> answer();
  Result<> failure(std::uint64_t size_bytes);
  Result<> lend(std::uint64_t frame, const FetchRecord& earlier);
  Result<> lend_old();
  std::unexpected<Error> lose(const ErrorCode& code, const std::string& why);
  std::unexpected<Error> ended();
  std::chrono::nanoseconds cpu_used() const;

  const RebuildSpec spec_;
  Fd socket_;
  std::optional<Child> child_;
  std::optional<Error> lost_;
  ByteSource* old_ = nullptr;
  std::uint64_t old_bytes_ = 0;  // of the whole old image
  Confinement confinement_;
  std::chrono::steady_clock::time_point silent_until_;
  std::chrono::nanoseconds cpu_until_{0};
};

}  // namespace aloft::delta
