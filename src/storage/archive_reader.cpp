#include "storage/archive_reader.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>

#include "base/utf8_locale.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {

ArchiveReader::ArchiveReader(ByteQueue& stream) : stream_(stream), archive_(::archive_read_new()) {
  if (archive_ != nullptr) ::archive_read_support_format_tar(archive_);
}

ArchiveReader::~ArchiveReader() { ::archive_read_free(archive_); }

long ArchiveReader::read_more(archive* one, void* self, const void** buffer) {
  auto* me = static_cast<ArchiveReader*>(self);
  me->part_ = me->stream_.pop(me->complete_);
  if (!me->complete_) {
    ::archive_set_error(one, ECANCELED, "the stream was cut off");
    return ARCHIVE_FATAL;
  }
  *buffer = me->part_.data();
  return static_cast<long>(me->part_.size());
}

std::unexpected<Error> ArchiveReader::broken() const {
  if (!complete_) return fail(kCancelled, "the install was stopped before the archive's end");
  const char* why = archive_ == nullptr ? "no memory" : ::archive_error_string(archive_);
  return fail(kBadArchive, "reading the archive: " + std::string(why != nullptr ? why : "unknown reason") +
                               "; the image must be a tar archive, not compressed");
}

Result<archive_entry*> ArchiveReader::next() {
  if (!open_ && (archive_ == nullptr || ::archive_read_open(archive_, this, nullptr, read_more, nullptr) != ARCHIVE_OK)) return broken();
  open_ = true;
  const Utf8Locale utf8;  // names in a pax archive are, and libarchive converts them
  archive_entry* found = nullptr;
  const int status = ::archive_read_next_header(archive_, &found);
  if (status == ARCHIVE_OK) return found;
  if (status != ARCHIVE_EOF) return broken();
  for (bool more = true; more;) more = !stream_.pop(complete_).empty();  // padding behind the archive's end
  if (!complete_) return broken();
  return nullptr;
}

Result<std::optional<ArchiveReader::Piece>> ArchiveReader::piece() {
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  const int status = ::archive_read_data_block(archive_, &block, &size, &offset);
  if (status == ARCHIVE_EOF) return std::optional<Piece>();
  if (status != ARCHIVE_OK) return broken();
  return std::optional<Piece>(Piece{ByteView(static_cast<const std::byte*>(block), size), static_cast<std::uint64_t>(offset)});
}

}  // namespace aloft::storage
