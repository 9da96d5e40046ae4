#include "storage/tree_writer.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

#include "base/file.hpp"
#include "storage/archive_reader.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

constexpr std::size_t kMaxFolderBytes = 16U << 20;
constexpr std::size_t kFolderOverhead = 256;
constexpr mode_t kImplicitMode = S_IFDIR | 0755;

std::unexpected<Error> refused(const std::string& path, const std::string& why) {
  return fail(kTreeEntry, "the archive's entry '" + path + "' " + why);
}

// Where an entry goes: a folder that is there, and a name in it.
struct Place {
  int folder_fd;
  std::string name;
};

class Unpacking {
 public:
  Unpacking(ByteQueue& stream, int root_fd, const TreePolicy& policy) : reader_(stream), root_fd_(root_fd), policy_(policy) {}
  Result<TreeSum> run();

 private:
  Result<TreeEntry> describe(archive_entry* found) const;
  Result<> check_kind(const TreeEntry& entry, archive_entry* found) const;
  Result<> make(archive_entry* found);
  Result<Place> place(const std::string& path);
  Result<> add_folder(const TreeEntry& entry);
  Result<> make_folder(const std::string& path);
  Result<> make_file(TreeEntry& entry, const Place& at);
  Result<> make_link(const TreeEntry& entry, const Place& at) const;
  Result<> make_hard_link(TreeEntry& entry, const std::string& target, const Place& at);
  Result<> make_node(const TreeEntry& entry, const Place& at) const;
  Result<> write_content(int fd, TreeEntry& entry);
  Result<> dress(int fd, const TreeEntry& entry) const;
  Result<> dress_at(const TreeEntry& entry, const Place& at) const;
  Result<> finish_folders();
  Result<Fd> open_beneath(const std::string& path, std::uint64_t flags) const;

  ArchiveReader reader_;
  const int root_fd_;
  const TreePolicy& policy_;
  std::map<std::string, TreeEntry> folders_;  // dressed at the end, when nothing changes their times any more
  std::size_t folder_bytes_ = 0;
  std::string parent_path_;
  Fd parent_;
  TreeSum sum_;
};

// "./a//b/" is a/b, "." the root.
Result<std::string> clean_path(const std::string& path) {
  if (path.empty() || path.front() == '/') return refused(path, "has no relative path");
  if (path.size() > kMaxTreePathBytes) return refused(path.substr(0, 80) + "...", "has too long a path");
  std::string clean;
  std::size_t depth = 0;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") return refused(path, "points out of its folder");
    if (++depth > kMaxTreeDepth) return refused(path.substr(0, 80) + "...", "lies too deep");
    if (clean == kLostAndFound) return refused(path, "lies in the file system's own folder");
    clean += (clean.empty() ? "" : "/") + part;
  }
  return clean;
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

Result<TreeEntry> Unpacking::describe(archive_entry* found) const {
  const char* path = ::archive_entry_pathname(found);
  TreeEntry entry{.path = TRY(clean_path(path != nullptr ? path : ""))};
  entry.mode = ::archive_entry_mode(found);
  entry.uid = static_cast<uid_t>(::archive_entry_uid(found));
  entry.gid = static_cast<gid_t>(::archive_entry_gid(found));
  entry.mtime_s = ::archive_entry_mtime(found);
  if (S_ISCHR(entry.mode) || S_ISBLK(entry.mode)) entry.device = ::archive_entry_rdev(found);
  if (const char* target = ::archive_entry_symlink(found); target != nullptr && S_ISLNK(entry.mode)) entry.link_target = target;
  ::archive_entry_xattr_reset(found);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (::archive_entry_xattr_next(found, &name, &value, &size) == ARCHIVE_OK) {
    entry.xattrs[name] = std::string(static_cast<const char*>(value), size);
  }
  return entry;
}

