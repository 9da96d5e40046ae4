// A delta file: which images it makes from which, and where each frame's record lies. Text form: docs/delta-format.md.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/byte_source.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"
#include "crypto/sha256.hpp"
#include "delta/block_coding.hpp"
#include "delta/difference_model.hpp"
#include "delta/file_map.hpp"

namespace aloft::delta {

using crypto::Digest;

inline constexpr std::uint32_t kNewestFormat = 8;  // that is read; all before it are, too
inline constexpr std::size_t kHeaderBytes = 64;
inline constexpr std::uint64_t kMaxDescriptionBytes = 8ULL << 20;
inline constexpr std::uint64_t kMaxFrames = 1ULL << 20;  // of all images
inline constexpr std::size_t kMaxImages = 64;
inline constexpr std::uint64_t kMaxImageBytes = 1ULL << 62;
inline constexpr std::size_t kMaxNameBytes = 64;
inline constexpr std::uint64_t kMaxManifestBytes = 64ULL << 20;
inline constexpr std::uint64_t kMaxSignatureBytes = 64ULL << 10;

// One image, made from one that the device has.
struct ImagePlan {
  std::string name;                         // 1 to 64 of a-z 0-9 . _ -
  std::uint64_t source_bytes = 0;           // of the old image; 0: there is none
  Digest source_sha256{};                   // says which image that is; nobody has to check it
  std::uint64_t target_bytes = 0;           // at least 1
  Digest target_sha256{};                   // a promise of the delta's maker, who need not be trusted
  unsigned frame_shift = 18;                // frames of 2^16 to 2^22 bytes; the last may be shorter
  std::uint64_t encoder = 0;                // version of zstd (10504 for 1.5.4) that makes the bundle's stored frames again; 0: none does
  std::uint64_t encoder_level = 0;          // of it
  std::vector<BlockCoding> codings;         // of blocks that are taken apart; none: the image is differenced as it is
  bool modelled = false;                    // records may have modelled differences (record.hpp); all images of a delta alike
  Processor processor = Processor::x86;     // whose code they are of; another one only where they may be there
  FileMap files;                            // the old image is a tree: where its bytes are in files; empty: it is read as it is
  std::vector<std::uint32_t> record_bytes;  // one per frame, each at least 1
  bool has_streams() const { return std::ranges::any_of(codings, is_stream, &BlockCoding::compressor); }
  bool has_files() const { return std::ranges::any_of(codings, is_file, &BlockCoding::compressor); }
  bool has_processor() const { return processor != Processor::x86; }
  bool has_halfwords() const { return processor > Processor::arm64; }
  bool is_of_tree() const { return !files.empty(); }
  bool has_fixed() const { return std::ranges::find(codings, Compressor::lz4_fixed, &BlockCoding::compressor) != codings.end(); }

  std::uint64_t frame_bytes() const { return std::uint64_t{1} << frame_shift; }
  std::uint64_t frame_count() const { return target_bytes / frame_bytes() + (target_bytes % frame_bytes() != 0 ? 1 : 0); }
  std::uint64_t content_bytes(std::uint64_t frame) const { return std::min(frame_bytes(), target_bytes - frame * frame_bytes()); }
};

// The new bundle's own words, as it has them: they alone carry authority.
struct BundleText {
  std::string manifest_text;
  Bytes signature;  // empty: it is unsigned
};

// All of a delta but its records.
struct Plan {
  std::vector<ImagePlan> images;
  std::optional<BundleText> bundle;  // none: it makes a bare image
};

// The bytes before the records.
Result<Bytes> encode_plan(const Plan& plan);

// What a patch is opened for.
enum class PatchUse : std::uint8_t {
  apply,  // this program must have the encoders that it needs
  look,
};

// Unpacks as Unpacker does. One thread.
using Unpack = std::function<Result<>(ByteView packed, std::uint64_t limit_bytes, Bytes& content)>;
Result<> unpack_here(ByteView packed, std::uint64_t limit_bytes, Bytes& content);

class Patch {
 public:
  // Reads and checks what stands before the records. The source must outlive the patch. Memory: that of the description, at most 8 MiB and
  // as much again for its index, and the manifest, as a bundle has it. Errors: 11000-11004, kEncoderVersion, the source's and unpack's own.
  static Result<Patch> open(ByteSource& source, PatchUse use = PatchUse::apply, const Unpack& unpack = unpack_here);

  const std::vector<ImagePlan>& images() const { return plan_.images; }
  const std::optional<BundleText>& bundle() const { return plan_.bundle; }
  std::uint32_t version() const;                                  // of the format
  std::uint64_t size_bytes() const { return size_bytes_; }        // of the whole file
  std::uint64_t header_bytes() const { return records_offset_; }  // before the records
  // One frame's record into `record` (resized). Reads that are not in the order of the file cost a network source a new request. Errors:
  // kDeltaTruncated, the source's own.
  Result<> fetch_record(std::size_t image, std::uint64_t frame, Bytes& record);

 private:
  Patch() = default;
  void lay_out();
  ByteSource* source_ = nullptr;
  Plan plan_;
  std::uint64_t records_offset_ = 0;
  std::uint64_t size_bytes_ = 0;
  std::vector<std::vector<std::uint64_t>> offsets_;  // per image and frame, in the file
};

}  // namespace aloft::delta
