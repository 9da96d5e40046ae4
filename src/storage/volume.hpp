// A slot that holds a file system: made, mounted where nobody else sees it, and let go. The seam for tests without a block device.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "storage/tree_sum.hpp"

namespace aloft::storage {

enum class Access : std::uint8_t { read_only, read_write };

class Volume {
 public:
  virtual ~Volume() = default;
  // A new, empty file system; the old one is gone. Must refuse a device that is in use.
  virtual Result<> format() = 0;
  // The root folder. The file system stays mounted until release().
  virtual Result<Fd> mount(Access access) = 0;
  // Everything written is durable, the root folder closed, the file system unmounted. Also the end of a failed attempt.
  virtual Result<> release(Fd root) = 0;
};

// What is known of a kind of file system.
struct FileSystemKind {
  std::string_view name;            // in system.toml, and the kernel's
  std::vector<std::string> format;  // program and arguments; options of the slot and the device follow
  bool unix_metadata;
};
// nullptr for one that is not known.
const FileSystemKind* find_file_system(std::string_view name);

// A file system on a block device. Mounted by fsopen(2) and fsmount(2) without a place in any namespace (Linux 5.2), so that nobody can
// look inside, nothing has to be cleaned up after a crash, and no folder is needed. Errors: kDeviceBusy, kMount, kProcess, file errors.
class DeviceVolume final : public Volume {
 public:
  DeviceVolume(std::filesystem::path device, const FileSystemKind& kind, std::vector<std::string> format_options)
      : device_(std::move(device)), kind_(kind), format_options_(std::move(format_options)) {}
  Result<> format() override;
  Result<Fd> mount(Access access) override;
  Result<> release(Fd root) override;

 private:
  const std::filesystem::path device_;
  const FileSystemKind& kind_;
  const std::vector<std::string> format_options_;
};

// The root folder of what the device holds, for reading only, also while it is mounted elsewhere, for writing too. What is mounted on its
// folders is not seen. It stays mounted as long as the descriptor. A file system that nobody has mounted, and that was not unmounted when
// the power failed, is set right by the kernel first. Errors: kMount.
Result<Fd> look_into(const std::filesystem::path& device, const FileSystemKind& kind);

// Whether nothing holds the block device: no mount, no RAID, no other agent. kDeviceBusy, kNotADevice.
Result<> check_unused(const std::filesystem::path& device);

}  // namespace aloft::storage
