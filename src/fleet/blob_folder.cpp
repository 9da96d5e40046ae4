#include "fleet/blob_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/errors.hpp"
#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

std::unexpected<Error> explained(Error error) {
  if (error.code.number != kNoSpace.number) return fail(std::move(error));
  return fail(kStoreFull, "the server's disk is full; nothing of this file was kept: make room in its data folder and try again");
}

Result<> flush_folder(const std::filesystem::path& folder) {
  const Fd fd = TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
  if (::fsync(fd.get()) != 0) return fail(system_error("cannot flush folder", folder, errno));
  return {};
}

Result<> make_folder(const std::filesystem::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return explained(system_error("cannot make folder", folder, errno));
  return flush_folder(folder.parent_path());
}

}  // namespace

Result<BlobFolder> BlobFolder::open(const std::filesystem::path& folder) {
  TRY(make_folder(folder / "blobs"));
  TRY(make_folder(folder / "incoming"));
  std::error_code error;
  for (const auto& left : std::filesystem::directory_iterator(folder / "incoming", error)) std::filesystem::remove(left.path(), error);
  return BlobFolder(folder);
}

BlobFolder::Upload::~Upload() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<> BlobFolder::Upload::write(ByteView bytes) {
  const Result<> written = write_all(file_.get(), bytes);
  if (!written) return explained(written.error());
  sha256_.update(bytes);
  old_digests_.update(bytes);
  size_bytes_ += bytes.size();
  return {};
}

Result<crypto::Digest> BlobFolder::Upload::seal() {
  if (::fsync(file_.get()) != 0) return explained(system_error("cannot flush", path_, errno));
  return sha256_.finish();
}

Result<BlobFolder::Upload> BlobFolder::begin(Random& random) const {
  std::array<std::byte, 16> name{};
  random.fill(name);
  std::filesystem::path path = folder_ / "incoming" / to_hex(name);
  Result<Fd> file = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
  if (!file) return explained(file.error());
  return Upload(std::move(path), *std::move(file));
}

Result<> BlobFolder::publish(Upload upload, const crypto::Digest& sha256) const {
  const std::filesystem::path path = path_of(sha256);
  if (contains(sha256)) return flush_folder(path.parent_path());  // whoever named it may have ended before that
  TRY(make_folder(path.parent_path()));
  if (::rename(upload.path_.c_str(), path.c_str()) != 0) return explained(system_error("cannot name", path, errno));
  upload.path_.clear();
  return flush_folder(path.parent_path());
}

Result<Fd> BlobFolder::read(const crypto::Digest& sha256) const { return open_file(path_of(sha256), O_RDONLY); }

Result<> BlobFolder::remove(const crypto::Digest& sha256) const {
  const std::filesystem::path path = path_of(sha256);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail(system_error("cannot delete", path, errno));
  return {};
}

bool BlobFolder::contains(const crypto::Digest& sha256) const { return ::access(path_of(sha256).c_str(), F_OK) == 0; }

std::filesystem::path BlobFolder::path_of(const crypto::Digest& sha256) const {
  const std::string hex = to_hex(sha256);
  return folder_ / "blobs" / hex.substr(0, 2) / hex;
}

}  // namespace aloft::fleet
