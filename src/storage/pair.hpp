// A slot that is two places inside, of which the first boot stage uses one: boot partitions, boot areas of an eMMC, copies of a boot
// loader.
#pragma once

#include <memory>

#include "crypto/sha256.hpp"
#include "storage/target.hpp"

namespace aloft::storage {

class Pair {
 public:
  virtual ~Pair() = default;
  // 0 or 1: what the first boot stage uses now.
  virtual Result<unsigned> active() = 0;
  // One of the two, for writing. The pair must outlive it. finish() is called once all of it has been read back.
  virtual Result<std::unique_ptr<DeviceTarget>> open(unsigned place) = 0;
  // Makes a place that was written the active one, by something that a power cut does not leave half done. Durable once returned.
  virtual Result<> activate(unsigned place) = 0;
};

// What was written and waits to be switched to.
struct Waiting {
  crypto::Digest sha256{};
  std::uint64_t size_bytes = 0;
};

// The target for a new image: the place that is not active. It owns the pair.
Result<Target> open_inactive(std::unique_ptr<Pair> pair);

// Switches to the place that is not active, after making sure that it holds what was written; does nothing where the active one holds that
// already. May be called again after a power cut. kSwitchContent where neither does.
Result<> switch_pair(Pair& pair, const Waiting& waiting);

}  // namespace aloft::storage
