#include "base/ubi.hpp"

#include <fcntl.h>
#include <mtd/ubi-user.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "base/errors.hpp"
#include "base/file.hpp"

namespace aloft {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxUbiAttribute = 256;

std::optional<int> number_of(std::string_view text) {
  int number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0 || !(text[0] >= '0' && text[0] <= '9')) return {};
  return number;
}

Result<std::string> attribute(const fs::path& folder, const char* name) {
  std::string text = TRY(read_file(folder / name, kMaxUbiAttribute));
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Result<std::uint64_t> number_attribute(const fs::path& folder, const char* name) {
  const std::string text = TRY(attribute(folder, name));
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size())
    return fail(kBadEncoding, (folder / name).string() + " holds no number but \"" + text + "\"");
  return number;
}

Result<UbiVolume> read_volume(const fs::path& folder, int id) {
  UbiVolume volume{.id = id, .name = TRY(attribute(folder, "name"))};
  volume.kind = TRY(attribute(folder, "type")) == "static" ? UbiKind::fixed : UbiKind::dynamic;
  volume.block_bytes = TRY(number_attribute(folder, "usable_eb_size"));
  volume.capacity_bytes = TRY(number_attribute(folder, "reserved_ebs")) * volume.block_bytes;
  volume.is_damaged = TRY(number_attribute(folder, "corrupted")) != 0 || TRY(number_attribute(folder, "upd_marker")) != 0;
  return volume;
}

void put_name(char* place, const std::string& name) { name.copy(place, UBI_MAX_VOLUME_NAME); }

Result<> check_name(const std::string& name) {
  if (!name.empty() && name.size() <= UBI_MAX_VOLUME_NAME) return {};
  return fail(kBadArgument, "\"" + name + "\" cannot be the name of a UBI volume: 1-" + std::to_string(UBI_MAX_VOLUME_NAME) + " bytes");
}

class KernelUpdate final : public UbiUpdate {
 public:
  KernelUpdate(Fd fd, fs::path path, std::uint64_t bytes) : fd_(std::move(fd)), path_(std::move(path)), left_bytes_(bytes) {}
  Result<> append(ByteView bytes) override {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return fail(system_error("updating", path_, errno));
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      left_bytes_ -= static_cast<std::uint64_t>(count);
    }
    if (left_bytes_ > 0) return {};
    // The chip has it already; what stands for a chip (block2mtd) may not.
    if (::fsync(fd_.get()) != 0 && errno != EINVAL) return fail(system_error("flushing", path_, errno));
    return {};
  }

 private:
  const Fd fd_;
  const fs::path path_;
  std::uint64_t left_bytes_;
};

}  // namespace

fs::path KernelUbi::volume_path(int id) const { return tree_.dev / ("ubi" + std::to_string(number_) + "_" + std::to_string(id)); }

Result<std::vector<UbiVolume>> KernelUbi::volumes() {
  const std::string prefix = "ubi" + std::to_string(number_) + "_";
  std::vector<UbiVolume> found;
  std::error_code problem;
  for (const auto& one : fs::directory_iterator(tree_.sysfs, problem)) {
    const std::string name = one.path().filename();
    if (!name.starts_with(prefix)) continue;
    const auto id = number_of(std::string_view(name).substr(prefix.size()));
    if (id) found.push_back(TRY(read_volume(one.path(), *id)));
  }
  if (problem) return fail(system_error("looking for UBI volumes in", tree_.sysfs, problem.value()));
  std::ranges::sort(found, {}, &UbiVolume::id);
  return found;
}

Result<> KernelUbi::command(unsigned long request, void* argument, const std::string& doing) const {
  const fs::path path = tree_.dev / ("ubi" + std::to_string(number_));
  const Fd fd = TRY(open_file(path, O_RDWR));
  if (::ioctl(fd.get(), request, argument) != 0) return fail(system_error(doing, path, errno));
  return {};
}

