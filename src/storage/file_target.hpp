// One file in a file system, replaced as a whole.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>

#include "storage/target.hpp"
#include "storage/volume.hpp"

namespace aloft::storage {

// The file is written under a new name beside the old one, flushed, read back by digest, renamed over it, and the folder flushed: a power
// cut leaves the old or the new file, whole. On FAT, where a rename is not atomic, the old file is removed first and the new one written in
// its place: that is right only for a file that nothing boots or uses until the update is armed, so with OnFat::refuse it is an error
// (kNotOnFat).
enum class OnFat : std::uint8_t { refuse, write_in_place };

class FileTarget final : public StreamTarget {
 public:
  // `volume` holds the file system; without one `path` lies in the running system. The folder must be there.
  FileTarget(std::unique_ptr<Volume> volume, std::filesystem::path path, mode_t mode, OnFat on_fat)
      : volume_(std::move(volume)), path_(std::move(path)), mode_(mode), on_fat_(on_fat) {}
  ~FileTarget() override { abort(); }
  Result<> begin(const bundle::Image& image) override;
  Result<> append(ByteView content) override;
  Result<> finish() override;
  void abort() override;

 private:
  Result<Fd> open_folder();
  Result<> read_back() const;
  Result<> close_all();
  std::unique_ptr<Volume> volume_;
  const std::filesystem::path path_;
  const mode_t mode_;
  const OnFat on_fat_;
  crypto::Digest expected_{};
  Fd root_;
  Fd folder_;
  Fd file_;
  std::string fresh_name_;
};

}  // namespace aloft::storage
