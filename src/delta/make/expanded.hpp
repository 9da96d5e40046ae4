// An image with what its file system has compressed taken apart.
#pragma once

#include <optional>

#include "delta/make/cuts.hpp"
#include "delta/make/layout.hpp"
#include "delta/make/mapped_file.hpp"

namespace aloft::delta {

// A run of the image as it stands, or a block of it and its content.
struct Segment {
  std::uint64_t offset;                      // in the image
  std::uint64_t image_bytes;                 // there
  std::uint64_t place;                       // in the expanded image
  std::uint64_t content_bytes;               // there
  bool is_block;                             // or a stream, or a run of one
  Compressor compressor = Compressor::zstd;  // of a block or stream
  const Cut* cut = nullptr;                  // of the new image: the run of a stream that this is
  std::uint64_t follow_bytes = 0;            // as Packed has it
  std::uint64_t offset_end() const { return offset + image_bytes; }
  std::uint64_t place_end() const { return place + content_bytes; }
};

// The segments follow each other without gaps in both spaces. An image that is not taken apart is one run, and its own expansion.
class Expanded {
 public:
  // Blocks that cannot be unpacked are taken as they are. Streams are one segment, or as many as `cuts` has of them. The expansion lies in
  // a nameless file in `folder`. The image and the cuts must outlive this. Memory: a stream's content. Errors: file errors.
  static Result<Expanded> create(const MappedFile& image, const Layout& layout, const std::filesystem::path& folder,
                                 const std::vector<StreamCuts>& cuts = {});

  ByteView bytes() const { return file_ ? file_->bytes() : image_->bytes(); }
  ByteView image() const { return image_->bytes(); }
  const std::vector<Segment>& segments() const { return segments_; }
  // The segment that holds the image's byte, or the expansion's.
  const Segment& at_offset(std::uint64_t offset) const;
  const Segment& at_place(std::uint64_t place) const;
  ByteView packed(const Segment& segment) const { return image().subspan(segment.offset, segment.image_bytes); }
  ByteView content(const Segment& segment) const { return bytes().subspan(segment.place, segment.content_bytes); }
  // Gives back the pages that were read.
  void relax() const;

 private:
  explicit Expanded(const MappedFile& image) : image_(&image) {}
  const MappedFile* image_;
  std::optional<MappedFile> file_;
  std::vector<Segment> segments_;
};

}  // namespace aloft::delta
