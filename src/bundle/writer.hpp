// Makes bundles from image files, and bundles with other signatures from bundles.
#pragma once

#include <filesystem>
#include <functional>

#include "base/file.hpp"
#include "bundle/frame_encoder.hpp"
#include "bundle/manifest.hpp"
#include "bundle/reader.hpp"

namespace aloft::bundle {

struct ImageFile {
  std::string name;
  std::string slot_class;
  std::string type = "raw";
  std::filesystem::path path;  // a regular file or block device
  Encoding encoding = Encoding::zstd;
  std::uint32_t frame_size_bytes = kDefaultFrameBytes;
  BlockNames blocks = BlockNames::omit;
  bool verity = false;  // the file is the data: zeros up to a multiple of 4096, superblock and tree are put behind it
};

struct Recipe {
  std::string product;
  std::vector<std::string> hardware;
  std::string version;
  std::uint64_t security_version = 0;
  std::string description;
  std::vector<ImageFile> images;
  int level = 9;         // zstd: 1 to 19
  unsigned threads = 0;  // 0: one per core
};

// What pack() makes of an image file with `verity`: the same for the same content. Reads the file twice. Errors: kBadRecipe, file errors.
Result<Verity> verity_of(const std::filesystem::path& path);

// Bytes of content packed so far, of all.
using Progress = std::function<void(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

// All of a bundle but its signature. The payload lies in an unnamed temporary file.
struct Package {
  std::string manifest_text;
  Fd payload;
  std::uint64_t payload_bytes = 0;
};

// Reads every image once. The temporary file is made in `folder`, which needs room for the payload. The same recipe, image contents and
// zstd version give the same package, whatever the number of threads. Memory: about eight frames per thread.
// Errors: kBadRecipe, kImageChanged, kNoSpace and other file errors.
Result<Package> pack(const Recipe& recipe, const std::filesystem::path& folder, const Progress& progress);

// A bundle file, replaced as a whole and durably: header, manifest, signature (empty: unsigned) and payload_bytes of payload from
// the source's payload_offset on.
Result<> write_bundle(const std::filesystem::path& path, std::string_view manifest_text, ByteView signature, ByteSource& source,
                      Extent payload);
Result<> write_bundle(const std::filesystem::path& path, const Package& package, ByteView signature);

}  // namespace aloft::bundle
