// One stream of a remote file: a request that runs on for as long as reads follow each other, and is taken up again where it broke off.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/byte_source.hpp"
#include "net/range_source.hpp"
#include "net/transfer.hpp"

namespace aloft::net {

// What all streams of a file know of it, and count.
struct RemoteFile {
  std::string url;
  RangeSourceOptions options;
  Clock& clock;
  Random& random;
  std::optional<std::uint64_t> size_bytes;
  std::string validator;
  bool ranges = true;  // false once the server has sent all of it where a part was asked for
  std::uint64_t requests = 0;
  std::uint64_t received_bytes = 0;  // read from other threads too
};

class RangeStream {
 public:
  // ahead_bytes: bound of what nobody has read yet, in the socket. The file must outlive the stream.
  static Result<std::unique_ptr<RangeStream>> create(RemoteFile& file, std::uint32_t ahead_bytes);

  // As ByteSource's; blocks.
  Result<std::size_t> read_at(std::uint64_t offset, MutableByteView buffer);
  // Of the requests to come; for http and https.
  void expect(std::uint64_t end) { expected_end_ = end; }
  // Sends the request for these bytes, which the next read_at(offset) takes. Does not block.
  void ask(std::uint64_t offset, std::uint64_t end);
  // Lets what was asked for go on, as a handshake may be under way. Does not block.
  void nudge();
  void cancel() { transfer_->cancel(); }  // any thread

 private:
  RangeStream(RemoteFile& file, std::uint32_t ahead_bytes, std::unique_ptr<Transfer> transfer)
      : file_(file), ahead_bytes_(ahead_bytes), transfer_(std::move(transfer)) {}
  bool go_on();
  void turn_to(std::uint64_t offset);
  Result<> fill();
  Result<> start(std::uint64_t offset);
  Result<> finish();
  Transfer::Verdict take_body(ByteView piece);
  std::size_t take(ByteView piece);
  Result<> check_head();
  Result<> check_range();
  Result<> check_same(std::optional<std::uint64_t> size);
  Result<> recover(Error error);
  std::chrono::milliseconds next_delay();

  RemoteFile& file_;
  const std::uint32_t ahead_bytes_;
  const std::unique_ptr<Transfer> transfer_;

  // The stream under way: the next byte it brings lies at position_, once skip_bytes_ more have passed.
  bool streaming_ = false;
  bool ended_ = false;  // nothing comes after rest_
  bool head_checked_ = false;
  std::uint64_t requested_offset_ = 0;
  std::uint64_t requested_end_ = kNoEnd;
  std::uint64_t expected_end_ = kNoEnd;  // of the requests to come
  std::uint64_t position_ = 0;
  std::uint64_t skip_bytes_ = 0;
  Bytes rest_;  // came with the last piece and was not asked for yet
  std::string error_body_;
  std::optional<Error> failure_;

  // The read under way.
  MutableByteView target_;
  std::size_t filled_ = 0;

  // Tries since the last byte.
  unsigned failures_ = 0;
  bool renewed_ = false;
  SteadyTime last_gain_{};
};

}  // namespace aloft::net
