// Files of a tree by their paths, which somebody else has chosen.
#pragma once

#include <string>

#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/result.hpp"

namespace aloft::agent {

// Regular files only, and only those that are reached from the root folder by folders of its own file system: no symbolic link is followed,
// no mount is crossed, and "..", wherever it stands, leads nowhere (openat2(2), Linux 5.6). One thread; one file is open at a time.
class TreeFiles {
 public:
  explicit TreeFiles(Fd root) : root_(std::move(root)) {}
  // Fills `out`. Errors: delta::kWrongSource for a file that is not there or too short, and for what is no file.
  Result<> read(const std::string& path, std::uint64_t offset, MutableByteView out);

 private:
  const Fd root_;
  Fd file_;  // the last one
  std::string path_;
};

}  // namespace aloft::agent
