#include "storage/partition_plan.hpp"

#include <fcntl.h>
#include <linux/blkpg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "base/file.hpp"
#include "storage/errors.hpp"
#include "storage/file_device.hpp"

namespace aloft::storage {
namespace {

constexpr std::uint64_t kAlign = 1ULL << 20;
constexpr std::string_view kLinux = "0FC63DAF-8483-4772-8E79-3D69D8477DE4";
constexpr std::string_view kEfi = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

std::string mebibytes(std::uint64_t sectors, const Gpt& gpt) { return std::to_string(sectors * gpt.sector_bytes() / kAlign) + " MiB"; }

class Plan {
 public:
  Plan(Gpt& gpt, const std::function<Guid()>& new_id) : gpt_(gpt), new_id_(new_id), align_(kAlign / gpt.sector_bytes()) {}
  Result<> want(const WantedPartition& wanted);
  std::vector<std::string> changes;

 private:
  Result<std::optional<std::size_t>> find(const std::string& name) const;
  Result<> enlarge(std::size_t index, const WantedPartition& wanted);
  Result<> make(const WantedPartition& wanted);
  std::uint64_t sectors(const WantedPartition& wanted) const { return (wanted.size_bytes + kAlign - 1) / kAlign * align_; }
  std::uint64_t free_until(std::uint64_t from) const;

