// For tests: systemd-boot with its folder of entries on a FAT that keeps no order: what it reads, how it sorts, how it counts (systemd
// v252, src/boot/efi/boot.c).
#pragma once

#include <algorithm>
#include <charconv>

#include "boot/systemd_boot.hpp"
#include "boot/test_loader.hpp"
#include "boot/test_uefi.hpp"
#include "boot/utf16.hpp"

namespace aloft::boot::test {

// The system calls of MountedFolder.
class TestFolder final : public EntryFolder {
 public:
  explicit TestFolder(TestStorage& storage) : fat_(storage.fat()) {}
  Result<std::vector<std::string>> names() override { return fat_->names(); }
  Result<std::string> read(std::string_view name) override {
    auto content = fat_->read(name);
    if (!content) return fail(kNotFound, "no such entry");
    return *std::move(content);
  }
  Result<> create_blank(std::string_view name, std::size_t size_bytes) override {
    TRY(remove(name));
    fat_->create(name, std::string(size_bytes, '#'));
    fat_->sync(name);
    fat_->sync_folder();
    return {};
  }
  Result<> write_sector(std::string_view name, std::size_t index, std::string_view sector) override {
    fat_->overwrite(name, index * kSectorBytes, sector);
    fat_->sync(name);
    return {};
  }
  Result<> remove(std::string_view name) override {
    if (!fat_->read(name)) return {};
    fat_->remove(name);
    fat_->sync_folder();
    return {};
  }
  Result<> check_writable() override { return {}; }

 private:
  std::unique_ptr<TestFat> fat_;
};

class TestSystemdBoot final : public TestLoader {
 public:
  TestSystemdBoot(TestStorage& storage, std::vector<std::string> slots) : storage_(storage), slots_(std::move(slots)) {}
  std::unique_ptr<BootControl> control() override {
    SystemdBootSeams seams;
    seams.entries = std::make_unique<TestFolder>(storage_);
    seams.variables = std::make_unique<TestVariables>(storage_);
    seams.body = [](const std::string& slot) {
      return Result<std::string>("efi /aloft/" + slot + ".efi\noptions aloft.slot=" + slot + "\n");
    };
    seams.loader_conf = [] { return Result<std::optional<std::string>>("timeout 0\n"); };
    return std::make_unique<SystemdBootControl>(std::move(seams), slots_, "aloft-");
  }

  // What does not load ends in a reset.
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    for (int resets = 0; resets < 12; ++resets) {
      std::vector<Read> entries = sorted();
      if (entries.empty()) return std::nullopt;
      const Read first = entries.front();
      if (first.name.left) count(first);
      TestVariables(storage_).set("LoaderEntrySelected-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f",
                                  {6, to_utf16le(first.file) + std::string(2, '\0')});
      const std::string slot = first.starts.substr(7, first.starts.find('.') - 7);  // behind "/aloft/"
      if (loads(slot)) return slot;
    }
    return std::nullopt;
  }
  void corrupt() override {
    const auto fat = storage_.fat();
    for (const std::string& name : fat->names()) fat->overwrite(name, 0, std::string(fat->read(name)->size(), '\0'));
  }

 private:
  struct Read {
    std::string file;
    EntryName name;
    std::string starts;
    std::string sort_key;
    unsigned version = 0;
  };
  static std::optional<Read> read(const std::string& file, std::string_view content) {
    const auto name = parse_entry_name(file);
    if (!name) return std::nullopt;
    Read entry{.file = file, .name = *name, .starts = {}, .sort_key = {}};
    while (!content.empty()) {
      const std::size_t end = std::min(content.find('\n'), content.size());
      const std::string_view line = content.substr(0, end);
      content.remove_prefix(std::min(end + 1, content.size()));
      if (line.starts_with("efi ")) entry.starts = line.substr(4);
      if (line.starts_with("sort-key ")) entry.sort_key = line.substr(9);
      if (line.starts_with("version ")) std::from_chars(line.data() + 8, line.data() + line.size(), entry.version);
    }
    return entry.starts.empty() ? std::nullopt : std::optional(entry);
  }
  std::vector<Read> sorted() {
    std::vector<Read> entries;
    const auto fat = storage_.fat();
    for (const std::string& file : fat->names()) {
      if (auto entry = read(file, *fat->read(file))) entries.push_back(*std::move(entry));
    }
    std::ranges::sort(entries, [](const Read& a, const Read& b) {
      const auto spent = [](const Read& entry) { return entry.name.left == 0U; };
      if (spent(a) != spent(b)) return spent(b);
      if (a.sort_key.empty() != b.sort_key.empty()) return b.sort_key.empty();
      if (a.sort_key != b.sort_key) return a.sort_key < b.sort_key;
      if (a.version != b.version) return a.version > b.version;
      return a.file > b.file;
    });
    return entries;
  }
  // The firmware's rename, in sectors that reach the disk in any order.
  void count(const Read& entry) {
    EntryName next = entry.name;
    next.left = *next.left == 0 ? 0 : *next.left - 1;
    ++next.done;
    storage_.fat()->move(entry.file, format_entry_name(next));
  }
  TestStorage& storage_;
  std::vector<std::string> slots_;
};

}  // namespace aloft::boot::test
