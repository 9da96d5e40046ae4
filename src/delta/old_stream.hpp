// A compressed stream of the old image, read at any place of its content without room for all of it.
#pragma once

#include <memory>
#include <vector>

#include "base/byte_source.hpp"
#include "delta/block_coding.hpp"

namespace aloft::delta {

inline constexpr std::size_t kStreamWindowBytes = 1ULL << 20;  // unpacked last, and kept
inline constexpr std::size_t kMaxMarks = 8;                    // places to go on from
inline constexpr std::uint64_t kFirstMarkBytes = 1ULL << 20;   // between two of them; twice as much whenever there are too many

// The packed bytes of a stream, in order. Errors: kWrongSource when they end, the source's own.
class PackedInput {
 public:
  PackedInput(ByteSource& source, std::uint64_t offset, std::uint64_t end) : source_(&source), offset_(offset), end_(end) {}
  // The ones next in order, at least one; they are not taken yet.
  Result<ByteView> look();
  void take(std::size_t size) { used_ += size; }
  Result<std::byte> next();
  std::uint64_t offset() const { return offset_ - room_.size() + used_; }
  void seek(std::uint64_t offset);
  void use(ByteSource& source) { source_ = &source; }

 private:
  ByteSource* source_;
  std::uint64_t offset_;  // behind what is in room_
  std::uint64_t end_;
  Bytes room_;
  std::size_t used_ = 0;
};

// What unpacks a stream in order. It may look back in what it has made by 64 KiB.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  // Fills all of `out`, which lies in a ring of kStreamWindowBytes at its proper place. Errors: kWrongSource, the source's own.
  virtual Result<> decode(PackedInput& in, std::span<std::byte, kStreamWindowBytes> ring, MutableByteView out) = 0;
  // A decoder that goes on from here, for which `ring` must have the 64 KiB before.
  virtual std::unique_ptr<StreamDecoder> fork() const = 0;
  // How far back in the ring that one looks.
  virtual std::size_t history_bytes() const = 0;
};
std::unique_ptr<StreamDecoder> make_deflate_decoder();
std::unique_ptr<StreamDecoder> make_lz4_decoder();

// One thread at a time. Memory: the window, 16 KiB of packed bytes, and marks of at most 72 KiB each.
class OldStream {
 public:
  OldStream(Compressor compressor, ByteSource& source, std::uint64_t offset, std::uint64_t packed_bytes);
  // Errors: kWrongSource when the stream is not what it should be, or ends; the source's own.
  Result<> read(ByteSource& source, std::uint64_t place, MutableByteView out);

 private:
  struct Mark {
    std::uint64_t place;
    std::uint64_t offset;
    std::unique_ptr<StreamDecoder> decoder;
    Bytes history;  // what lies before in the ring
  };
  Result<> go_to(std::uint64_t place);
  void set_mark();

  PackedInput in_;
  const std::uint64_t begin_;
  const Compressor compressor_;
  std::unique_ptr<StreamDecoder> decoder_;
  Bytes ring_;
  std::uint64_t place_ = 0;  // what is decoded
  std::uint64_t from_ = 0;   // the ring has it from here on
  std::vector<Mark> marks_;  // in rising order
  std::uint64_t mark_every_ = kFirstMarkBytes;
};

// What reading a stream costs a record, counted in bytes that are unpacked: what is read, and more for a read that does not go on where the
// one before ended: 1 MiB for the record's first, what lies between for one further on, 2 MiB for one that begins more than 832 KiB before
// that end. Kept the same by who writes and who reads a record.
class StreamCost {
 public:
  static constexpr std::uint64_t kFirstBytes = 1ULL << 20;
  static constexpr std::uint64_t kBackBytes = 2ULL << 20;
  static constexpr std::uint64_t kNearBytes = 832ULL << 10;
  std::uint64_t of(std::uint64_t place, std::uint64_t size_bytes) const;
  void read(std::uint64_t place, std::uint64_t size_bytes);

 private:
  bool any_ = false;
  std::uint64_t end_ = 0;
};

}  // namespace aloft::delta
