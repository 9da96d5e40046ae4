#include "patch/make.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"
#include "base/zeros.hpp"
#include "bundle/container.hpp"
#include "bundle/frame_encoder.hpp"
#include "bundle/reader.hpp"
#include "delta/errors.hpp"
#include "delta/record.hpp"
#include "patch/bundle_image.hpp"
#include "patch/stored_frames.hpp"
#include "patch/tar_files.hpp"

namespace aloft::patch {
namespace {

constexpr std::size_t kCopyBytes = 1 << 20;
constexpr std::string_view kTree = "tar";  // the type of an image that devices unpack

delta::PairOptions in_folder(delta::PairOptions options, const std::filesystem::path& folder) {
  options.folder = folder;
  return options;
}

// Where records gather until the sizes of all are known.
class Records {
 public:
  static Result<Records> create(const std::filesystem::path& output) { return Records(TRY(nameless_file(folder_of(output)))); }
  Result<> add(ByteView record) {
    size_bytes_ += record.size();
    return write_all(fd_.get(), record);
  }
  Result<std::uint64_t> publish(const std::filesystem::path& output, const delta::Plan& plan) {
    FreshFile fresh = TRY(FreshFile::create(output));
    const Bytes head = TRY(delta::encode_plan(plan));
    TRY(write_all(fresh.fd(), head));
    Bytes buffer(kCopyBytes);
    for (std::uint64_t at = 0; at < size_bytes_;) {
      const auto step = std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(kCopyBytes, size_bytes_ - at)));
      if (TRY(read_full_at(fd_.get(), step, at)) < step.size()) return fail(kUnexpectedEnd, "the temporary file of the delta is too short");
      TRY(write_all(fresh.fd(), step));
      at += step.size();
    }
    TRY(fresh.publish());
    return head.size() + size_bytes_;
  }

 private:
  explicit Records(Fd fd) : fd_(std::move(fd)) {}
  Fd fd_;
  std::uint64_t size_bytes_ = 0;
};

Result<Made> make_from_images(const std::filesystem::path& old_file, const std::filesystem::path& new_file,
                              const std::filesystem::path& output, const delta::PairOptions& options, const Progress& progress) {
  const auto source = TRY(delta::MappedFile::open(old_file));
  const auto target = TRY(delta::MappedFile::open(new_file));
  const std::uint64_t total = target.bytes().size();
  if (total == 0) return fail(delta::kCannotMake, new_file.string() + " is empty");
  Made made;
  made.full_bytes = total;
  delta::ImagePlan& image = made.plan.images.emplace_back();
  image.name = "image";
  Records records = TRY(Records::create(output));
  made.reports.push_back(TRY(delta::make_records(
      source, target, in_folder(options, folder_of(output)), {}, [&](std::uint64_t, ByteView record) { return records.add(record); },
      [&](std::uint64_t done) {
        if (progress) progress(done, total);
      },
      image)));
  made.size_bytes = TRY(records.publish(output, made.plan));
  return made;
}

// A bundle and what of it is needed here.
struct OpenedBundle {
  std::unique_ptr<ByteSource> source;
  bundle::Reader reader;
};

Result<OpenedBundle> open_bundle(const std::filesystem::path& file) {
  auto source = TRY(bundle::open_source(file.string()));
  auto reader = TRY(bundle::Reader::open_unverified(*source));
  return OpenedBundle{std::move(source), std::move(reader)};
}

// The content of an image, into a file without a name.
Result<Fd> unpacked(bundle::Reader& reader, std::size_t index, const std::filesystem::path& folder) {
  const bundle::Image& image = reader.manifest().images[index];
  Fd fd = TRY(nameless_file(folder));
  if (::ftruncate(fd.get(), static_cast<off_t>(image.size_bytes)) != 0)
    return fail(system_error("cannot enlarge a file in", folder, errno));
  BundleImage content(reader, index);
  Bytes frame;
  for (std::uint64_t i = 0; i < image.frame_count(); ++i) {
    frame.resize(image.frame_content_bytes(i));
    TRY(content.read_at(i * image.frame_size_bytes, frame));
    if (!is_zero(frame)) TRY(write_all_at(fd.get(), frame, i * image.frame_size_bytes));
  }
  return fd;
}

Result<> write_zeros(int fd, std::uint64_t begin, std::uint64_t end) {
  static const Bytes zeros(kCopyBytes);
  for (; begin < end; begin += std::min<std::uint64_t>(kCopyBytes, end - begin))
    TRY(write_all_at(fd, ByteView(zeros).first(static_cast<std::size_t>(std::min<std::uint64_t>(kCopyBytes, end - begin))), begin));
  return {};
}

// An archive as a device has it that has unpacked it: its files are there, and zeros for all else.
Result<delta::FileMap> leave_only_files(int fd, const std::filesystem::path& name) {
  const auto tar = TRY(delta::MappedFile::map(fd, name));
  const std::vector<delta::FileRun> runs = files_in(tar.bytes());
  std::uint64_t end = 0;
  for (const delta::FileRun& run : runs) {
    TRY(write_zeros(fd, end, run.offset));
    end = run.offset_end();
  }
  TRY(write_zeros(fd, end, tar.bytes().size()));
  return delta::FileMap::of(runs, tar.bytes().size());
}

// Decides which frames travel as the bundle stores them: those that zstd does not make again, and those whose record is no smaller.
class StoredChoice {
 public:
  StoredChoice(bundle::Reader& reader, std::size_t index, std::optional<int> level, ByteView content)
      : reader_(reader), index_(index), image_(reader.manifest().images[index]), content_(content) {
    if (level) encoder_.emplace(image_, *level);
  }

