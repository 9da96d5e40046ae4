// For tests: what a program asks the kernel for, so that a flush that is left out, or comes too early, is seen without a power cut. In a
// program that this is linked into, the functions that write, make, rename, remove and flush files are noted on their way to libc.
#pragma once

#include <filesystem>
#include <string>

namespace aloft::test {

// A folder of its own, and the calls of all threads on files in it. One at a time.
class FileCalls {
 public:
  FileCalls();
  ~FileCalls();
  FileCalls(const FileCalls&) = delete;
  FileCalls& operator=(const FileCalls&) = delete;
  const std::filesystem::path& folder() const { return folder_; }
  // Those that succeeded since this was last asked, in order: "write NAME" ("write through NAME" by O_DSYNC), "make NAME" (a folder),
  // "rename NAME NAME", "remove NAME", "fsync NAME", "fdatasync NAME", with ", " between them. NAME is relative, "." the folder itself.
  // The same several times in a row stands once.
  std::string taken();

  // For the functions that are noted.
  static void note(const char* call, int fd);
  static void note(const char* call, const std::filesystem::path& path, const std::filesystem::path& to = {});

 private:
  std::filesystem::path folder_;
  std::string noted_;
  std::string last_;
};

}  // namespace aloft::test
