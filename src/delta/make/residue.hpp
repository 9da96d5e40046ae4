// What exact matching left over, put together without what lies between.
#pragma once

#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "delta/make/cover.hpp"

namespace aloft::delta {

struct Remnant {
  std::uint64_t offset;  // in the image
  std::uint64_t size_bytes;
  std::uint64_t place;  // in the residue
};

// Remnants of one image, one behind the other.
class Residue {
 public:
  // Only runs of one repeated byte are left out of one, from 4096 bytes on.
  void add(ByteView image, std::uint64_t offset, std::uint64_t end);
  std::uint64_t size_bytes() const { return remnants_.empty() ? 0 : remnants_.back().place + remnants_.back().size_bytes; }
  const std::vector<Remnant>& remnants() const { return remnants_; }
  // The bytes from `begin` to `end` of the residue.
  Bytes copy(ByteView image, std::uint64_t begin, std::uint64_t end) const;
  // The remnant that holds the residue's byte at `place`.
  const Remnant& at_place(std::uint64_t place) const;

 private:
  void add_plain(std::uint64_t offset, std::uint64_t end);
  std::vector<Remnant> remnants_;
};

// The new image without what the covers have.
Residue uncovered_target(ByteView target, const Covers& covers);
// The old image without what the covers read, but for gaps of less than 32 KiB.
Residue unread_source(ByteView source, const Covers& covers);

// A cover of two residues as covers of their images: cut where one of them goes on elsewhere.
void split_cover(const Cover& cover, const Residue& target, const Residue& source, Covers& out);

}  // namespace aloft::delta
