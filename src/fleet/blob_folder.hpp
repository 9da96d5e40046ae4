// Artifacts as files of a folder, named by their SHA-256: blobs/ab/ab12... A file under its final name is whole and durable; anything
// else lies in incoming/ and is swept away at the next start.
#pragma once

#include <cstdint>
#include <filesystem>

#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/random.hpp"
#include "base/result.hpp"
#include "crypto/old_digests.hpp"
#include "crypto/sha256.hpp"

namespace aloft::fleet {

class BlobFolder {
 public:
  // Makes the folders, and removes what an interrupted upload has left. Errors: kStoreFull, file errors.
  static Result<BlobFolder> open(const std::filesystem::path& folder);

  // One file on its way in. Leaves nothing behind unless published. One thread at a time.
  class Upload {
   public:
    Upload(Upload&&) noexcept = default;
    Upload& operator=(Upload&&) = delete;
    ~Upload();
    Result<> write(ByteView bytes);                                          // kStoreFull when the disk is full
    Result<crypto::Digest> seal();                                           // all of it is on the disk; the digest names it
    crypto::OldDigests::Hex old_digests() { return old_digests_.finish(); }  // once, after seal()
    const std::filesystem::path& path() const { return path_; }
    std::uint64_t size_bytes() const { return size_bytes_; }

   private:
    friend class BlobFolder;
    Upload(std::filesystem::path path, Fd file) : path_(std::move(path)), file_(std::move(file)) {}
    std::filesystem::path path_;
    Fd file_;
    crypto::Sha256 sha256_;
    crypto::OldDigests old_digests_;
    std::uint64_t size_bytes_ = 0;
  };
  Result<Upload> begin(Random& random) const;
  // Gives a sealed upload its final name, durably. The same content may be there already: then that stays.
  Result<> publish(Upload upload, const crypto::Digest& sha256) const;

  Result<Fd> read(const crypto::Digest& sha256) const;  // kNotFound
  Result<> remove(const crypto::Digest& sha256) const;  // not there is no error
  bool contains(const crypto::Digest& sha256) const;
  std::filesystem::path path_of(const crypto::Digest& sha256) const;  // whether it is there or not
  // Where another program may make a file that then comes in by begin(): swept away at the next start like an upload.
  std::filesystem::path workplace() const { return folder_ / "incoming"; }

 private:
  explicit BlobFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace aloft::fleet