Result<> Unpacking::check_kind(const TreeEntry& entry, archive_entry* found) const {
  const bool plain = S_ISDIR(entry.mode) || S_ISREG(entry.mode);
  const bool hard_link = ::archive_entry_hardlink(found) != nullptr;
  if (!policy_.unix_metadata && (!plain || hard_link))
    return refused(entry.path, "is a link or node, which the slot's file system cannot hold");
  if ((S_ISCHR(entry.mode) || S_ISBLK(entry.mode)) && !policy_.device_nodes)
    return refused(entry.path, "is a device node; allow them by device_nodes = true in the slot, or leave it out");
  if (!plain && !hard_link && !S_ISLNK(entry.mode) && !S_ISCHR(entry.mode) && !S_ISBLK(entry.mode) && !S_ISFIFO(entry.mode))
    return refused(entry.path, "is of a kind that cannot be unpacked");
  if (::archive_entry_acl_types(found) != 0) return refused(entry.path, "has an access control list, which is not unpacked");
  if (!S_ISREG(entry.mode) && !S_ISDIR(entry.mode) && !entry.xattrs.empty())
    return refused(entry.path, "has extended attributes, which only files and folders may have");
  return {};
}

Result<Fd> Unpacking::open_beneath(const std::string& path, std::uint64_t flags) const {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  Fd fd(static_cast<int>(::syscall(SYS_openat2, root_fd_, path.empty() ? "." : path.c_str(), &how, sizeof how)));
  if (!fd) return fail(system_error("opening in the new tree", path, errno));
  return fd;
}

Result<> Unpacking::add_folder(const TreeEntry& entry) {
  const auto [known, fresh] = folders_.try_emplace(entry.path);
  known->second = entry;
  if (fresh) folder_bytes_ += entry.path.size() + kFolderOverhead;
  for (const auto& [name, value] : entry.xattrs) folder_bytes_ += name.size() + value.size();
  if (folder_bytes_ > kMaxFolderBytes) return fail(kTreeEntry, "the archive has more folders than can be kept in 16 MiB");
  return {};
}

// With its parents, as far as they are missing.
Result<> Unpacking::make_folder(const std::string& path) {
  if (path.empty() || folders_.contains(path)) return {};
  const Place at = TRY(place(path));
  const bool is_lost_found = path == kLostAndFound;
  if (::mkdirat(at.folder_fd, at.name.c_str(), 0755) != 0 && !(errno == EEXIST && is_lost_found))
    return fail(system_error("making the folder", path, errno));
  return add_folder({.path = path, .mode = kImplicitMode});
}

Result<Place> Unpacking::place(const std::string& path) {
  const std::string parent = parent_of(path);
  TRY(make_folder(parent));
  if (!parent_ || parent_path_ != parent) {
    parent_ = TRY(open_beneath(parent, O_RDONLY | O_DIRECTORY));
    parent_path_ = parent;
  }
  return Place{parent_.get(), name_of(path)};
}

Result<> Unpacking::dress(int fd, const TreeEntry& entry) const {
  if (!policy_.unix_metadata) return {};
  if (::fchown(fd, entry.uid, entry.gid) != 0) return fail(system_error("giving an owner to", entry.path, errno));
  if (::fchmod(fd, entry.mode & 07777) != 0) return fail(system_error("setting the mode of", entry.path, errno));
  for (const auto& [name, value] : entry.xattrs) {
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0)
      return fail(system_error("setting attribute " + name + " of", entry.path, errno));
  }
  const std::array<timespec, 2> times{{{0, UTIME_OMIT}, {entry.mtime_s, 0}}};
  if (::futimens(fd, times.data()) != 0) return fail(system_error("setting the time of", entry.path, errno));
  return {};
}

