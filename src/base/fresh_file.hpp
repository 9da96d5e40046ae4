// A file that has its name only once it is whole.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/file.hpp"

namespace aloft {

// Whether a file may take this name: there is nothing, or a file. A rename would also take the place of a device in /dev. Errors:
// kBadArgument.
Result<> check_replaceable(const std::filesystem::path& path);

// A file that is made must not take the place of one that it is made from. Of inputs that are not there nothing is said. Errors:
// kBadArgument.
Result<> check_apart(const std::filesystem::path& output, const std::vector<std::filesystem::path>& inputs);

// Written without a name, so that nothing is left of what was broken off; where that cannot be (O_TMPFILE, open(2); /proc),
// under a name beside PATH that no other file has, which goes with the object. Where PATH is a symbolic link, what it leads to is replaced.
class FreshFile {
 public:
  // Errors: as check_replaceable(), file errors.
  static Result<FreshFile> create(const std::filesystem::path& path);
  FreshFile(FreshFile&& other) noexcept
      : path_(std::move(other.path_)), named_(std::exchange(other.named_, {})), fd_(std::move(other.fd_)) {}
  FreshFile& operator=(FreshFile&&) = delete;
  ~FreshFile();
  int fd() const { return fd_.get(); }
  // Durable, and in place of an earlier file of that name, when it returns. Once.
  Result<> publish();

 private:
  FreshFile(std::filesystem::path path, std::filesystem::path named, Fd fd)
      : path_(std::move(path)), named_(std::move(named)), fd_(std::move(fd)) {}
  std::filesystem::path path_;
  std::filesystem::path named_;  // its name until it is published; empty: none
  Fd fd_;
};

// The same with content that is at hand.
Result<> write_fresh(const std::filesystem::path& path, std::string_view content);

// A file without a name in `folder`, for reading and writing; gone when it is closed. Errors: file errors.
Result<Fd> nameless_file(const std::filesystem::path& folder);

}  // namespace aloft
