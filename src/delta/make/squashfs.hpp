// Where a squashfs image has its compressed blocks. After Documentation/filesystems/squashfs.rst and fs/squashfs/squashfs_fs.h of Linux.
#pragma once

#include "base/result.hpp"
#include "delta/make/layout.hpp"

namespace aloft::delta {

// Whether the image begins as one of version 4.
bool is_squashfs(ByteView image);
// Blocks of data, of fragments and of metadata, as far as they are compressed. Nothing outside `image` is read, whatever it says. Memory:
// the inode table, at most 256 MiB, and 24 bytes per block. Errors: kCannotMake for what is damaged or has a compressor that is not known.
Result<Layout> read_squashfs(ByteView image);

}  // namespace aloft::delta
