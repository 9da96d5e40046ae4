// A file system in memory whose power can be cut, in two kinds: FAT, where each sector of metadata goes its own way, and a journaling
// one (ext4 and its like), where metadata changes are kept in order but data that was not synced may follow later or never.
// Each call below is one system call of the program, and tears as it would on the real thing. For tests and simulations.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "storage/sim_medium.hpp"

namespace aloft::storage {

// One folder of files. A call on a file that is not there is a mistake of the test and aborts.
class SimVolume : public SimMedium {
 public:
  // As the program sees it, written or not; as the boot loader and the next start see it after settle().
  virtual std::optional<std::string> read(std::string_view name) const = 0;
  // An empty file under a name that is free.
  virtual void create(std::string_view name) = 0;
  // To nothing, as O_TRUNC does.
  virtual void truncate(std::string_view name) = 0;
  // At the end of the file.
  virtual void append(std::string_view name, std::string_view bytes) = 0;
  // Within the file: allocates nothing, changes no metadata.
  virtual void overwrite(std::string_view name, std::size_t offset, std::string_view bytes) = 0;
  // rename(2): over a file of that name, if there is one.
  virtual void move(std::string_view from, std::string_view to) = 0;
  virtual void remove(std::string_view name) = 0;
  // fsync of the file; and of the folder.
  virtual void sync(std::string_view name) = 0;
  virtual void sync_folder() = 0;
  // The factory's content, durable and uncounted.
  virtual void fill(std::string_view name, std::string_view content) = 0;

 protected:
  static void expect(bool truth) {
    if (!truth) std::abort();
  }
};

}  // namespace aloft::storage