  Result<bool> operator()(std::uint64_t frame, std::uint64_t record_bytes, Bytes& record) {
    if (image_.encoding == bundle::Encoding::none) return false;
    bool as_stored = record_bytes > image_.stored[frame].size_bytes;
    if (!as_stored && encoder_) {
      TRY(encoder_->encode(content_.subspan(frame * image_.frame_size_bytes, image_.frame_content_bytes(frame)), packed_));
      as_stored = packed_.stored_sha256 != image_.stored[frame].sha256;
    }
    if (!as_stored) return false;
    TRY(reader_.fetch_frame(index_, frame, packed_.stored));
    record.assign(1, static_cast<std::byte>(delta::Coding::stored));
    record.insert(record.end(), packed_.stored.begin(), packed_.stored.end());
    ++count_;
    return true;
  }
  std::uint64_t count() const { return count_; }

 private:
  bundle::Reader& reader_;
  const std::size_t index_;
  const bundle::Image& image_;
  ByteView content_;
  std::optional<bundle::FrameEncoder> encoder_;
  bundle::PackedFrame packed_;
  std::uint64_t count_ = 0;
};

class BundlePair {
 public:
  BundlePair(OpenedBundle from, OpenedBundle to, const std::filesystem::path& output, const delta::PairOptions& options,
             const Progress& progress)
      : from_(std::move(from)), to_(std::move(to)), folder_(folder_of(output)), options_(options), progress_(progress) {
    for (const auto& image : to_.reader.manifest().images) total_ += image.size_bytes;
  }

  Result<> add(std::size_t index, Records& records, Made& made) {
    const bundle::Image& image = to_.reader.manifest().images[index];
    delta::ImagePlan& plan = made.plan.images.emplace_back();
    plan.name = image.name;
    plan.frame_shift = static_cast<unsigned>(std::countr_zero(image.frame_size_bytes));
    const auto level = TRY(find_level(to_.reader, index));
    if (level) {
      plan.encoder = encoder_version();
      plan.encoder_level = static_cast<std::uint64_t>(*level);
    } else if (image.encoding != bundle::Encoding::none) {
      made.unknown_encoder.insert(image.name);
    }
    const auto target = TRY(delta::MappedFile::map(TRY(unpacked(to_.reader, index, folder_)).get(), folder_ / image.name));
    const auto& olds = from_.reader.manifest().images;
    const auto old = std::ranges::find(olds, image.name, &bundle::Image::name);
    const auto source = TRY(source_of(old, image.name, plan));
    StoredChoice choice(to_.reader, index, level, target.bytes());
    made.reports.push_back(TRY(delta::make_records(
        source, target, in_folder(options_, folder_), std::ref(choice), [&](std::uint64_t, ByteView record) { return records.add(record); },
        [&](std::uint64_t done) {
          if (progress_) progress_(done_ + done, total_);
        },
        plan)));
    if (plan.is_of_tree()) plan.source_sha256 = old->sha256;
    done_ += image.size_bytes;
    made.frames_as_stored += choice.count();
    return {};
  }

  Result<Made> make(Records& records) {
    Made made;
    made.full_bytes = to_.reader.size_bytes();
    made.plan.bundle = delta::BundleText{to_.reader.manifest_text(), to_.reader.signature()};
    for (std::size_t i = 0; i < to_.reader.manifest().images.size(); ++i) TRY(add(i, records, made));
    return made;
  }

 private:
  using Old = std::vector<bundle::Image>::const_iterator;

  // The old bundle's image, or none: where it has no such image, or one that devices unpack and of which no file is left.
  Result<delta::MappedFile> source_of(Old old, const std::string& name, delta::ImagePlan& plan) {
    const auto& olds = from_.reader.manifest().images;
    Fd content = old == olds.end() ? TRY(nameless_file(folder_))
                                   : TRY(unpacked(from_.reader, static_cast<std::size_t>(old - olds.begin()), folder_));
    if (old != olds.end() && old->type == kTree) plan.files = TRY(leave_only_files(content.get(), folder_ / name));
    if (old != olds.end() && old->type == kTree && !plan.is_of_tree()) content = TRY(nameless_file(folder_));
    return delta::MappedFile::map(content.get(), folder_ / name);
  }

  OpenedBundle from_;
  OpenedBundle to_;
  const std::filesystem::path folder_;
  const delta::PairOptions& options_;
  const Progress& progress_;
  std::uint64_t total_ = 0;
  std::uint64_t done_ = 0;
};

}  // namespace

Result<bool> is_bundle(const std::filesystem::path& file) {
  const auto source = TRY(bundle::open_source(file.string()));
  std::array<std::byte, bundle::kMagic.size()> begin{};
  TRY(source->read_at(0, begin));
  return std::ranges::equal(begin, as_bytes(bundle::kMagic));
}

Result<Made> make_delta(const std::filesystem::path& old_file, const std::filesystem::path& new_file, const std::filesystem::path& output,
                        const delta::PairOptions& options, const Progress& progress) {
  const bool bundles = TRY(is_bundle(new_file));
  if (TRY(is_bundle(old_file)) != bundles)
    return fail(delta::kCannotMake, "one of the two files is a bundle and the other is not; give two bundles, or two images");
  if (!bundles) return make_from_images(old_file, new_file, output, options, progress);
  Records records = TRY(Records::create(output));
  BundlePair pair(TRY(open_bundle(old_file)), TRY(open_bundle(new_file)), output, options, progress);
  Made made = TRY(pair.make(records));
  made.size_bytes = TRY(records.publish(output, made.plan));
  return made;
}

}  // namespace aloft::patch
