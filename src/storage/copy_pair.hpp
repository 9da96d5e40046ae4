// Two copies of a boot loader at fixed places, of which the machine's ROM takes the first that has a good header.
#pragma once

#include "storage/pair.hpp"

namespace aloft::storage {

struct CopyPlaces {
  std::array<std::uint64_t, 2> offsets_bytes{};  // the first is what the ROM tries first
  std::uint64_t size_bytes = 0;                  // of each
  std::uint64_t header_bytes = 512;              // what must be good for the ROM to take a copy; a multiple of 512
};

// While a copy is written its header is zero; the header comes last, after everything else was flushed. So at every cut one copy is
// complete: a new image goes to the second copy, and is copied to the first when it is activated. A first copy without a header (a cut in
// activate()) is restored from the second before anything else. kNoHeader for an image that begins with zeros.
class CopyPair final : public Pair {
 public:
  // Takes over the device, which holds both copies.
  CopyPair(std::unique_ptr<BlockDevice> device, const CopyPlaces& places) : device_(std::move(device)), places_(places) {}
  Result<unsigned> active() override;
  Result<std::unique_ptr<DeviceTarget>> open(unsigned place) override;
  Result<> activate(unsigned place) override;

 private:
  Result<bool> has_header(unsigned place);
  Result<> copy(unsigned from, unsigned to);
  std::unique_ptr<BlockDevice> device_;
  const CopyPlaces places_;
};

}  // namespace aloft::storage
