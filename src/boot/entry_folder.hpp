// The folder of boot entries on the EFI system partition: the seam for the power-cut test. FAT has no journal: a new, a removed or a
// renamed file may come out of a power cut with the wrong size or content, or under both names. So this folder makes files only with
// content that the boot loader passes over, and everything that counts is a sector written in place.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft::boot {

// One thread at a time. Errors: those of base/file.hpp, kBootStateWrite.
class EntryFolder {
 public:
  virtual ~EntryFolder() = default;
  // File names, sorted.
  virtual Result<std::vector<std::string>> names() = 0;
  // At most kMostEntryBytes + 1 bytes, as the device has them.
  virtual Result<std::string> read(std::string_view name) = 0;
  // A new file of so many bytes, all '#'. One that exists is replaced. Durable once returned; a power cut before leaves no such file, or
  // one of any size up to this with any content.
  virtual Result<> create_blank(std::string_view name, std::size_t size_bytes) = 0;
  // One sector of a file that has it. Durable once returned; a power cut before leaves the old or the new sector.
  virtual Result<> write_sector(std::string_view name, std::size_t index, std::string_view sector) = 0;
  // Durable once returned; a power cut before leaves the file or not. No error where it is gone.
  virtual Result<> remove(std::string_view name) = 0;
  virtual Result<> check_writable() = 0;
};

// On a mounted FAT (or any other file system).
class MountedFolder final : public EntryFolder {
 public:
  explicit MountedFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Result<std::vector<std::string>> names() override;
  Result<std::string> read(std::string_view name) override;
  Result<> create_blank(std::string_view name, std::size_t size_bytes) override;
  Result<> write_sector(std::string_view name, std::size_t index, std::string_view sector) override;
  Result<> remove(std::string_view name) override;
  Result<> check_writable() override;

 private:
  Result<> sync_folder();
  std::filesystem::path folder_;
};

}  // namespace aloft::boot
