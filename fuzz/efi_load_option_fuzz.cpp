// A boot entry of the firmware, the boot order and the mark of a trial, as anything may have left them: what is read is written so that it
// reads the same again.
#include "boot/uefi.hpp"
#include "require.hpp"

extern "C" int efi_load_option_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto option = boot::parse_load_option(input)) {
    const auto again = boot::parse_load_option(boot::format_load_option(*option));
    require(again && again->attributes == option->attributes && again->label == option->label);
    require(again->device_path == option->device_path && again->optional_data == option->optional_data);
  }
  if (const auto numbers = boot::parse_boot_numbers(input)) require(boot::format_boot_numbers(*numbers) == input);
  const boot::TrialMark mark = boot::parse_trial_mark(input);
  const std::string text = boot::format_trial_mark(mark);
  require(text.size() > 1024 || boot::parse_trial_mark(text) == mark);
  return 0;
}
