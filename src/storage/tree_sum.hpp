// A file tree boiled down to one number that does not depend on the order of its entries.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "crypto/sha256.hpp"

namespace aloft::storage {

// What a file system keeps of an entry, and which entries are let in.
struct TreePolicy {
  bool unix_metadata = true;  // owner, mode, times, links, extended attributes; without (FAT) only folders and plain files
  bool device_nodes = false;
};

// How deep folders may lie, and how long a path may be.
inline constexpr std::size_t kMaxTreeDepth = 128;
inline constexpr std::size_t kMaxTreePathBytes = 4095;

struct TreeEntry {
  std::string path;  // relative, without "./"; empty: the root
  mode_t mode = 0;   // with the type
  uid_t uid = 0;
  gid_t gid = 0;
  std::int64_t mtime_s = 0;
  dev_t device = 0;         // of a device node
  std::string link_target;  // of a symbolic link
  std::uint64_t size_bytes = 0;
  crypto::Digest content{};  // of a plain file
  std::map<std::string, std::string> xattrs;
};

// Adds up a digest of each entry. Two trees with the same sum and count hold the same, but for an attacker's work: what comes from outside
// has been checked against the manifest before, and this finds a device that fails.
class TreeSum {
 public:
  void add(const TreeEntry& entry, const TreePolicy& policy);
  std::uint64_t entries() const { return entries_; }
  bool operator==(const TreeSum&) const = default;

 private:
  std::array<std::uint64_t, 4> lanes_{};
  std::uint64_t entries_ = 0;
};

// ext4 makes this folder by itself; it does not count.
inline constexpr const char* kLostAndFound = "lost+found";

// What stands under a name in a folder, as the sum sees it, content included; path is what it is called in the tree. Nothing is followed,
// and no pipe waited for. kTreeEntry for a folder or a socket.
Result<TreeEntry> describe_entry(int folder_fd, const std::string& name, const std::string& path, const TreePolicy& policy);

// The sum of what lies under the folder `root_fd`, read anew. Memory: one entry and the folders open on the way down.
// Errors: file errors, kTreeEntry for what no writer of ours makes (sockets, deeper than kMaxTreeDepth).
Result<TreeSum> sum_tree(int root_fd, const TreePolicy& policy);

}  // namespace aloft::storage
