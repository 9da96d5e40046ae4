// A folder for a test's database; goes with it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace aloft::fleet {

class TestStoreFolder {
 public:
  TestStoreFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "aloft-store-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TestStoreFolder() { std::filesystem::remove_all(path_); }
  TestStoreFolder(const TestStoreFolder&) = delete;
  TestStoreFolder& operator=(const TestStoreFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file() const { return path_ / "fleet.db"; }

 private:
  std::filesystem::path path_;
};

}  // namespace aloft::fleet
