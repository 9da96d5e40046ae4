#include "storage/volume.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/errors.hpp"
#include "base/process.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

constexpr std::chrono::minutes kFormatLimit{10};
constexpr int kBusyAttempts = 50;  // what has just been unmounted may be held for a moment
constexpr std::chrono::milliseconds kBusyPause{100};

const std::array<FileSystemKind, 3> kKinds{{
    {"ext4", {"mkfs.ext4", "-q", "-F"}, true},
    {"vfat", {"mkfs.vfat"}, false},
    {"btrfs", {"mkfs.btrfs", "-q", "-f"}, true},
}};

// What the kernel has to say about a mount that failed.
std::string kernel_messages(int context) {
  std::string text;
  std::array<char, 1024> line{};
  for (;;) {
    const ssize_t count = ::read(context, line.data(), line.size());
    if (count <= 0) return text;
    text += (text.empty() ? "" : "; ") + std::string(line.data(), static_cast<std::size_t>(count));
  }
}

std::unexpected<Error> mount_failed(int context, const std::filesystem::path& device, std::string_view kind, int error_number) {
  const std::string more = context < 0 ? "" : kernel_messages(context);
  return fail(kMount, system_error("mounting (" + std::string(kind) + ")", device, error_number).message +
                          (more.empty() ? "" : " (" + more + ")") + "; does the kernel have this file system?");
}

enum class Superblock : std::uint8_t { read_only, read_write };

// errno tells why there is none; `context` has what the kernel says of it.
Fd try_mount(const std::filesystem::path& device, const FileSystemKind& kind, Superblock superblock, unsigned attributes, Fd& context) {
  context = Fd(::fsopen(std::string(kind.name).c_str(), FSOPEN_CLOEXEC));
  if (!context || ::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", device.c_str(), 0) != 0 ||
      (superblock == Superblock::read_only && ::fsconfig(context.get(), FSCONFIG_SET_FLAG, "ro", nullptr, 0) != 0) ||
      ::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return {};
  return Fd(::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | attributes));
}

Result<> flush_device(const std::filesystem::path& device) {
  const Fd fd = TRY(open_file(device, O_RDONLY));
  if (::fsync(fd.get()) != 0) return fail(system_error("flushing", device, errno));
  return {};
}

}  // namespace

const FileSystemKind* find_file_system(std::string_view name) {
  for (const FileSystemKind& kind : kKinds) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

Result<> check_unused(const std::filesystem::path& device) {
  struct stat status{};
  if (::stat(device.c_str(), &status) != 0) return fail(system_error("opening the slot", device, errno));
  if (!S_ISBLK(status.st_mode)) return fail(kNotADevice, device.string() + " is no block device; a file system needs one");
  for (int attempt = 1;; ++attempt) {
    const Fd fd(::open(device.c_str(), O_RDWR | O_EXCL | O_CLOEXEC));
    if (fd) return {};
    if (errno != EBUSY) return fail(system_error("opening the slot", device, errno));
    if (attempt == kBusyAttempts)
      return fail(kDeviceBusy, device.string() + " is mounted or in use, so it is not written; check the groups in system.toml");
    std::this_thread::sleep_for(kBusyPause);
  }
}

Result<> DeviceVolume::format() {
  TRY(check_unused(device_));
  std::vector<std::string> command = kind_.format;
  command.insert(command.end(), format_options_.begin(), format_options_.end());
  command.push_back(device_.string());
  const ProcessEnd end = TRY(run_process(command, kFormatLimit));
  if (end.exit_status == 0 && !end.timed_out) return {};
  return fail(kProcess, command.front() + " " + device_.string() +
                            (end.timed_out ? " took too long" : " ended with status " + std::to_string(end.exit_status)) + ": " +
                            last_line(end.output));
}

Result<Fd> DeviceVolume::mount(Access access) {
  const bool read_only = access == Access::read_only;
  Fd context;
  Fd tree =
      try_mount(device_, kind_, read_only ? Superblock::read_only : Superblock::read_write, read_only ? MOUNT_ATTR_RDONLY : 0U, context);
  if (!tree) return mount_failed(context.get(), device_, kind_.name, errno);
  return tree;
}

// The kernel has one superblock for a device: where it is mounted for writing already, ours is that one, and only the mount is read-only.
Result<Fd> look_into(const std::filesystem::path& device, const FileSystemKind& kind) {
  Fd context;
  Fd tree = try_mount(device, kind, Superblock::read_only, MOUNT_ATTR_RDONLY, context);
  if (!tree && errno == EBUSY) tree = try_mount(device, kind, Superblock::read_write, MOUNT_ATTR_RDONLY, context);
  if (!tree) return mount_failed(context.get(), device, kind.name, errno);
  return tree;
}

Result<> DeviceVolume::release(Fd root) {
  {
    const Fd tree = std::move(root);
    const Fd folder(::openat(tree.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::syncfs(folder.get()) != 0) return fail(system_error("flushing the file system on", device_, errno));
  }
  return flush_device(device_);
}

}  // namespace aloft::storage
