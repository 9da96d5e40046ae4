// A tar archive of a file tree. What is unpacked lies below its folder, and reads back as it was written; the file beside it stays.
#include <archive_entry.h>
#include <fcntl.h>

#include <filesystem>

#include "base/file.hpp"
#include "memory_folder.hpp"
#include "storage/archive_reader.hpp"
#include "storage/tree_writer.hpp"

namespace {

using namespace aloft;
namespace fs = std::filesystem;

constexpr std::int64_t kMostTreeBytes = 1 << 20;

class Place {
 public:
  Place() { require(replace_file(folder_.path() / "beside", "untouched").has_value()); }
  Fd tree() const {
    fs::remove_all(folder_.path() / "tree");
    require(fs::create_directory(folder_.path() / "tree"));
    return Fd(::open((folder_.path() / "tree").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void check_beside() const {
    require(read_file(folder_.path() / "beside").value() == "untouched");
    require(std::distance(fs::directory_iterator(folder_.path()), {}) == 2);
  }

 private:
  MemoryFolder folder_;
};

void fill(storage::ByteQueue& stream, ByteView bytes) {
  stream.push(bytes);
  stream.close();
}

// Holes cost no bytes of the archive, but each of their zeros is counted: what would take too long is passed over.
bool is_small(ByteView bytes) {
  storage::ByteQueue stream(bytes.size() + 1);
  fill(stream, bytes);
  storage::ArchiveReader reader(stream);
  for (;;) {
    const auto member = reader.next();
    if (!member || *member == nullptr) return true;
    if (::archive_entry_size(*member) > kMostTreeBytes) return false;
    for (;;) {
      const auto piece = reader.piece();
      if (!piece || !*piece) break;
      if ((*piece)->offset > std::uint64_t{kMostTreeBytes}) return false;
    }
  }
}

}  // namespace

extern "C" int tree_archive_fuzz(const std::uint8_t* data, std::size_t size) {
  static const Place place;
  const ByteView bytes = std::as_bytes(std::span(data, size));
  if (!is_small(bytes)) return 0;
  // Without metadata: owners and nodes need rights, and a folder that may not be read could not be taken away again.
  const storage::TreePolicy policy{.unix_metadata = false};
  const Fd root = place.tree();
  storage::ByteQueue stream(size + 1);
  fill(stream, bytes);
  const auto written = storage::unpack_tree(stream, root.get(), policy);
  place.check_beside();
  if (!written) {
    require(!written.error().message.empty());
    return 0;
  }
  const auto read = storage::sum_tree(root.get(), policy);
  require(read && *read == *written);
  return 0;
}
