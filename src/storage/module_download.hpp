// Hands the files of a payload to a Mender update module in its state Download.
#pragma once

#include "storage/byte_queue.hpp"
#include "storage/mender_module.hpp"

namespace aloft::storage {

// Reads the archive from `stream`. The module gets each file's name through the pipe tree/stream-next and its content through the pipe that
// it names, tree/streams/NAME. A module that ends well without having read from stream-next gets all files in tree/files instead, as its
// protocol says; so content is kept there until it has decided. Errors: kModule, kBadArchive, kTreeEntry for members other than plain files
// with plain names, file errors.
Result<> download_to_module(ByteQueue& stream, const Module& module);

}  // namespace aloft::storage
