#include "delta/rebuilder.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "delta/description.hpp"
#include "delta/errors.hpp"
#include "delta/rebuild_wire.hpp"
#include "delta/rebuild_worker.hpp"

namespace aloft::delta {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kLookMs = 250;  // how often the program's time is looked at
constexpr milliseconds kToEnd{500};
constexpr std::uint64_t kMib = 1ULL << 20;

std::uint64_t mib_of(std::uint64_t bytes) { return (bytes + kMib - 1) / kMib; }

// Over the whole image, in case nobody looks.
std::uint64_t cpu_seconds(const RebuildSpec& spec, std::uint64_t image_bytes) {
  const auto each = static_cast<std::uint64_t>((spec.cpu_per_mib + spec.cpu).count());
  return static_cast<std::uint64_t>(spec.cpu.count()) + std::min(mib_of(image_bytes), std::uint64_t{1} << 20) * each;
}

std::array<std::byte, 8> number(std::uint64_t value) {
  std::array<std::byte, 8> bytes{};
  store_le64(bytes, value);
  return bytes;
}

}  // namespace

struct Rebuilder::Answer {
  MessageKind kind;
  std::uint64_t size_bytes;
};

Result<std::unique_ptr<Rebuilder>> Rebuilder::start(const RebuildSpec& spec, int old_image, std::uint64_t image_bytes) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) return fail(kNoWorker, "no socket is left");
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  ChildSpec child{.argv = spec.program, .folder = "/", .descriptors = {theirs.get()}};
  if (old_image >= 0) child.descriptors.push_back(old_image);
  for (std::string& word : worker_arguments(cpu_seconds(spec, image_bytes))) child.argv.push_back(std::move(word));
  auto started = Child::start(std::move(child));
  if (!started)
    return fail(kNoWorker,
                "the program that makes frames cannot be started: " + started.error().message + "; put aloft-rebuild beside aloftd");
  theirs = Fd();  // else its end would never be noticed
  auto rebuilder = std::make_unique<Rebuilder>(spec, std::move(ours), std::move(*started));
  TRY(rebuilder->greet());
  return rebuilder;
}

Rebuilder::Rebuilder(RebuildSpec spec, Fd socket, std::optional<Child> child)
    : spec_(std::move(spec)), socket_(std::move(socket)), child_(std::move(child)) {}

std::optional<std::int32_t> Rebuilder::pid() const { return child_ ? std::optional(child_->pid()) : std::nullopt; }

std::unexpected<Error> Rebuilder::lose(const ErrorCode& code, const std::string& why) {
  if (!lost_) {
    lost_ = Error{code, "the program that makes the frames is given up: " + why};
    socket_ = Fd();
    child_.reset();
  }
  return fail(*lost_);
}

std::unexpected<Error> Rebuilder::ended() {
  if (!child_) return lose(kWorkerLost, "it has closed its end");
  const ProcessEnd end = child_->wait(kToEnd);
  if (end.timed_out) return lose(kWorkerProtocol, "it has closed its end");
  if (end.exit_status == kOutOfMemoryStatus)
    return lose(kWorkerMemory, "it needs more than the " + std::to_string(kWorkerMemoryBytes >> 20) + " MiB that it may have");
  const std::string said = printable(last_line(end.output));
  const std::string why = end.exit_status == 128 + SIGSYS    ? "it asked the kernel for what it may not"
                          : end.exit_status == 128 + SIGXCPU ? "it has used all of the processor's time that it may"
                                                             : "it ended with status " + std::to_string(end.exit_status);
  return lose(kWorkerLost, said.empty() ? why : why + ": " + said);
}

