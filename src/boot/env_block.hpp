// Where GRUB's environment block lies: a file on the EFI system partition, and the seam for the power-cut test.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace aloft::boot {

class EnvBlock {
 public:
  virtual ~EnvBlock() = default;
  // All of it as the device has it, at most 4096 bytes.
  virtual Result<std::string> read() = 0;
  // One sector in place; never truncates, renames or grows. Durable once returned; a power cut before leaves the old or the new sector.
  virtual Result<> write_sector(std::size_t index, std::string_view sector) = 0;
  // For a file that is missing or has another size: a whole new one of two sectors. Not safe against a power cut; only for a state that
  // is lost anyway.
  virtual Result<> create(std::string_view block) = 0;
};

class EnvFile final : public EnvBlock {
 public:
  explicit EnvFile(std::filesystem::path path) : path_(std::move(path)) {}
  Result<std::string> read() override;
  Result<> write_sector(std::size_t index, std::string_view sector) override;
  Result<> create(std::string_view block) override;

 private:
  std::filesystem::path path_;
};

}  // namespace aloft::boot
