#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <set>
#include <thread>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"
#include "bundle/errors.hpp"
#include "bundle/frame_pipeline.hpp"
#include "bundle/names.hpp"
#include "bundle/writer.hpp"

namespace aloft::bundle {
namespace {

constexpr unsigned kMaxThreads = 64;
constexpr int kMaxLevel = 19;

struct OpenImage {
  const ImageFile* file;
  Fd fd;
  std::uint64_t file_bytes;
  Bytes tail;  // behind the file's content: padding, superblock, tree
  std::optional<Verity> verity;
  std::uint64_t size_bytes() const { return file_bytes + tail.size(); }
};

std::unexpected<Error> bad_recipe(const std::string& what) { return fail(kBadRecipe, what); }

Result<> check_images(const Recipe& recipe) {
  std::set<std::string> names;
  std::set<std::string> classes;
  for (const auto& image : recipe.images) {
    if (!is_image_name(image.name) || !is_image_name(image.slot_class))
      return bad_recipe("image name \"" + image.name + "\" and slot class \"" + image.slot_class +
                        "\" must be 1 to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit");
    if (!names.insert(image.name).second) return bad_recipe("two images are named \"" + image.name + "\"");
    if (!classes.insert(image.slot_class).second) return bad_recipe("two images are for the slot class \"" + image.slot_class + "\"");
    if (!is_image_type(image.type))
      return bad_recipe("image \"" + image.name + "\": the type must be \"raw\", \"tar\", \"file\", \"payload\" or \"ubifs\"");
    if (image.frame_size_bytes < kMinFrameBytes || image.frame_size_bytes > kMaxFrameBytes || !std::has_single_bit(image.frame_size_bytes))
      return bad_recipe("image \"" + image.name + "\": frames must be a power of two from 64 KiB to 4 MiB");
  }
  return {};
}

Result<> check(const Recipe& recipe) {
  if (!is_identifier(recipe.product)) return bad_recipe("the product must be 1 to 64 of A-Z, a-z, 0-9 and ._+,:~-");
  if (!is_identifier(recipe.version)) return bad_recipe("the version must be 1 to 64 of A-Z, a-z, 0-9 and ._+,:~-");
  if (recipe.hardware.empty() || !std::ranges::all_of(recipe.hardware, is_identifier))
    return bad_recipe("at least one hardware revision is needed, each 1 to 64 of A-Z, a-z, 0-9 and ._+,:~-");
  if (recipe.security_version > INT64_MAX) return bad_recipe("the security version must be below 2^63");
  if (!is_printable(recipe.description) || recipe.description.size() > 4096)
    return bad_recipe("the description must have at most 4096 bytes and no control characters");
  if (recipe.images.empty() || recipe.images.size() > kMaxImages) return bad_recipe("a bundle has 1 to 64 images");
  if (recipe.level < 1 || recipe.level > kMaxLevel) return bad_recipe("the compression level must be from 1 to 19");
  return check_images(recipe);
}

std::unexpected<Error> changed(const std::filesystem::path& path) {
  return fail(kImageChanged, "image file " + path.string() + " changed while it was packed; pack it again");
}

// The file's content, with zeros up to a whole block.
ReadContent padded(const OpenImage& image) {
  return [&image](std::uint64_t offset, MutableByteView buffer) -> Result<> {
    const auto there =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), image.file_bytes - std::min(image.file_bytes, offset)));
    if (TRY(read_full_at(image.fd.get(), buffer.first(there), offset)) < there) return changed(image.file->path);
    std::ranges::fill(buffer.subspan(there), std::byte{0});
    return {};
  };
}

// A salt of the content, so that the same content gives the same tree.
Result<VeritySalt> salt_of(const ReadContent& read, std::uint64_t data_bytes) {
  constexpr std::string_view kPurpose = "aloft dm-verity salt";
  crypto::Sha256 hash;
  hash.update(as_bytes(kPurpose));
  Bytes buffer(64 * kVerityBlockBytes);
  for (std::uint64_t at = 0; at < data_bytes; at += buffer.size()) {
    const auto part = MutableByteView(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), data_bytes - at)));
    TRY(read(at, part));
    hash.update(part);
  }
  return hash.finish();
}

Result<> add_tree(OpenImage& image) {
  if (image.file->type != "raw") return bad_recipe("image \"" + image.file->name + "\": only raw images can have a dm-verity tree");
  const std::uint64_t data_bytes = (image.file_bytes + kVerityBlockBytes - 1) / kVerityBlockBytes * kVerityBlockBytes;
  const ReadContent read = padded(image);
  Bytes area;
  image.verity = TRY(build_verity(read, data_bytes, TRY(salt_of(read, data_bytes)), area));
  image.tail.assign(static_cast<std::size_t>(data_bytes - image.file_bytes), std::byte{0});
  image.tail.insert(image.tail.end(), area.begin(), area.end());
  return {};
}

