// Reads a tar archive from a stream, member by member.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "storage/byte_queue.hpp"

struct archive;
struct archive_entry;

namespace aloft::storage {

// ustar, pax and GNU, not compressed. The queue must outlive it. Errors: kBadArchive; kCancelled when the queue was cut.
class ArchiveReader {
 public:
  explicit ArchiveReader(ByteQueue& stream);
  ArchiveReader(const ArchiveReader&) = delete;
  ArchiveReader& operator=(const ArchiveReader&) = delete;
  ~ArchiveReader();

  // The next member, valid until the next call; null behind the last, when the stream has been read to its end.
  Result<archive_entry*> next();
  // The next piece of the member's content, and where in it it belongs; what lies between is zeros. Nothing at the end.
  struct Piece {
    ByteView bytes;
    std::uint64_t offset;
  };
  Result<std::optional<Piece>> piece();

 private:
  static long read_more(archive* one, void* self, const void** buffer);
  std::unexpected<Error> broken() const;
  ByteQueue& stream_;
  archive* archive_ = nullptr;
  Bytes part_;
  bool complete_ = true;
  bool open_ = false;
};

}  // namespace aloft::storage
