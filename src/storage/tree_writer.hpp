// Unpacks a tar stream below one folder, and nowhere else.
#pragma once

#include "storage/byte_queue.hpp"
#include "storage/tree_sum.hpp"

namespace aloft::storage {

// Reads the archive (ustar, pax, GNU; not compressed) from `stream` and makes its entries below `root_fd`, a folder that holds nothing
// yet. Paths are resolved by the kernel beneath that folder and through no symbolic link (openat2), so that no archive reaches out of it.
// Refused with kTreeEntry: absolute paths, "..", an entry that stands twice, device nodes unless the policy allows them, sockets, access
// control lists, and on a file system without Unix metadata anything but folders and files. Missing parent folders belong to root, mode
// 0755, time 0. Returns the sum of what was made; nothing is flushed. Needs the rights to give files away (root) where the archive has
// owners. Memory: one part of the stream and, until the end, each folder's metadata, at most 16 MiB. Errors: kBadArchive, kTreeEntry, file
// errors.
Result<TreeSum> unpack_tree(ByteQueue& stream, int root_fd, const TreePolicy& policy);

}  // namespace aloft::storage
