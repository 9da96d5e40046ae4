// The data blocks of a squashfs image's files.
#pragma once

#include <cstdint>
#include <functional>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace aloft::delta {

// A data block as its inode has it: where it lies, and its size as it is stored, with the bit that says that it is not compressed.
using TakeDataBlock = std::function<void(std::uint64_t offset, std::uint32_t size)>;

// Walks an unpacked inode table. Sparse blocks are left out. Errors: kCannotMake for a table that is none.
Result<> read_inodes(ByteView table, std::uint64_t block_bytes, const TakeDataBlock& take);

}  // namespace aloft::delta
