// systemd-boot's control from its settings.
#include <algorithm>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "boot/errors.hpp"
#include "boot/systemd_boot.hpp"

namespace aloft::boot {
namespace {

constexpr std::uint64_t kMostConfBytes = 64 << 10;

Result<std::optional<std::string>> file_if_there(const std::filesystem::path& path) {
  auto content = read_file(path, kMostConfBytes);
  if (!content && content.error().code.number == kNotFound.number) return std::nullopt;
  if (!content) return fail(std::move(content).error());
  return std::optional(*std::move(content));
}

bool same_but_for_case(const std::string& left, const std::string& right) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : int{c}; };
  return std::ranges::equal(left, right, {}, lower, lower);
}

}  // namespace

Result<std::unique_ptr<BootControl>> open_systemd_boot(const Settings& settings, std::vector<std::string> slots) {
  for (auto slot = slots.begin(); slot != slots.end(); ++slot) {
    const auto twin = std::find_if(slot + 1, slots.end(), [&slot](const std::string& other) { return same_but_for_case(*slot, other); });
    if (twin != slots.end())
      return fail(kBootSetting, "groups " + *slot + " and " + *twin + " differ only in case, which FAT does not see");
  }
  const std::filesystem::path entries = settings.text("entries");
  const std::filesystem::path templates = settings.text("templates");
  SystemdBootSeams seams;
  seams.entries = std::make_unique<MountedFolder>(entries);
  seams.variables = std::make_unique<Efivarfs>(settings.text("efivars"));
  seams.body = [templates](const std::string& slot) { return read_file(templates / (slot + ".conf"), kMostEntryBytes); };
  seams.loader_conf = [entries] { return file_if_there(entries.parent_path() / "loader.conf"); };
  return std::make_unique<SystemdBootControl>(std::move(seams), std::move(slots), settings.text("prefix"));
}

}  // namespace aloft::boot