Result<> KernelUbi::make(const std::string& name, std::uint64_t bytes, UbiKind kind) {
  TRY(check_name(name));
  ubi_mkvol_req wanted{};
  wanted.vol_id = UBI_VOL_NUM_AUTO;
  wanted.alignment = 1;
  wanted.bytes = static_cast<std::int64_t>(bytes);
  wanted.vol_type = kind == UbiKind::fixed ? UBI_STATIC_VOLUME : UBI_DYNAMIC_VOLUME;
  wanted.name_len = static_cast<std::int16_t>(name.size());
  put_name(wanted.name, name);
  return command(UBI_IOCMKVOL, &wanted, "making volume " + name + " on");
}

Result<> KernelUbi::remove(int id) {
  std::int32_t number = id;
  return command(UBI_IOCRMVOL, &number, "removing volume " + std::to_string(id) + " of");
}

Result<> KernelUbi::rename_volumes(std::span<const UbiRename> volumes) {
  if (volumes.size() > UBI_MAX_RNVOL)
    return fail(kBadArgument, "no more than " + std::to_string(UBI_MAX_RNVOL) + " UBI volumes can be renamed at once");
  ubi_rnvol_req wanted{};
  wanted.count = static_cast<std::int32_t>(volumes.size());
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    TRY(check_name(volumes[i].name));
    wanted.ents[i].vol_id = volumes[i].id;
    wanted.ents[i].name_len = static_cast<std::int16_t>(volumes[i].name.size());
    put_name(wanted.ents[i].name, volumes[i].name);
  }
  return command(UBI_IOCRNVOL, &wanted, "renaming volumes of");
}

Result<std::unique_ptr<UbiUpdate>> KernelUbi::update(int id, std::uint64_t bytes) {
  const fs::path path = volume_path(id);
  Fd fd = TRY(open_file(path, O_RDWR));
  auto size = static_cast<std::int64_t>(bytes);
  if (::ioctl(fd.get(), UBI_IOCVOLUP, &size) == 0) return std::make_unique<KernelUpdate>(std::move(fd), path, bytes);
  if (errno == EBUSY) return fail(kBusy, path.string() + " is mounted or in use, so it is not written");
  return fail(system_error("beginning an update of", path, errno));
}

Result<std::size_t> KernelUbi::read(int id, std::uint64_t offset, MutableByteView buffer) {
  const Fd fd = TRY(open_file(volume_path(id), O_RDONLY));
  return read_full_at(fd.get(), buffer, offset);
}

std::optional<UbiName> parse_ubi_name(std::string_view text) {
  constexpr std::string_view kPath = "/dev/ubi";
  constexpr std::string_view kWord = "ubi";
  const bool is_path = text.starts_with(kPath);
  if (!is_path && !text.starts_with(kWord)) return {};
  text.remove_prefix(is_path ? kPath.size() : kWord.size());
  const auto end = text.find_first_of(":_");
  if (end == std::string_view::npos) return {};
  UbiName name;
  if (end > 0) name.device = number_of(text.substr(0, end));
  if (end > 0 && !name.device) return {};
  const std::string_view rest = text.substr(end + 1);
  if (text[end] == '_') {
    if (!is_path || !name.device || rest.empty()) return {};
    name.volume = number_of(rest);
    return name.volume ? std::optional(name) : std::nullopt;
  }
  if (rest.empty() || rest.size() > UBI_MAX_VOLUME_NAME || (is_path && !name.device)) return {};
  name.name = rest;
  return name;
}

Result<std::vector<UbiPlace>> find_ubi_volumes(const UbiName& name, const UbiTree& tree) {
  std::vector<UbiPlace> found;
  std::error_code none;
  for (const auto& one : fs::directory_iterator(tree.sysfs, none)) {
    const std::string entry = one.path().filename();
    const auto device = entry.starts_with("ubi") && entry.size() > 3 ? number_of(std::string_view(entry).substr(3)) : std::nullopt;
    if (!device || (name.device && *name.device != *device)) continue;
    for (UbiVolume& volume : TRY(KernelUbi(*device, tree).volumes())) {
      if (name.volume ? volume.id == *name.volume : volume.name == name.name) found.push_back({*device, std::move(volume)});
    }
  }
  return found;
}

}  // namespace aloft
