// What file system lies on a device, and by which names it may be mounted: read from its superblock.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace aloft::storage {

// Bytes from a device's start that file_system_id() wants; fewer are allowed.
inline constexpr std::size_t kSuperblockBytes = 4096;

struct FileSystemId {
  std::string type;   // "ext", "vfat", "squashfs", "erofs"
  std::string uuid;   // as udev shows it in /dev/disk/by-uuid; empty: it has none (squashfs)
  std::string label;  // likewise in by-label; empty: none
};

// Sources: Linux Documentation/filesystems/ext4/super.rst (at 1024: magic 0xEF53 at 0x38, UUID at 0x68, name at 0x78), Microsoft's FAT
// specification 1.03 (0x55AA at 510; BS_VolID and BS_VolLab at 39 and 43, of FAT32 at 67 and 71), squashfs_fs.h ("hsqs"), erofs_fs.h (at
// 1024: magic 0xE0F5E1E2, UUID at 48, name at 64). Nothing where it is none of these, or the bytes end too early.
std::optional<FileSystemId> file_system_id(ByteView head);

}  // namespace aloft::storage
