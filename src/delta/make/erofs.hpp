// Where an erofs image has its compressed blocks. After Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h of Linux.
#pragma once

#include "base/result.hpp"
#include "delta/make/layout.hpp"

namespace aloft::delta {

bool is_erofs(ByteView image);
// The physical clusters that LZ4 has made of its files' contents, in blocks of 4 KiB; none of an image that is not compressed. Those within
// inodes, and those of other compressors, are left as they are. Nothing outside `image` is read, whatever it says. Memory: some 50 bytes
// per inode, 40 per cluster. Errors: kCannotMake for what is damaged or not known.
Result<Layout> read_erofs(ByteView image);

}  // namespace aloft::delta