  Gpt& gpt_;
  const std::function<Guid()>& new_id_;
  const std::uint64_t align_;
};

Result<std::optional<std::size_t>> Plan::find(const std::string& name) const {
  std::optional<std::size_t> found;
  for (std::size_t index = 0; index < gpt_.entry_count(); ++index) {
    const GptEntry entry = gpt_.entry(index);
    if (entry.is_free() || entry.name != name) continue;
    if (found) return fail(kBadPartition, "two partitions are named '" + name + "'");
    found = index;
  }
  return found;
}

// The sector behind the free space that begins at `from`, on a boundary of 1 MiB.
std::uint64_t Plan::free_until(std::uint64_t from) const {
  std::uint64_t end = gpt_.last_usable() + 1;
  for (std::size_t index = 0; index < gpt_.entry_count(); ++index) {
    const GptEntry entry = gpt_.entry(index);
    if (!entry.is_free() && entry.last >= from) end = std::min(end, std::max(entry.first, from));
  }
  return end / align_ * align_;
}

Result<> Plan::enlarge(std::size_t index, const WantedPartition& wanted) {
  GptEntry entry = gpt_.entry(index);
  const std::uint64_t has = entry.last - entry.first + 1;
  const std::uint64_t room = std::max(free_until(entry.last + 1), entry.last + 1) - entry.first;
  const std::uint64_t takes = wanted.grow ? std::max(room, has) : std::max(sectors(wanted), has);
  if (takes < sectors(wanted) || takes > std::max(room, has))
    return fail(kBadPartition, "partition '" + wanted.name + "' has " + mebibytes(has, gpt_) + " and cannot become " +
                                   mebibytes(sectors(wanted), gpt_) + ": what follows it is in use");
  if (takes == has) return {};
  entry.last = entry.first + takes - 1;
  TRY(gpt_.set(index, entry));
  changes.push_back("partition '" + wanted.name + "' grows from " + mebibytes(has, gpt_) + " to " + mebibytes(takes, gpt_));
  return {};
}

Result<> Plan::make(const WantedPartition& wanted) {
  std::size_t index = 0;
  while (index < gpt_.entry_count() && !gpt_.entry(index).is_free()) ++index;
  std::uint64_t first = (gpt_.first_usable() + align_ - 1) / align_ * align_;
  while (first <= gpt_.last_usable()) {
    const std::uint64_t end = free_until(first);
    if (end >= first + sectors(wanted)) {
      const std::uint64_t last = wanted.grow ? end - 1 : first + sectors(wanted) - 1;
      TRY(gpt_.set(index, {.type = wanted.type, .id = new_id_(), .first = first, .last = last, .name = wanted.name}));
      changes.push_back("partition '" + wanted.name + "' is made, number " + std::to_string(index + 1) + ", " +
                        mebibytes(last - first + 1, gpt_));
      return {};
    }
    std::uint64_t next = gpt_.last_usable() + 1;  // behind the partition that was in the way
    for (std::size_t i = 0; i < gpt_.entry_count(); ++i) {
      const GptEntry entry = gpt_.entry(i);
      if (!entry.is_free() && entry.last >= first) next = std::min(next, entry.last + 1);
    }
    first = (next + align_ - 1) / align_ * align_;
  }
  return fail(kBadPartition, "the disk has no room for partition '" + wanted.name + "' of " + mebibytes(sectors(wanted), gpt_));
}

Result<> Plan::want(const WantedPartition& wanted) {
  if (const auto index = TRY(find(wanted.name))) return enlarge(*index, wanted);
  return make(wanted);
}

// Adding what is there, or resizing to what it has, is refused by the kernel and no harm.
Result<> tell_kernel(const std::filesystem::path& disk, const Gpt& gpt) {
  struct stat status{};
  if (::stat(disk.c_str(), &status) != 0 || !S_ISBLK(status.st_mode)) return {};
  const Fd fd = TRY(open_file(disk, O_RDONLY));
  for (std::size_t index = 0; index < gpt.entry_count(); ++index) {
    const GptEntry entry = gpt.entry(index);
    if (entry.is_free()) continue;
    blkpg_partition partition{};
    const std::uint64_t start = entry.first * gpt.sector_bytes();
    const std::uint64_t length = (entry.last - entry.first + 1) * gpt.sector_bytes();
    partition.start = static_cast<long long>(start);
    partition.length = static_cast<long long>(length);
    partition.pno = static_cast<int>(index + 1);
    for (const int operation : {BLKPG_ADD_PARTITION, BLKPG_RESIZE_PARTITION}) {
      blkpg_ioctl_arg argument{.op = operation, .flags = 0, .datalen = sizeof partition, .data = &partition};
      if (::ioctl(fd.get(), BLKPG, &argument) == 0) break;
      if (operation == BLKPG_RESIZE_PARTITION)
        return fail(system_error("telling the kernel of partition '" + entry.name + "' on", disk, errno));
    }
  }
  return {};
}

Result<Gpt> table_of(BlockDevice& disk, const std::function<Guid()>& new_id, std::vector<std::string>& changes) {
  auto gpt = Gpt::read(disk);
  if (gpt) return gpt;
  Bytes first(512);
  TRY(disk.read(0, first));
  if (!std::ranges::all_of(first, [](std::byte one) { return one == std::byte{0}; })) return gpt;
  changes.emplace_back("the disk gets a GUID partition table");
  return Gpt::create(disk, new_id());
}

}  // namespace

Result<Guid> partition_type(std::string_view text) {
  if (text == "linux") return parse_guid(kLinux);
  if (text == "efi") return parse_guid(kEfi);
  return parse_guid(text);
}

Result<std::vector<std::string>> plan_partitions(Gpt& gpt, std::span<const WantedPartition> wanted, const std::function<Guid()>& new_id) {
  Plan plan(gpt, new_id);
  for (const WantedPartition& one : wanted) TRY(plan.want(one));
  return std::move(plan.changes);
}

Result<std::vector<std::string>> partition_disk(BlockDevice& disk, std::span<const WantedPartition> wanted, Apply apply,
                                                const std::function<Guid()>& new_id) {
  std::vector<std::string> changes;
  Gpt gpt = TRY(table_of(disk, new_id, changes));
  if (!gpt.is_sound() && changes.empty()) changes.emplace_back("both copies of the partition table are written anew");
  gpt.fit_to(disk);
  for (std::string& change : TRY(plan_partitions(gpt, wanted, new_id))) changes.push_back(std::move(change));
  if (apply == Apply::yes && !changes.empty()) TRY(gpt.write(disk));
  return changes;
}

Result<std::vector<std::string>> partition_disk(const std::filesystem::path& disk, std::span<const WantedPartition> wanted, Apply apply,
                                                const std::function<Guid()>& new_id) {
  const std::unique_ptr<FileDevice> device = TRY(FileDevice::open(disk, Claim::shared));
  auto changes = TRY(partition_disk(*device, wanted, apply, new_id));
  if (apply == Apply::yes && !changes.empty()) TRY(tell_kernel(disk, TRY(Gpt::read(*device))));
  return changes;
}

}  // namespace aloft::storage
