// Blocks of the old image taken apart: what the operations of a record read as one piece.
#pragma once

#include <cstdint>
#include <vector>

#include "base/byte_source.hpp"
#include "delta/block_coding.hpp"
#include "delta/old_stream.hpp"

namespace aloft::delta {

inline constexpr std::uint64_t kKeptPartBytes = 768ULL << 10;  // unpacked parts that stay
inline constexpr std::size_t kKeptStreams = 2;

struct OldPart {
  std::uint64_t offset = 0;         // in the old image
  std::uint64_t packed_bytes = 0;   // there
  std::uint64_t content_bytes = 0;  // of what it unpacks to
  std::uint64_t coding = 0;         // number of its coding
  bool operator==(const OldPart&) const = default;
};

// The parts that a record names, one behind the other. They are unpacked as they are read, and the last ones stay, also for the next
// record. A part of a stream's compressor is the whole stream, which is unpacked only as far as it is read. One thread at a time. Memory:
// 768 KiB of unpacked parts or one larger one, and one packed one; two streams.
class OldParts {
 public:
  // `coders` must outlive this.
  explicit OldParts(Coders& coders) : coders_(coders) {}
  // Forgets the parts; the record to come may have unpack_limit_bytes unpacked.
  void begin(ByteSource& source, std::uint64_t source_bytes, std::uint64_t unpack_limit_bytes);
  // The place of the part's first byte. Errors: kBadRecord.
  Result<std::uint64_t> add(const OldPart& part);
  std::uint64_t size_bytes() const { return places_.empty() ? 0 : places_.back() + parts_.back().content_bytes; }
  // `place` and all of `out` must lie within size_bytes. Errors: kBadRecord, kWrongSource, the source's own.
  Result<> read(std::uint64_t place, MutableByteView out);

 private:
  struct Kept {
    OldPart part;
    Bytes content;
  };
  struct KeptStream {
    OldPart part;
    std::unique_ptr<OldStream> stream;
  };
  Result<ByteView> unpacked(const OldPart& part);
  Result<> read_stream(std::size_t index, std::uint64_t place, MutableByteView out);
  OldStream& stream_of(const OldPart& part);
  Result<> spend(std::uint64_t bytes);
  void make_room(std::uint64_t content_bytes);

  Coders& coders_;
  ByteSource* source_ = nullptr;
  std::uint64_t source_bytes_ = 0;
  std::uint64_t unpack_left_ = 0;
  std::vector<OldPart> parts_;
  std::vector<std::uint64_t> places_;
  std::vector<Compressor> compressors_;
  std::vector<Kept> kept_;  // the last used one at the end
  std::uint64_t kept_bytes_ = 0;
  std::vector<KeptStream> streams_;  // likewise
  std::vector<StreamCost> costs_;    // one per part
  Bytes packed_;
};

}  // namespace aloft::delta