std::chrono::nanoseconds Rebuilder::cpu_used() const {
  clockid_t clock{};
  timespec time{};
  if (!child_ || ::clock_getcpuclockid(child_->pid(), &clock) != 0 || ::clock_gettime(clock, &time) != 0) return {};
  return seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

Result<> Rebuilder::wait(short events) {
  for (;;) {
    // One byte now and then is no answer either.
    if (steady_clock::now() > silent_until_) return lose(kWorkerStuck, "its answer does not come to an end");
    pollfd one{socket_.get(), events, 0};
    if (::poll(&one, 1, kLookMs) > 0) return {};
    if (cpu_used() > cpu_until_) return lose(kWorkerStuck, "it takes too long over one answer");
  }
}

Result<> Rebuilder::send(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return ended();
    if (count < 0) {
      TRY(wait(POLLOUT));
      continue;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<> Rebuilder::receive(MutableByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return ended();
    if (count < 0) {
      TRY(wait(POLLIN));
      continue;
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Result<> Rebuilder::ask(std::uint32_t kind, ByteView head, ByteView body, std::uint64_t work_bytes) {
  if (lost_) return fail(*lost_);
  silent_until_ = steady_clock::now() + spec_.silence;
  cpu_until_ = cpu_used() + spec_.cpu + spec_.cpu_per_mib * static_cast<std::int64_t>(mib_of(work_bytes));
  TRY(send(encode_head({static_cast<MessageKind>(kind), head.size() + body.size()})));
  TRY(send(head));
  return send(body);
}

Result<Rebuilder::Answer> Rebuilder::answer() {
  std::array<std::byte, kMessageHeadBytes> bytes{};
  TRY(receive(bytes));
  const auto head = parse_answer_head(bytes);
  if (!head) return lose(kWorkerProtocol, head.error().message);
  if (head->kind == MessageKind::failed) TRY(failure(head->size_bytes));
  return Answer{head->kind, head->size_bytes};
}

// Always an error: the one that it tells of.
Result<> Rebuilder::failure(std::uint64_t size_bytes) {
  if (size_bytes > kMaxFailureBytes) return lose(kWorkerProtocol, "it says too much");
  Bytes text(static_cast<std::size_t>(size_bytes));
  TRY(receive(text));
  auto told = parse_failure(text);
  if (!told) return lose(kWorkerProtocol, told.error().message);
  return fail(std::move(*told));
}

Result<> Rebuilder::greet() {
  silent_until_ = steady_clock::now() + spec_.silence;
  cpu_until_ = spec_.cpu;
  const Answer hello = TRY(answer());
  std::array<std::byte, 8> greeting{};
  if (hello.kind != MessageKind::ready || hello.size_bytes != greeting.size()) return lose(kWorkerProtocol, "it does not greet");
  TRY(receive(greeting));
  if (load_le32(greeting) != kWireVersion) return lose(kWorkerProtocol, "aloft-rebuild and aloftd are not of one version");
  const std::uint32_t held = load_le32(std::span(greeting).subspan(4));
  confinement_ = {.filtered = (held & kFiltered) != 0, .unprivileged = (held & kUnprivileged) != 0};
  return {};
}

Result<> Rebuilder::unpack(ByteView packed, std::uint64_t limit_bytes, Bytes& content) {
  TRY(ask(static_cast<std::uint32_t>(MessageKind::unpack), number(limit_bytes), packed, limit_bytes));
  const Answer given = TRY(answer());
  if (given.kind != MessageKind::bytes || given.size_bytes > limit_bytes) return lose(kWorkerProtocol, "it gives what nobody asked for");
  content.resize(static_cast<std::size_t>(given.size_bytes));
  return receive(content);
}

Result<> Rebuilder::begin(const ImagePlan& plan, ByteSource* old) {
  old_ = old;
  old_bytes_ = plan.source_bytes;
  Bytes making(1, static_cast<std::byte>(old != nullptr ? 1 : 0));
  put_making(making, plan);
  TRY(ask(static_cast<std::uint32_t>(MessageKind::image), making, {}, 0));
  const Answer ready = TRY(answer());
  if (ready.kind != MessageKind::ready || ready.size_bytes != 0) return lose(kWorkerProtocol, "it gives what nobody asked for");
  return {};
}

Result<> Rebuilder::make(std::uint64_t frame, ByteView record, MutableByteView content, const FetchRecord& earlier) {
  TRY(ask(static_cast<std::uint32_t>(MessageKind::make), number(frame), record, content.size()));
  Answer given = TRY(answer());
  for (bool lent = false;; given = TRY(answer())) {
    if (given.kind == MessageKind::old && given.size_bytes == 2 * sizeof(std::uint64_t) && old_ != nullptr) {
      TRY(lend_old());
    } else if (given.kind == MessageKind::want && given.size_bytes == sizeof(std::uint64_t) && !lent) {
      TRY(lend(frame, earlier));
      lent = true;
    } else {
      break;
    }
  }
  if (given.kind != MessageKind::frame || given.size_bytes != content.size())
    return lose(kWorkerProtocol, "it makes something else than the frame");
  return receive(content);
}

Result<> Rebuilder::fill(MutableByteView content, std::span<const Gap> gaps) {
  Bytes body(content.begin(), content.end());
  for (const Gap& gap : gaps) {
    for (const std::uint64_t value : {std::uint64_t{gap.offset}, std::uint64_t{gap.size_bytes}, std::uint64_t{gap.packed.size()}}) {
      body.resize(body.size() + sizeof(std::uint32_t));
      store_le32(std::span(body).last(sizeof(std::uint32_t)), static_cast<std::uint32_t>(value));
    }
    body.insert(body.end(), gap.packed.begin(), gap.packed.end());
  }
  TRY(ask(static_cast<std::uint32_t>(MessageKind::fill), number(content.size()), body, content.size()));
  const Answer given = TRY(answer());
  if (given.kind != MessageKind::frame || given.size_bytes != content.size())
    return lose(kWorkerProtocol, "it fills something else than the content");
  return receive(content);
}

// Within the time of the answer that needs it.
Result<> Rebuilder::lend_old() {
  std::array<std::byte, 16> asked{};
  TRY(receive(asked));
  const std::uint64_t place = load_le64(asked);
  const std::uint64_t size = load_le64(std::span(asked).subspan(8));
  if (size == 0 || size > kMaxOldBytes || place > old_bytes_ || size > old_bytes_ - place)
    return lose(kWorkerProtocol, "it wants bytes that the old image does not have");
  if (steady_clock::now() > silent_until_) return lose(kWorkerStuck, "its answer does not come to an end");
  Bytes bytes(static_cast<std::size_t>(size));
  const auto count = old_->read_at(place, bytes);
  if (count && *count == bytes.size()) {
    TRY(send(encode_head({MessageKind::old_bytes, bytes.size()})));
    return send(bytes);
  }
  TRY(send(encode_head({MessageKind::no_old, 0})));
  const auto understood = answer();
  if (understood) return lose(kWorkerProtocol, "it goes on without what it needs");
  return is_lost() || count ? fail(understood.error()) : fail(count.error());
}

Result<> Rebuilder::lend(std::uint64_t frame, const FetchRecord& earlier) {
  std::array<std::byte, 8> wanted{};
  TRY(receive(wanted));
  const std::uint64_t which = load_le64(wanted);
  if (which >= frame || frame - which > kMaxFramesBack) return lose(kWorkerProtocol, "it wants a record that is none of its frame's");
  Bytes record;
  auto fetched = earlier(which, record);
  if (fetched) return ask(static_cast<std::uint32_t>(MessageKind::record), record, {}, kMib);
  TRY(ask(static_cast<std::uint32_t>(MessageKind::no_record), {}, {}, 0));
  const auto understood = answer();
  if (understood) return lose(kWorkerProtocol, "it goes on without what it needs");
  return is_lost() ? Result<>(fail(understood.error())) : fetched;
}

}  // namespace aloft::delta