Result<> Unpacking::dress_at(const TreeEntry& entry, const Place& at) const {
  if (::fchownat(at.folder_fd, at.name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return fail(system_error("giving an owner to", entry.path, errno));
  if (!S_ISLNK(entry.mode) && ::fchmodat(at.folder_fd, at.name.c_str(), entry.mode & 07777, 0) != 0)
    return fail(system_error("setting the mode of", entry.path, errno));
  const std::array<timespec, 2> times{{{0, UTIME_OMIT}, {entry.mtime_s, 0}}};
  if (::utimensat(at.folder_fd, at.name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0)
    return fail(system_error("setting the time of", entry.path, errno));
  return {};
}

// Holes stay holes; the digest counts their zeros.
Result<> Unpacking::write_content(int fd, TreeEntry& entry) {
  crypto::Sha256 hash;
  std::uint64_t written = 0;
  const auto hash_zeros = [&](std::uint64_t until) {
    static constexpr std::array<std::byte, 64U << 10> kZeros{};
    while (written < until) {
      const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(until - written, kZeros.size()));
      hash.update(ByteView(kZeros).first(count));
      written += count;
    }
  };
  while (const auto piece = TRY(reader_.piece())) {
    hash_zeros(piece->offset);
    TRY(write_all_at(fd, piece->bytes, written));
    hash.update(piece->bytes);
    written += piece->bytes.size();
  }
  hash_zeros(entry.size_bytes);
  if (::ftruncate(fd, static_cast<off_t>(written)) != 0) return fail(system_error("sizing", entry.path, errno));
  entry.size_bytes = written;
  entry.content = hash.finish();
  return {};
}

Result<> Unpacking::make_file(TreeEntry& entry, const Place& at) {
  const Fd fd(::openat(at.folder_fd, at.name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd && errno == EEXIST) return refused(entry.path, "stands in it twice");
  if (!fd) return fail(system_error("making", entry.path, errno));
  TRY(write_content(fd.get(), entry));
  return dress(fd.get(), entry);
}

Result<> Unpacking::make_link(const TreeEntry& entry, const Place& at) const {
  if (::symlinkat(entry.link_target.c_str(), at.folder_fd, at.name.c_str()) != 0)
    return fail(system_error("making the link", entry.path, errno));
  return dress_at(entry, at);
}

Result<> Unpacking::make_node(const TreeEntry& entry, const Place& at) const {
  if (::mknodat(at.folder_fd, at.name.c_str(), entry.mode & (S_IFMT | 0777), entry.device) != 0)
    return fail(system_error("making the node", entry.path, errno));
  return dress_at(entry, at);
}

// One more name of what is there already, whatever it is but a folder; it is looked at once more, for the sum.
Result<> Unpacking::make_hard_link(TreeEntry& entry, const std::string& target, const Place& at) {
  const std::string known = TRY(clean_path(target));
  const auto folder = open_beneath(parent_of(known), O_RDONLY | O_DIRECTORY);
  if (!folder) return refused(entry.path, "is a hard link to '" + known + "', whose folder is not in the archive");
  if (::linkat(folder->get(), name_of(known).c_str(), at.folder_fd, at.name.c_str(), 0) != 0) {
    if (errno == ENOENT) return refused(entry.path, "is a hard link to '" + known + "', which does not stand before it");
    if (errno == EPERM) return refused(entry.path, "is a hard link to '" + known + "', which can have no second name");
    if (errno == EEXIST) return refused(entry.path, "stands in it twice");
    return fail(system_error("linking", entry.path, errno));
  }
  entry = TRY(describe_entry(at.folder_fd, at.name, entry.path, policy_));
  sum_.add(entry, policy_);
  return {};
}

Result<> Unpacking::make(archive_entry* found) {
  TreeEntry entry = TRY(describe(found));
  TRY(check_kind(entry, found));
  const char* hard_link = ::archive_entry_hardlink(found);
  if (S_ISDIR(entry.mode) && hard_link == nullptr) {
    TRY(make_folder(entry.path));
    return add_folder(entry);
  }
  if (entry.path.empty()) return refused(".", "is no folder");
  const Place at = TRY(place(entry.path));
  if (hard_link != nullptr) return make_hard_link(entry, hard_link, at);
  if (S_ISREG(entry.mode)) {
    entry.size_bytes = static_cast<std::uint64_t>(std::max<la_int64_t>(0, ::archive_entry_size(found)));
    TRY(make_file(entry, at));
  } else if (S_ISLNK(entry.mode)) {
    TRY(make_link(entry, at));
  } else {
    TRY(make_node(entry, at));
  }
  sum_.add(entry, policy_);
  return {};
}

Result<> Unpacking::finish_folders() {
  for (const auto& [path, entry] : folders_) {
    const Fd fd = TRY(open_beneath(path, O_RDONLY | O_DIRECTORY));
    TRY(dress(fd.get(), entry));
    if (path != kLostAndFound) sum_.add(entry, policy_);
  }
  return {};
}

Result<TreeSum> Unpacking::run() {
  TRY(add_folder({.path = "", .mode = kImplicitMode}));
  while (archive_entry* found = TRY(reader_.next())) TRY(make(found));
  TRY(finish_folders());
  return sum_;
}

}  // namespace

Result<TreeSum> unpack_tree(ByteQueue& stream, int root_fd, const TreePolicy& policy) { return Unpacking(stream, root_fd, policy).run(); }

}  // namespace aloft::storage
