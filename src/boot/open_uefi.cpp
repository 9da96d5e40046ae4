// UEFI boot control from its settings.
#include "boot/errors.hpp"
#include "boot/partition_place.hpp"
#include "boot/uefi.hpp"
#include "boot/utf16.hpp"

namespace aloft::boot {
namespace {

Result<LoadOption> make_entry(const std::string& label, const std::string& partition, const std::string& file,
                              const std::string& arguments) {
  LoadOption option;
  option.label = label;
  option.device_path = file_device_path(TRY(partition_place(partition)), file);
  option.optional_data = to_utf16le(arguments) + std::string(2, '\0');
  return option;
}

}  // namespace

Result<std::unique_ptr<BootControl>> open_uefi(const Settings& settings, std::vector<std::string> slots) {
  std::vector<UefiSlot> described;
  for (const std::string& slot : slots) {
    UefiSlot one{.name = slot, .label = settings.of_slot("labels", slot), .make = {}};
    if (one.label.empty()) one.label = "aloft " + slot;
    const std::string partition = settings.of_slot("partitions", slot);
    const std::string file = settings.of_slot("files", slot);
    const std::string arguments = settings.of_slot("arguments", slot);
    if (partition.empty() != file.empty() || file.empty() != arguments.empty())
      return fail(kBootSetting, "slot " + slot + " needs all of boot.partitions, boot.files and boot.arguments, or none");
    if (!file.empty()) one.make = [label = one.label, partition, file, arguments] { return make_entry(label, partition, file, arguments); };
    described.push_back(std::move(one));
  }
  return std::make_unique<UefiControl>(std::make_unique<Efivarfs>(settings.text("efivars")), std::move(described));
}

}  // namespace aloft::boot
