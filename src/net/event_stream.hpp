// Server-sent events, as the HTML standard (section 9.2) writes them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::net {

struct StreamEvent {
  std::string type = "message";
  std::string data;
  std::string id;  // of this event or, without one, of the last that had one
};

// Takes the stream in pieces cut anywhere. Comments and unknown fields are passed over; an event that the stream's end cuts off is
// never delivered.
class EventStream {
 public:
  explicit EventStream(std::function<Result<>(const StreamEvent&)> on_event) : on_event_(std::move(on_event)) {}
  // Errors: kBadReply for an event of more than 1 MiB; the receiver's own.
  Result<> feed(ByteView piece);

 private:
  Result<> take_line(std::string_view line);
  Result<> deliver();
  std::function<Result<>(const StreamEvent&)> on_event_;
  std::string line_;
  bool after_cr_ = false;
  StreamEvent event_;
  bool has_data_ = false;
};

}  // namespace aloft::net
