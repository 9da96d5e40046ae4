#include "delta/rebuilder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "delta/errors.hpp"
#include "delta/packed.hpp"
#include "delta/rebuild_wire.hpp"
#include "delta/rebuild_worker.hpp"
#include "delta/record.hpp"
#include "delta/test_record.hpp"

namespace aloft::delta {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::kFrameBytes;

constexpr std::uint64_t kOldBytes = 4 * kFrameBytes;

Bytes counted(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

ImagePlan plan() { return {.name = "a", .source_bytes = kOldBytes, .target_bytes = 3 * kFrameBytes, .frame_shift = kMinFrameShift}; }

Bytes plain_record(const std::vector<Op>& ops, std::uint64_t frame, ByteView fresh = {}) {
  return test::plain(encode_body(frame * kFrameBytes, kOldBytes, ops, {}, fresh));
}

Result<> none_earlier(std::uint64_t /*frame*/, Bytes& /*record*/) { return fail(kBadRecord, "asked for an earlier record"); }

// The real program's code, in a process that this test forks.
class Confined : public ::testing::Test {
 protected:
  Confined() : old_(counted(kOldBytes)) {
    image_ = Fd(::memfd_create("old", 0));
    EXPECT_TRUE(write_all_at(image_.get(), old_, 0));
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
    const std::vector<std::string> words = worker_arguments(60);
    pid_ = ::fork();
    if (pid_ == 0) run(ends[1]);
    ::close(ends[1]);
    rebuilder_ = std::make_unique<Rebuilder>(RebuildSpec{}, Fd(ends[0]), std::nullopt);
  }
  ~Confined() override {
    rebuilder_.reset();  // the program ends when there is nobody to hear
    int status = -1;
    ::waitpid(pid_, &status, 0);
    EXPECT_EQ(status, 0);
  }

  [[noreturn]] void run(int socket) {
    const int own = ::fcntl(socket, F_DUPFD, 10);
    const int old = ::fcntl(image_.get(), F_DUPFD, 10);
    ::dup2(own, kWorkerSocket);
    ::dup2(old, kWorkerOldImage);
    const std::string parent = std::to_string(::getppid());
    const std::array<const char*, 4> argv{"test", "confined-rebuild", parent.c_str(), "60"};
    ::_exit(run_rebuild_worker(argv.data()));
  }

  Bytes old_;
  Fd image_;
  pid_t pid_ = -1;
  std::unique_ptr<Rebuilder> rebuilder_;
};

TEST_F(Confined, MakesFramesAndTellsOfBadOnes) {
  ASSERT_TRUE(rebuilder_->greet());
  EXPECT_TRUE(rebuilder_->confinement().filtered) << "this test needs a kernel with CONFIG_SECCOMP_FILTER";
  ASSERT_TRUE(rebuilder_->begin(plan()));
  Bytes content(kFrameBytes);
  ASSERT_TRUE(rebuilder_->make(0, plain_record({{OpKind::copy, kFrameBytes, 100}}, 0), content, none_earlier));
  EXPECT_TRUE(std::ranges::equal(content, ByteView(old_).subspan(100, kFrameBytes)));

  Bytes damaged = plain_record({{OpKind::copy, kFrameBytes, 100}}, 1);
  damaged.back() ^= std::byte{0x40};
  for (const Bytes& bad : {damaged, plain_record({{OpKind::copy, kFrameBytes, kOldBytes - 5}}, 1), Bytes(1, std::byte{3}), Bytes()}) {
    const auto made = rebuilder_->make(1, bad, content, none_earlier);
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().code.number == kBadRecord.number || made.error().code.number == kBadDelta.number) << made.error().text();
  }
  EXPECT_FALSE(rebuilder_->is_lost());
  ASSERT_TRUE(
      rebuilder_->make(2, plain_record({{OpKind::zero, kFrameBytes - 4}, {OpKind::fresh, 4}}, 2, as_bytes("word")), content, none_earlier));
  EXPECT_EQ(as_text(ByteView(content).last(4)), "word");
}

TEST_F(Confined, AsksForAnEarlierRecordAndTakesANo) {
  ASSERT_TRUE(rebuilder_->greet());
  ASSERT_TRUE(rebuilder_->begin(plan()));
  Bytes content(kFrameBytes);
  Bytes record = plain_record({{OpKind::zero, kFrameBytes}}, 2);
  record.front() = first_byte(Coding::plain, 2);
  std::vector<std::uint64_t> asked;
  const auto gone = [&](std::uint64_t frame, Bytes& /*record*/) -> Result<> {
    asked.push_back(frame);
    return fail(kDeltaTruncated, "gone");
  };
  EXPECT_EQ(rebuilder_->make(2, record, content, gone).error().code.number, kDeltaTruncated.number);
  const auto there = [&](std::uint64_t frame, Bytes& earlier) -> Result<> {
    asked.push_back(frame);
    earlier = plain_record({{OpKind::copy, kFrameBytes, 0}}, 0);
    return {};
  };
  EXPECT_EQ(rebuilder_->make(2, record, content, there).error().code.number, kBadRecord.number) << "that frame has no block to go on with";
  EXPECT_EQ(asked, (std::vector<std::uint64_t>{0, 0}));
  EXPECT_FALSE(rebuilder_->is_lost());
}

// An old image that cannot be read in its second half.
class HalfSource final : public ByteSource {
 public:
  explicit HalfSource(ByteView bytes) : bytes_(bytes) {}
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer) override {
    reads_.push_back(offset);
    if (offset + buffer.size() > bytes_.size() / 2) return fail(kWrongSource, "that file is gone");
    std::ranges::copy(bytes_.subspan(offset, buffer.size()), buffer.begin());
    return buffer.size();
  }
  bool any_order() const override { return false; }
  std::vector<std::uint64_t> reads_;

