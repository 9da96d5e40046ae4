// What an agent and the confined program that makes its frames say to each other, over a stream socket.
//
// Both are of one version and on one machine, so numbers are as ever little-endian and there is nothing to negotiate but kWireVersion.
// A message is its kind (4 bytes), 4 bytes of zeros, the size of what follows (8 bytes), and that.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::delta {

inline constexpr std::uint32_t kWireVersion = 7;
inline constexpr std::size_t kMessageHeadBytes = 16;
inline constexpr std::size_t kMaxFailureBytes = 2048;
inline constexpr std::size_t kMaxOldBytes = 1 << 20;

enum class MessageKind : std::uint32_t {
  // To the program:
  unpack = 1,  // 8 bytes: the most that it may give; then what is packed. Answer: bytes
  image = 2,   // a byte, then put_making of description.hpp. 0: the old image is the program's second descriptor; 1: it asks. Answer: ready
  make = 3,    // 8 bytes: a frame's number; then its record. Answer: frame, or want, or old
  record = 4,  // what was wanted. Answer: as to make
  no_record = 5,  // it is not to be had. Answer: failed
  fill = 6,       // 8 bytes: a content's size; it, with gaps; then for each gap 4 bytes each: its place, its size, bytes of what is
                  // packed behind all that stands before it; and that. Answer: frame
  old_bytes = 7,  // those of the old image that were asked for. Answer: as to make
  no_old = 8,     // they are not to be had. Answer: failed
  // From the program:
  ready = 101,   // at its beginning: 4 bytes kWireVersion, 4 bytes of Held; else nothing
  bytes = 102,   // what was unpacked
  frame = 103,   // its content
  want = 104,    // 8 bytes: number of the earlier frame whose record is needed
  failed = 105,  // 4 bytes: error number; then its message
  old = 106,     // 8 bytes each: place and size of bytes of the old image that are needed, at most kMaxOldBytes
};

// How the program is held, in `ready`.
enum Held : std::uint32_t { kFiltered = 1, kUnprivileged = 2 };

struct MessageHead {
  MessageKind kind;
  std::uint64_t size_bytes;
};

std::array<std::byte, kMessageHeadBytes> encode_head(const MessageHead& head);
// Of the program's messages. Its word is not trusted: the size is not bounded yet. Errors: kWorkerProtocol.
Result<MessageHead> parse_answer_head(ByteView bytes);

Bytes encode_failure(const Error& error);
// One of those that records and old images cause; the text in it is fit for a log. Errors: kWorkerProtocol.
Result<Error> parse_failure(ByteView bytes);

// At most 300 characters of it, none but those that are printed.
std::string printable(std::string_view text);

}  // namespace aloft::delta
