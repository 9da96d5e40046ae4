#include "storage/emmc.hpp"

#include <fcntl.h>
#include <linux/mmc/ioctl.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "base/file.hpp"
#include "base/log.hpp"
#include "storage/errors.hpp"
#include "storage/file_device.hpp"

namespace aloft::storage {
namespace {

// The kernel keeps these to itself (include/linux/mmc/mmc.h, core.h).
constexpr std::uint32_t kSwitch = 6;
constexpr std::uint32_t kSendExtCsd = 8;
constexpr unsigned kResponsePresent = 1U << 0U;
constexpr unsigned kResponseCrc = 1U << 2U;
constexpr unsigned kResponseBusy = 1U << 3U;
constexpr unsigned kResponseOpcode = 1U << 4U;
constexpr unsigned kResponseR1 = kResponsePresent | kResponseCrc | kResponseOpcode;
constexpr unsigned kCommandAc = 0U << 5U;
constexpr unsigned kCommandAdtc = 1U << 5U;
constexpr std::uint32_t kWriteByte = 3;
constexpr std::uint32_t kPartitionConfig = 179;
constexpr std::size_t kExtCsdBytes = 512;
constexpr std::uint8_t kBootEnable = 0x38;  // bits 5:3: 1 the first boot area, 2 the second, 7 the user area
constexpr unsigned kBootEnableShift = 3;
constexpr unsigned kSwitchTimeoutUs = 1'000'000;

std::unexpected<Error> command_failed(const std::string& what, const std::filesystem::path& device) {
  return fail(kEmmc, system_error(what + " of", device, errno).message + "; is it an eMMC?");
}

// Boot areas are read-only for everybody unless this file says 0.
class Unlocked final : public DeviceTarget {
 public:
  Unlocked(std::unique_ptr<BlockDevice> device, std::filesystem::path lock) : DeviceTarget(std::move(device)), lock_(std::move(lock)) {}
  ~Unlocked() override {
    close_device();
    if (auto locked = write_lock(lock_, "1"); !locked) log::warning("slot: " + locked.error().text());
  }
  static Result<> write_lock(const std::filesystem::path& lock, std::string_view value) {
    const Fd fd = TRY(open_file(lock, O_WRONLY));
    return write_all(fd.get(), as_bytes(value));
  }

 private:
  const std::filesystem::path lock_;
};

}  // namespace

Ioctl system_ioctl() {
  return [](int fd, unsigned long request, void* argument) { return ::ioctl(fd, request, argument); };
}

OpenArea system_area() {
  return [](const std::filesystem::path& path) -> Result<std::unique_ptr<BlockDevice>> { return FileDevice::open(path); };
}

Result<std::uint8_t> EmmcPair::partition_config() const {
  const Fd fd = TRY(open_file(device_, O_RDONLY));
  std::array<std::uint8_t, kExtCsdBytes> csd{};
  mmc_ioc_cmd command{};
  command.opcode = kSendExtCsd;
  command.flags = kResponseR1 | kCommandAdtc;
  command.blksz = kExtCsdBytes;
  command.blocks = 1;
  command.data_ptr = reinterpret_cast<std::uintptr_t>(csd.data());
  if (ioctl_(fd.get(), MMC_IOC_CMD, &command) != 0) return command_failed("reading the registers", device_);
  return csd.at(kPartitionConfig);
}

Result<unsigned> EmmcPair::active() {
  const unsigned enabled = (TRY(partition_config()) & kBootEnable) >> kBootEnableShift;
  return enabled == 2 ? 1U : 0U;
}

Result<std::unique_ptr<DeviceTarget>> EmmcPair::open(unsigned place) {
  const std::string name = device_.filename().string() + "boot" + std::to_string(place);
  const std::filesystem::path lock = sysfs_ / name / "force_ro";
  TRY(Unlocked::write_lock(lock, "0"));
  auto device = open_area_(device_.parent_path() / name);
  if (!device) {
    TRY(Unlocked::write_lock(lock, "1"));
    return fail(std::move(device).error());
  }
  return std::make_unique<Unlocked>(*std::move(device), lock);
}

Result<> EmmcPair::activate(unsigned place) {
  const std::uint8_t before = TRY(partition_config());
  const auto wanted = static_cast<std::uint8_t>((before & ~unsigned{kBootEnable}) | ((place + 1) << kBootEnableShift));
  if (before == wanted) return {};
  const Fd fd = TRY(open_file(device_, O_RDWR));
  mmc_ioc_cmd command{};
  command.write_flag = 1;
  command.opcode = kSwitch;
  command.arg = (kWriteByte << 24U) | (kPartitionConfig << 16U) | (std::uint32_t{wanted} << 8U);
  command.flags = kResponseR1 | kResponseBusy | kCommandAc;
  command.cmd_timeout_ms = kSwitchTimeoutUs / 1000;
  if (ioctl_(fd.get(), MMC_IOC_CMD, &command) != 0) return command_failed("switching the boot area", device_);
  if (TRY(partition_config()) == wanted) return {};
  return fail(kEmmcRefuses, device_.string() + " keeps its boot area enabled and does not take the other; the card may forbid it for good");
}

}  // namespace aloft::storage