 private:
  ByteView bytes_;
};

TEST_F(Confined, AsksForTheOldImageWhereItHasNone) {
  ASSERT_TRUE(rebuilder_->greet());
  HalfSource old(old_);
  ASSERT_TRUE(rebuilder_->begin(plan(), &old));
  Bytes content(kFrameBytes);
  ASSERT_TRUE(rebuilder_->make(0, plain_record({{OpKind::copy, kFrameBytes - 5, 100}, {OpKind::copy, 5, 7}}, 0), content, none_earlier));
  EXPECT_TRUE(std::ranges::equal(ByteView(content).first(kFrameBytes - 5), ByteView(old_).subspan(100, kFrameBytes - 5)));
  EXPECT_EQ(old.reads_, (std::vector<std::uint64_t>{100, 7}));
  const auto made = rebuilder_->make(0, plain_record({{OpKind::copy, kFrameBytes, kOldBytes / 2}}, 0), content, none_earlier);
  EXPECT_EQ(made.error().message, "that file is gone");
  EXPECT_FALSE(rebuilder_->is_lost());
  EXPECT_TRUE(rebuilder_->make(1, plain_record({{OpKind::copy, kFrameBytes, 0}}, 1), content, none_earlier));
}

TEST_F(Confined, Unpacks) {
  ASSERT_TRUE(rebuilder_->greet());
  const Bytes content = counted(300'000);
  Bytes packed;
  ASSERT_TRUE(Packer(3).pack(content, packed));
  Bytes out;
  ASSERT_TRUE(rebuilder_->unpack(packed, content.size(), out));
  EXPECT_EQ(out, content);
  EXPECT_EQ(rebuilder_->unpack(packed, content.size() - 1, out).error().code.number, kBadDelta.number);
  EXPECT_EQ(rebuilder_->unpack(ByteView(packed).first(100), content.size(), out).error().code.number, kBadDelta.number);
}

TEST_F(Confined, FillsGapsOneBehindTheOther) {
  ASSERT_TRUE(rebuilder_->greet());
  const Bytes whole = counted(3000);
  Bytes first;
  Bytes second;
  ASSERT_TRUE(Packer(3).pack(ByteView(whole).subspan(1000, 500), first));
  ASSERT_TRUE(Packer(3).pack(ByteView(whole).subspan(1500, 700), second));
  Bytes content = whole;
  std::fill_n(content.begin() + 1000, 1200, std::byte{0});
  ASSERT_TRUE(rebuilder_->fill(content, std::vector<Gap>{{1000, 500, first}, {1500, 700, second}}));
  EXPECT_EQ(content, whole);
  for (const Gap& bad : {Gap{2600, 500, first}, Gap{3001, 0, first}, Gap{1000, 499, first}, Gap{1000, 501, first},
                         Gap{1000, 500, ByteView(first).first(20)}, Gap{1000, 500, {}}}) {
    const auto filled = rebuilder_->fill(content, std::vector<Gap>{bad});
    ASSERT_FALSE(filled) << bad.offset << " " << bad.size_bytes;
    EXPECT_EQ(filled.error().code.number, kBadDelta.number);
    EXPECT_FALSE(rebuilder_->is_lost());
  }
}

// A program that a server has taken over, played by the shell.
RebuildSpec played(const std::string& script) {
  return {.program = {"/bin/sh", "-c", script}, .silence = seconds(20), .cpu = seconds(1), .cpu_per_mib = seconds(1)};
}

std::string says(std::uint32_t kind, ByteView body, std::uint64_t size_bytes) {
  std::string text = "printf '";
  std::array<std::byte, kMessageHeadBytes> head{};
  store_le32(head, kind);
  store_le64(std::span(head).subspan(8), size_bytes);
  for (const ByteView part : {ByteView(head), body})
    for (const std::byte byte : part) {
      std::array<char, 8> octal{};
      std::snprintf(octal.data(), octal.size(), "\\%03o", std::to_integer<unsigned>(byte));
      text += octal.data();
    }
  return text + "' >&3; ";
}
std::string says(MessageKind kind, ByteView body, std::uint64_t size_bytes) {
  return says(static_cast<std::uint32_t>(kind), body, size_bytes);
}
std::string says(MessageKind kind, ByteView body) { return says(kind, body, body.size()); }

std::string greeting(std::uint32_t version = kWireVersion) {
  Bytes body(8);
  store_le32(body, version);
  return says(MessageKind::ready, body);
}

Bytes numbered(std::uint64_t value) {
  Bytes bytes(8);
  store_le64(bytes, value);
  return bytes;
}

TEST(Hostile, OneThatDoesNotEvenGreet) {
  struct Case {
    std::string script;
    ErrorCode error;
  };
  for (const auto& [script, error] : std::vector<Case>{{"exit 1", kWorkerLost},
                                                       {"echo not the word; exit 0", kWorkerLost},
                                                       {"kill -9 $$", kWorkerLost},
                                                       {"kill -31 $$", kWorkerLost},
                                                       {"exit 3", kWorkerMemory},
                                                       {"exec 3>&-; sleep 60", kWorkerProtocol},
                                                       {"head -c 100000 /dev/zero >&3", kWorkerProtocol},
                                                       {"head -c 100000 /dev/urandom >&3", kWorkerProtocol},
                                                       {"while :; do :; done", kWorkerStuck},
                                                       {greeting(kWireVersion + 1) + "sleep 60", kWorkerProtocol},
                                                       {says(MessageKind::ready, {}) + "sleep 60", kWorkerProtocol}}) {
    const auto started = Rebuilder::start(played(script), -1, 0);
    ASSERT_FALSE(started) << script;
    EXPECT_EQ(started.error().code.number, error.number) << script << ": " << started.error().text();
  }
  RebuildSpec quiet = played("sleep 60");
  quiet.silence = milliseconds(100);
  EXPECT_EQ(Rebuilder::start(quiet, -1, 0).error().code.number, kWorkerStuck.number);
  RebuildSpec slow = played("while :; do printf x >&3; sleep 0.1; done");
  slow.silence = milliseconds(700);
  EXPECT_EQ(Rebuilder::start(slow, -1, 0).error().code.number, kWorkerStuck.number);
  EXPECT_EQ(Rebuilder::start({.program = {"/does/not/exist"}}, -1, 0).error().code.number, kNoWorker.number);
}

TEST(Hostile, WhateverItSaysOfAFrameIsAnErrorForGood) {
  const Bytes frame(kFrameBytes);
  const std::string asks = says(MessageKind::want, numbered(4));
  Bytes odd(4);
  store_le32(odd, 8001);
  const std::vector<std::string> scripts{
      says(MessageKind::frame, {}, 1ULL << 40),                          // more than the frame
      says(MessageKind::frame, {}),                                      // less
      says(MessageKind::frame, Bytes(10), kFrameBytes) + "exec 3>&-; ",  // ends within
      says(MessageKind::want, numbered(5)),                              // itself
      says(MessageKind::want, numbered(UINT64_MAX)),                     // one that there is not
      asks + asks,                                                       // more than once
      says(MessageKind::failed, odd),                                    // an error of another module
      says(MessageKind::failed, {}, 1ULL << 62),                         // without end
      says(MessageKind::bytes, Bytes(3)),                                // something else
      says(7, {}, 0),                                                    // what there is not
  };
  for (const std::string& script : scripts) {
    auto started = Rebuilder::start(played(greeting() + script + "sleep 60"), -1, 0);
    ASSERT_TRUE(started) << script;
    Bytes content(kFrameBytes);
    const auto earlier = [](std::uint64_t, Bytes& record) -> Result<> {
      record.resize(3);
      return {};
    };
    for (int again = 0; again < 2; ++again) {
      const auto made = (*started)->make(5, Bytes(20), content, earlier);
      ASSERT_FALSE(made) << script;
      EXPECT_EQ(made.error().code.number, kWorkerProtocol.number) << script << ": " << made.error().text();
      EXPECT_TRUE((*started)->is_lost());
    }
  }
}

Bytes asked_for(std::uint64_t place, std::uint64_t size) {
  Bytes bytes = numbered(place);
  const Bytes second = numbered(size);
  bytes.insert(bytes.end(), second.begin(), second.end());
  return bytes;
}

TEST(Hostile, WhatItAsksOfTheOldImageIsWithinIt) {
  const Bytes image = counted(kOldBytes);
  const std::string good = says(MessageKind::old, asked_for(0, 100));
  const std::vector<std::string> scripts{
      says(MessageKind::old, asked_for(0, 0)),
      says(MessageKind::old, asked_for(kOldBytes, 1)),
      says(MessageKind::old, asked_for(kOldBytes - 5, 6)),
      says(MessageKind::old, asked_for(UINT64_MAX, 2)),
      says(MessageKind::old, asked_for(1ULL << 63, 1ULL << 63)),
      says(MessageKind::old, asked_for(0, kMaxOldBytes + 1)),
      says(MessageKind::old, numbered(0)),
      good + says(MessageKind::old, asked_for(kOldBytes, 1)),
      says(MessageKind::old, asked_for(kOldBytes / 2, 100)) + says(MessageKind::frame, Bytes(100)),  // goes on without
  };
  for (const std::string& script : scripts) {
    const std::string ready = greeting() + says(MessageKind::ready, {});
    auto started = Rebuilder::start(played(ready + script + "sleep 60"), -1, 0);
    ASSERT_TRUE(started) << script;
    HalfSource old(image);
    ASSERT_TRUE((*started)->begin(plan(), &old));
    Bytes content(kFrameBytes);
    EXPECT_EQ((*started)->make(0, Bytes(20), content, none_earlier).error().code.number, kWorkerProtocol.number) << script;
  }
  // One that has the image's descriptor has nothing to ask for.
  auto started = Rebuilder::start(played(greeting() + says(MessageKind::ready, {}) + good + "sleep 60"), -1, 0);
  ASSERT_TRUE((*started)->begin(plan()));
  Bytes content(kFrameBytes);
  EXPECT_EQ((*started)->make(0, Bytes(20), content, none_earlier).error().code.number, kWorkerProtocol.number);
}

TEST(Hostile, OneThatAsksWithoutEndIsGivenUp) {
  RebuildSpec busy = played(greeting() + says(MessageKind::ready, {}) + "cat <&3 >/dev/null & while :; do " +
                            says(MessageKind::old, asked_for(0, 100)) + "done");
  busy.silence = milliseconds(700);
  const Bytes image = counted(kOldBytes);
  HalfSource old(image);
  auto started = Rebuilder::start(busy, -1, 0);
  ASSERT_TRUE(started);
  ASSERT_TRUE((*started)->begin(plan(), &old));
  Bytes content(kFrameBytes);
  EXPECT_EQ((*started)->make(0, Bytes(20), content, none_earlier).error().code.number, kWorkerStuck.number);
}

TEST(Hostile, OneThatNeitherReadsNorAnswersIsGivenUp) {
  RebuildSpec quiet = played(greeting() + "sleep 60");
  quiet.silence = milliseconds(1500);
  auto started = Rebuilder::start(quiet, -1, 0);
  ASSERT_TRUE(started);
  Bytes content(kFrameBytes);
  const pid_t pid = (*started)->pid().value_or(0);
  EXPECT_EQ((*started)->make(0, Bytes(4 << 20), content, none_earlier).error().code.number, kWorkerStuck.number);
  EXPECT_NE(::kill(pid, 0), 0) << "it has been killed and waited for";
}

TEST(Hostile, WhatItGivesUnaskedIsNotTaken) {
  auto started = Rebuilder::start(played(greeting() + says(MessageKind::bytes, {}, 1000) + "sleep 60"), -1, 0);
  ASSERT_TRUE(started);
  Bytes out;
  EXPECT_EQ((*started)->unpack(Bytes(9), 999, out).error().code.number, kWorkerProtocol.number);
  EXPECT_TRUE(out.empty());
}

TEST(Hostile, ItsWordsAreFitForALog) {
  Bytes body(4);
  store_le32(body, kBadRecord.number);
  for (const char c : std::string("a\x1b[2Jb\nc") + std::string(600, 'x')) body.push_back(static_cast<std::byte>(c));
  auto started = Rebuilder::start(played(greeting() + says(MessageKind::failed, body) + "sleep 60"), -1, 0);
  ASSERT_TRUE(started);
  Bytes content(kFrameBytes);
  const auto made = (*started)->make(0, Bytes(9), content, none_earlier);
  EXPECT_EQ(made.error().code.number, kBadRecord.number);
  EXPECT_TRUE(made.error().message.starts_with("a [2Jb cxxx")) << made.error().message;
  EXPECT_EQ(made.error().message.size(), 300U);
}

}  // namespace
}  // namespace aloft::delta
