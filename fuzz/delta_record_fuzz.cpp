#include <cstdlib>

#include "delta/frame_builder.hpp"
#include "delta/view_source.hpp"

// A frame of 4096 bytes from an old image of 300; whatever comes, nothing is read or written outside the two (the sanitizers watch).
extern "C" int delta_record_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  static delta::FrameBuilder x86;
  static delta::FrameBuilder arm64({}, delta::Processor::arm64);
  const Bytes old(300, std::byte{'o'});
  delta::ViewSource source(old);
  Bytes content(4096);
  for (delta::FrameBuilder* builder : {&x86, &arm64}) {
    const auto built = builder->build(std::as_bytes(std::span(data, size)), 8192, source, old.size(), content);
    if (!built && (built.error().code.number < 11000 || built.error().code.number > 11099)) std::abort();
  }
  return 0;
}
