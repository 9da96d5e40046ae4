#include <cstdlib>

#include "net/event_stream.hpp"

namespace {

std::string events_of(aloft::ByteView stream, std::size_t piece) {
  std::string all;
  aloft::net::EventStream events([&](const aloft::net::StreamEvent& event) -> aloft::Result<> {
    all += event.id + "\1" + event.type + "\1" + event.data + "\2";
    return {};
  });
  for (; !stream.empty(); stream = stream.subspan(std::min(piece, stream.size())))
    if (!events.feed(stream.first(std::min(piece, stream.size())))) break;
  return all;
}

}  // namespace

extern "C" int event_stream_fuzz(const std::uint8_t* data, std::size_t size) {
  const auto stream = std::as_bytes(std::span(data, size));
  if (events_of(stream, 1) != events_of(stream, 4096)) std::abort();  // where the network cuts makes no difference
  return 0;
}
