// A boot loader entry and its file name, as anything may have left them.
#include "boot/boot_entry.hpp"
#include "boot/region.hpp"
#include "require.hpp"

extern "C" int boot_entry_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (const auto entry = boot::parse_entry(input)) {
    const auto again = boot::format_entry(*entry);
    require(!again || boot::parse_entry(*again) == *entry);
  }
  if (const auto made = boot::format_entry({"B", 7, input})) {
    require(made->size() % boot::kSectorBytes == 0);
    const auto entry = boot::parse_entry(*made);
    require(entry && entry->slot == "B" && entry->generation == 7 && boot::format_entry(*entry) == *made);
  }
  if (const auto name = boot::parse_entry_name(input)) require(boot::parse_entry_name(boot::format_entry_name(*name)) == name);
  return 0;
}
