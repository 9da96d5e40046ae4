#include "delta/rebuild_wire.hpp"

#include <algorithm>

#include "delta/errors.hpp"

namespace aloft::delta {
namespace {

constexpr std::size_t kMaxPrinted = 300;
constexpr std::array kPossible{kBadRecord, kBadDelta, kWrongSource};

}  // namespace

std::array<std::byte, kMessageHeadBytes> encode_head(const MessageHead& head) {
  std::array<std::byte, kMessageHeadBytes> bytes{};
  store_le32(bytes, static_cast<std::uint32_t>(head.kind));
  store_le64(std::span(bytes).subspan(8), head.size_bytes);
  return bytes;
}

Result<MessageHead> parse_answer_head(ByteView bytes) {
  const std::uint32_t kind = load_le32(bytes);
  if (kind < static_cast<std::uint32_t>(MessageKind::ready) || kind > static_cast<std::uint32_t>(MessageKind::old) ||
      load_le32(bytes.subspan(4)) != 0)
    return fail(kWorkerProtocol, "it said what there is no word for");
  return MessageHead{static_cast<MessageKind>(kind), load_le64(bytes.subspan(8))};
}

Bytes encode_failure(const Error& error) {
  const bool possible = std::ranges::any_of(kPossible, [&](const ErrorCode& code) { return code.number == error.code.number; });
  Bytes out(4);
  store_le32(out, possible ? error.code.number : kWrongSource.number);
  const ByteView text = as_bytes(error.message);
  const ByteView some = text.first(std::min(text.size(), kMaxFailureBytes - out.size()));
  out.insert(out.end(), some.begin(), some.end());
  return out;
}

Result<Error> parse_failure(ByteView bytes) {
  if (bytes.size() >= 4 && bytes.size() <= kMaxFailureBytes)
    for (const ErrorCode& code : kPossible)
      if (code.number == load_le32(bytes)) return Error{code, printable(as_text(bytes.subspan(4)))};
  return fail(kWorkerProtocol, "it told of an error that there is not");
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, kMaxPrinted));
  std::ranges::replace_if(out, [](char c) { return c < ' ' || c > '~'; }, ' ');
  return out;
}

}  // namespace aloft::delta
