// The two boot areas of an eMMC (JESD84-B51, section 7.4.69 PARTITION_CONFIG), through the kernel's MMC_IOC_CMD.
#pragma once

#include <array>
#include <filesystem>
#include <functional>

#include "storage/pair.hpp"

namespace aloft::storage {

// ioctl(2); the seam for a fake card. Returns what ioctl returns and sets errno.
using Ioctl = std::function<int(int fd, unsigned long request, void* argument)>;
Ioctl system_ioctl();
// Opens a boot area for writing; the seam for a fake card.
using OpenArea = std::function<Result<std::unique_ptr<BlockDevice>>(const std::filesystem::path&)>;
OpenArea system_area();

// `device` is the card, such as /dev/mmcblk0; its boot areas are /dev/mmcblk0boot0 and boot1. Their write protection by the kernel
// (force_ro) is lifted while one is open. The switch is one byte in the card's own non-volatile register, changed by CMD6; the card does
// that whole or not at all. BOOT_ACK and PARTITION_ACCESS stay as they are. Where no boot area is enabled, the first counts as active.
class EmmcPair final : public Pair {
 public:
  EmmcPair(std::filesystem::path device, Ioctl ioctl, std::filesystem::path sysfs = "/sys/class/block", OpenArea open_area = system_area())
      : device_(std::move(device)), ioctl_(std::move(ioctl)), sysfs_(std::move(sysfs)), open_area_(std::move(open_area)) {}
  Result<unsigned> active() override;
  Result<std::unique_ptr<DeviceTarget>> open(unsigned place) override;
  Result<> activate(unsigned place) override;

 private:
  Result<std::uint8_t> partition_config() const;
  const std::filesystem::path device_;
  const Ioctl ioctl_;
  const std::filesystem::path sysfs_;
  const OpenArea open_area_;
};

}  // namespace aloft::storage
