#include "net/event_stream.hpp"

#include "net/errors.hpp"

namespace aloft::net {
namespace {

constexpr std::size_t kMaxEventBytes = 1U << 20;

}  // namespace

Result<> EventStream::feed(ByteView piece) {
  for (const char c : as_text(piece)) {
    const bool second_half = std::exchange(after_cr_, c == '\r') && c == '\n';  // of a CR LF whose CR ended the line
    if (second_half) continue;
    if (c == '\r' || c == '\n') {
      TRY(take_line(line_));
      line_.clear();
    } else {
      line_ += c;
      if (line_.size() + event_.data.size() > kMaxEventBytes) return fail(kBadReply, "the server's event is larger than 1 MiB");
    }
  }
  return {};
}

Result<> EventStream::take_line(std::string_view line) {
  if (line.empty()) return deliver();
  const auto colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") event_.type = value;
  if (field == "id" && !value.contains('\0')) event_.id = value;
  if (field == "data") {
    if (std::exchange(has_data_, true)) event_.data += '\n';
    event_.data += value;
  }
  return {};
}

Result<> EventStream::deliver() {
  StreamEvent event{.type = event_.type.empty() ? "message" : event_.type, .data = std::move(event_.data), .id = event_.id};
  event_ = StreamEvent{.id = event.id};
  if (!std::exchange(has_data_, false)) return {};
  return on_event_(event);
}

}  // namespace aloft::net
