#pragma once
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "require.hpp"

// A folder for what a target writes; in memory where the system has such a place. Goes with the object.
class MemoryFolder {
 public:
  MemoryFolder() {
    namespace fs = std::filesystem;
    std::string name = ((fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path()) / "aloft-fuzz-XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  MemoryFolder(const MemoryFolder&) = delete;
  MemoryFolder& operator=(const MemoryFolder&) = delete;
  ~MemoryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};
