#include "delta/make/expanded.hpp"

#include <algorithm>

#include "base/fresh_file.hpp"
#include "delta/make/streams.hpp"

namespace aloft::delta {
namespace {

constexpr std::size_t kWriteBytes = 1 << 20;

// Appends to the segments and to the file of the expansion.
class Expansion {
 public:
  Expansion(ByteView image, int fd, std::vector<Segment>& segments) : image_(image), fd_(fd), segments_(segments) {}

  Result<> raw(std::uint64_t end) {
    if (offset_ >= end) return {};
    segments_.push_back({offset_, end - offset_, place_, end - offset_, false});
    place_ += end - offset_;
    while (offset_ < end) {
      const std::uint64_t size = std::min<std::uint64_t>(kWriteBytes, end - offset_);
      TRY(write(image_.subspan(offset_, size)));
      offset_ += size;
    }
    return {};
  }

  Result<> block(const Packed& packed, Compressor compressor, ByteView content) {
    TRY(raw(packed.offset));
    segments_.push_back({packed.offset, packed.packed_bytes, place_, content.size(), true, compressor, nullptr, packed.follow_bytes});
    place_ += content.size();
    offset_ = packed.offset_end();
    return write(content);
  }

  Result<> stream(const Stream& stream, const StreamCuts* cuts) {
    TRY(raw(stream.offset));
    if (cuts == nullptr) segments_.push_back({stream.offset, stream.packed_bytes, place_, stream.content_bytes, true, stream.compressor});
    if (cuts != nullptr) {
      for (const Cut& cut : cuts->cuts)
        segments_.push_back({stream.offset + cut.packed_begin, cut.packed_end - cut.packed_begin, place_ + cut.content_begin,
                             cut.content_end - cut.content_begin, true, stream.compressor, &cut});
    }
    place_ += stream.content_bytes;
    offset_ = stream.offset_end();
    return write(content_of(image_, stream));
  }

  Result<> finish() {
    TRY(raw(image_.size()));
    return write_all(fd_, waiting_);
  }

 private:
  Result<> write(ByteView bytes) {
    waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
    if (waiting_.size() < kWriteBytes) return {};
    TRY(write_all(fd_, waiting_));
    waiting_.clear();
    return {};
  }
  ByteView image_;
  int fd_;
  std::vector<Segment>& segments_;
  std::uint64_t offset_ = 0;
  std::uint64_t place_ = 0;
  Bytes waiting_;
};

}  // namespace

Result<Expanded> Expanded::create(const MappedFile& image, const Layout& layout, const std::filesystem::path& folder,
                                  const std::vector<StreamCuts>& cuts) {
  Expanded expanded(image);
  const ByteView bytes = image.bytes();
  if (layout.blocks.empty() && layout.streams.empty()) {
    expanded.segments_.push_back({0, bytes.size(), 0, bytes.size(), false});
    return expanded;
  }
  const Fd fd = TRY(nameless_file(folder));
  Expansion expansion(bytes, fd.get(), expanded.segments_);
  Coders coders({BlockCoding{.compressor = layout.compressor}});
  BlockCoder* coder = TRY(coders.at(0));
  Bytes content;
  std::uint64_t relaxed = 0;
  for (const Packed& packed : layout.blocks) {
    content.resize(static_cast<std::size_t>(packed.content_limit_bytes));
    const auto size = coder->decode(bytes.subspan(packed.offset, packed.packed_bytes), content);
    if (size && *size > 0) TRY(expansion.block(packed, layout.compressor, ByteView(content).first(*size)));
    if (packed.offset - relaxed < kRelaxEvery) continue;
    image.relax();
    relaxed = packed.offset;
  }
  for (std::size_t i = 0; i < layout.streams.size(); ++i) {
    if (!cuts.empty() && cuts[i].cuts.empty()) continue;
    TRY(expansion.stream(layout.streams[i], cuts.empty() ? nullptr : &cuts[i]));
  }
  TRY(expansion.finish());
  expanded.file_.emplace(TRY(MappedFile::map(fd.get(), folder / "expanded image")));
  return expanded;
}

const Segment& Expanded::at_offset(std::uint64_t offset) const {
  return *(std::ranges::upper_bound(segments_, offset, {}, &Segment::offset) - 1);
}

const Segment& Expanded::at_place(std::uint64_t place) const {
  return *(std::ranges::upper_bound(segments_, place, {}, &Segment::place) - 1);
}

void Expanded::relax() const {
  image_->relax();
  if (file_) file_->relax();
}

}  // namespace aloft::delta