Result<OpenImage> open_image(const ImageFile& file) {
  Fd fd = TRY(open_file(file.path, O_RDONLY));
  const off_t size = std::filesystem::is_directory(file.path) ? 0 : ::lseek(fd.get(), 0, SEEK_END);
  if (size <= 0) return bad_recipe("image file " + file.path.string() + " is empty, or neither a file nor a block device");
  OpenImage image{&file, std::move(fd), static_cast<std::uint64_t>(size), {}, {}};
  if (file.verity) TRY(add_tree(image));
  return image;
}

class Packer {
 public:
  Packer(const Recipe& recipe, int payload, const Progress& progress, std::uint64_t total_bytes)
      : recipe_(recipe), payload_(payload), progress_(progress), total_bytes_(total_bytes) {}

  Result<Image> add(const OpenImage& input) {
    const ImageFile& file = *input.file;
    Image image{.name = file.name, .slot_class = file.slot_class, .type = file.type, .size_bytes = input.size_bytes()};
    image.verity = input.verity;
    image.frame_size_bytes = file.frame_size_bytes;
    image.encoding = file.encoding;
    Bytes block_entries;
    const FrameWork work{
        .frame_count = image.frame_count(),
        .encoding = file.encoding,
        .frame_size_bytes = file.frame_size_bytes,
        .blocks = file.blocks,
        .level = recipe_.level,
        .threads = std::clamp(recipe_.threads == 0 ? std::thread::hardware_concurrency() : recipe_.threads, 1U, kMaxThreads)};
    const auto read = [&](std::uint64_t frame, Bytes& content) { return read_content(input, image, frame, content); };
    const auto take = [&](std::uint64_t frame, const PackedFrame& packed) -> Result<> {
      image.frames.push_back(packed.content_sha256);
      image.stored.push_back({static_cast<std::uint32_t>(packed.stored.size()), packed.stored_sha256});
      block_entries.insert(block_entries.end(), packed.block_entries.begin(), packed.block_entries.end());
      done_bytes_ += image.frame_content_bytes(frame);
      if (progress_) progress_(done_bytes_, total_bytes_);
      return append(packed.stored);
    };
    TRY(encode_frames(work, read, take));
    image.sha256 = hash_.finish();
    if (::lseek(input.fd.get(), 0, SEEK_END) != static_cast<off_t>(input.file_bytes)) return changed(file.path);
    if (file.blocks == BlockNames::include) {
      image.blocks = crypto::sha256(block_entries);
      sections_.push_back(std::move(block_entries));
    }
    return image;
  }

  Result<std::uint64_t> finish() {
    for (const auto& section : sections_) TRY(append(section));
    return payload_bytes_;
  }

 private:
  Result<> read_content(const OpenImage& input, const Image& image, std::uint64_t frame, Bytes& content) {
    content.resize(image.frame_content_bytes(frame));
    const std::uint64_t offset = frame * image.frame_size_bytes;
    const auto in_file =
        static_cast<std::size_t>(std::min<std::uint64_t>(content.size(), input.file_bytes - std::min(input.file_bytes, offset)));
    if (TRY(read_full_at(input.fd.get(), MutableByteView(content).first(in_file), offset)) < in_file) return changed(input.file->path);
    if (in_file < content.size()) {
      const auto from = static_cast<std::ptrdiff_t>(offset + in_file - input.file_bytes);
      std::copy_n(input.tail.begin() + from, content.size() - in_file, content.begin() + static_cast<std::ptrdiff_t>(in_file));
    }
    hash_.update(content);
    return {};
  }

  Result<> append(ByteView bytes) {
    payload_bytes_ += bytes.size();
    return write_all(payload_, bytes);
  }

  const Recipe& recipe_;
  int payload_;
  const Progress& progress_;
  std::uint64_t total_bytes_;
  std::uint64_t done_bytes_ = 0;
  std::uint64_t payload_bytes_ = 0;
  crypto::Sha256 hash_;
  std::vector<Bytes> sections_;
};

}  // namespace

Result<Verity> verity_of(const std::filesystem::path& path) {
  const ImageFile file{.name = path.filename().string(), .slot_class = {}, .path = path, .verity = true};
  return *TRY(open_image(file)).verity;
}

Result<Package> pack(const Recipe& recipe, const std::filesystem::path& folder, const Progress& progress) {
  TRY(check(recipe));
  std::vector<OpenImage> inputs;
  std::uint64_t total_bytes = 0;
  for (const auto& file : recipe.images) total_bytes += inputs.emplace_back(TRY(open_image(file))).size_bytes();
  Package package{.manifest_text = {}, .payload = TRY(nameless_file(folder))};
  Manifest manifest{.product = recipe.product,
                    .hardware = recipe.hardware,
                    .version = recipe.version,
                    .security_version = recipe.security_version,
                    .description = recipe.description,
                    .images = {}};
  Packer packer(recipe, package.payload.get(), progress, total_bytes);
  for (const auto& input : inputs) manifest.images.push_back(TRY(packer.add(input)));
  package.payload_bytes = TRY(packer.finish());
  package.manifest_text = serialize_manifest(manifest);
  TRY(parse_manifest(package.manifest_text));  // what a device would refuse is refused here
  return package;
}

}  // namespace aloft::bundle
