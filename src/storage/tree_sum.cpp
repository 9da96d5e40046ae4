#include "storage/tree_sum.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "base/file.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

constexpr std::size_t kSummedBytes = 256 << 10;
constexpr std::size_t kXattrBytes = 64 << 10;

void put(Bytes& text, std::string_view value) {
  const auto size = static_cast<std::uint64_t>(value.size());
  const auto* head = reinterpret_cast<const std::byte*>(&size);
  text.insert(text.end(), head, head + sizeof size);
  const ByteView bytes = as_bytes(value);
  text.insert(text.end(), bytes.begin(), bytes.end());
}

std::string joined(const std::string& folder, const std::string& name) { return folder.empty() ? name : folder + "/" + name; }

class Walk {
 public:
  explicit Walk(const TreePolicy& policy) : policy_(policy) {}
  Result<> folder(Fd fd, const std::string& path, std::size_t depth);
  TreeSum sum;

 private:
  Result<> entry(int folder_fd, const std::string& path, const char* name, std::size_t depth);
  const TreePolicy& policy_;
};

void take_metadata(const struct stat& status, TreeEntry& entry) {
  entry.mode = status.st_mode;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime_s = status.st_mtim.tv_sec;
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) entry.device = status.st_rdev;
}

Result<> read_xattrs(int fd, TreeEntry& entry, const TreePolicy& policy) {
  if (!policy.unix_metadata) return {};
  std::string names(kXattrBytes, '\0');
  const ssize_t size = ::flistxattr(fd, names.data(), names.size());
  if (size < 0 && errno == ENOTSUP) return {};
  if (size < 0) return fail(system_error("listing the attributes of", entry.path, errno));
  names.resize(static_cast<std::size_t>(size));
  for (std::size_t at = 0; at < names.size(); at += std::strlen(names.c_str() + at) + 1) {
    const char* name = names.c_str() + at;
    std::string value(kXattrBytes, '\0');
    const ssize_t count = ::fgetxattr(fd, name, value.data(), value.size());
    if (count < 0) return fail(system_error("reading an attribute of", entry.path, errno));
    value.resize(static_cast<std::size_t>(count));
    entry.xattrs[name] = value;
  }
  return {};
}

Result<> read_content(int fd, TreeEntry& entry) {
  Bytes buffer(kSummedBytes);
  crypto::Sha256 hash;
  for (;;) {
    const std::size_t count = TRY(read_full(fd, buffer));
    hash.update(ByteView(buffer).first(count));
    entry.size_bytes += count;
    if (count < buffer.size()) break;
  }
  entry.content = hash.finish();
  return {};
}

Result<> read_file_at(int folder_fd, const std::string& name, TreeEntry& entry, const TreePolicy& policy) {
  const Fd fd(::openat(folder_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail(system_error("opening", entry.path, errno));
  TRY(read_content(fd.get(), entry));
  return read_xattrs(fd.get(), entry, policy);
}

Result<> read_link_at(int folder_fd, const std::string& name, TreeEntry& entry) {
  std::string target(kMaxTreePathBytes + 1, '\0');
  const ssize_t size = ::readlinkat(folder_fd, name.c_str(), target.data(), target.size());
  if (size < 0) return fail(system_error("reading the link", entry.path, errno));
  entry.link_target = target.substr(0, static_cast<std::size_t>(size));
  return {};
}

Result<> Walk::entry(int folder_fd, const std::string& path, const char* name, std::size_t depth) {
  const std::string own_path = joined(path, name);
  struct stat status{};
  if (::fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return fail(system_error("looking at", own_path, errno));
  if (S_ISDIR(status.st_mode)) {
    Fd fd(::openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd) return fail(system_error("opening", own_path, errno));
    return folder(std::move(fd), own_path, depth + 1);
  }
  sum.add(TRY(describe_entry(folder_fd, name, own_path, policy_)), policy_);
  return {};
}

Result<> Walk::folder(Fd fd, const std::string& path, std::size_t depth) {
  if (depth > kMaxTreeDepth) return fail(kTreeEntry, path + " lies deeper than " + std::to_string(kMaxTreeDepth) + " folders");
  TreeEntry own{.path = path};
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail(system_error("looking at", path, errno));
  take_metadata(status, own);
  TRY(read_xattrs(fd.get(), own, policy_));
  sum.add(own, policy_);
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::fdopendir(fd.get()), ::closedir);
  if (!listing) return fail(system_error("listing", path, errno));
  const int folder_fd = fd.release();  // which the listing owns now
  for (;;) {
    errno = 0;
    const dirent* found = ::readdir(listing.get());
    if (found == nullptr && errno != 0) return fail(system_error("listing", path, errno));
    if (found == nullptr) return {};
    const std::string_view name = found->d_name;
    if (name == "." || name == ".." || (path.empty() && name == kLostAndFound)) continue;
    TRY(entry(folder_fd, path, found->d_name, depth));
  }
}

}  // namespace

void TreeSum::add(const TreeEntry& entry, const TreePolicy& policy) {
  Bytes text;
  put(text, entry.path);
  put(text, std::to_string(entry.mode & S_IFMT));
  put(text, std::to_string(entry.size_bytes));
  put(text, to_hex(entry.content));
  if (policy.unix_metadata) {
    const bool is_link = S_ISLNK(entry.mode);
    put(text, std::to_string(is_link ? 0 : entry.mode & 07777));
    put(text, std::to_string(entry.uid) + ":" + std::to_string(entry.gid));
    put(text, std::to_string(entry.mtime_s));
    put(text, std::to_string(major(entry.device)) + ":" + std::to_string(minor(entry.device)));
    put(text, entry.link_target);
    for (const auto& [name, value] : entry.xattrs) {
      if (name == "security.selinux") continue;  // the kernel's own labelling may add it
      put(text, name);
      put(text, value);
    }
  }
  const crypto::Digest digest = crypto::sha256(text);
  for (std::size_t lane = 0; lane < lanes_.size(); ++lane) {
    std::uint64_t part = 0;
    std::memcpy(&part, digest.data() + lane * sizeof part, sizeof part);
    lanes_[lane] += part;
  }
  ++entries_;
}

Result<TreeEntry> describe_entry(int folder_fd, const std::string& name, const std::string& path, const TreePolicy& policy) {
  TreeEntry entry{.path = path};
  struct stat status{};
  if (::fstatat(folder_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return fail(system_error("looking at", path, errno));
  take_metadata(status, entry);
  if (S_ISDIR(status.st_mode)) return fail(kTreeEntry, path + " is a folder");
  if (S_ISSOCK(status.st_mode)) return fail(kTreeEntry, path + " is a socket, which no archive holds");
  if (S_ISREG(status.st_mode)) TRY(read_file_at(folder_fd, name, entry, policy));
  if (S_ISLNK(status.st_mode)) TRY(read_link_at(folder_fd, name, entry));
  return entry;
}

Result<TreeSum> sum_tree(int root_fd, const TreePolicy& policy) {
  Fd fd(::openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(system_error("opening", "the tree", errno));
  Walk walk(policy);
  TRY(walk.folder(std::move(fd), "", 0));
  return walk.sum;
}

}  // namespace aloft::storage
