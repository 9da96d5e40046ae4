// Compressed streams that lie somewhere in an image: files by gzip, xz and zstd, and the payloads of kernels by lz4.
#pragma once

#include "delta/make/layout.hpp"

namespace aloft::delta {

// Looks for streams by how their formats begin, at every byte, and keeps those that unpack to their end: gzip members (RFC 1952; the
// deflate stream in them), and the blocks of legacy LZ4 frames (as Linux kernels have them). Each must be in one piece, of 16 KiB or more,
// and at most kMaxStreamBytes. Also whole files by xz (an .xz stream) and zstd (a frame that says the content's size), of 512 bytes or
// more, and at most kMaxFileBytes. Time: a pass over the image, and unpacking what is found.
std::vector<Stream> find_streams(ByteView image);

// The content of a stream that find_streams has found.
Bytes content_of(ByteView image, const Stream& stream);

// Takes out those that both images have, byte for byte: they are copied as they are.
void drop_common(ByteView one_image, std::vector<Stream>& one, ByteView other_image, std::vector<Stream>& other);

}  // namespace aloft::delta
