// U-Boot's environment and fw_env.config, as anything may have left them. The first byte decides whose turn it is: a configuration; one
// copy as it is; or the contents of a copy whose checksum is right, so that what lies behind the checksum is reached too.
#include <cstring>

#include "base/crc32.hpp"
#include "boot/fw_env_config.hpp"
#include "boot/test_loader.hpp"
#include "boot/uboot.hpp"
#include "boot/uboot_bootcount.hpp"
#include "require.hpp"

namespace {

using namespace aloft;

constexpr std::size_t kBytes = 1024;

void try_config(std::string_view text) {
  const auto copies = boot::parse_fw_env_config(text);
  if (!copies) return;
  require(!copies->empty() && copies->size() <= 2);
  for (const boot::FwEnvCopy& copy : *copies)
    require(copy.size_bytes % boot::kSectorBytes == 0 && copy.size_bytes <= boot::kMaxUbootEnvBytes);
}

void try_control(boot::BootControl& control) {
  if (!control.read()) {
    const auto rebuilt = control.rebuild("A");
    if (!rebuilt) return;  // others' variables leave no room
  }
  if (!control.arm("B", 2)) return;
  const auto armed = control.read();
  require(armed && armed->order.size() == 2 && armed->order[0].name == "B" && armed->order[0].tries_left == 2);
  require(control.commit("A").has_value());
  require(control.mark_bad("B").has_value());
  const auto parked = control.read();
  require(parked && parked->order[0].name == "A" && parked->order[0].health == boot::SlotHealth::committed);
}

void try_environment(std::string content, bool mend_checksum) {
  content.resize(kBytes, '\0');
  if (mend_checksum) {
    const std::uint32_t crc = crc32(as_bytes(std::string_view(content).substr(5)));
    std::memcpy(content.data(), &crc, sizeof crc);
  }
  boot::test::MemoryStorage storage;
  const auto environment = [&] {
    std::vector<std::unique_ptr<boot::Region>> copies;
    for (const char* name : {"env1", "env2"}) copies.push_back(storage.region(name, kBytes));
    storage.contents["env1"] = content;
    return std::make_unique<boot::UbootEnvironment>(std::move(copies), kBytes);
  };
  boot::UbootOrderControl order(environment(), "/dev/null", {"A", "B"}, 3);
  try_control(order);
  storage.contents.clear();
  boot::UbootBootcountControl bootcount(environment(), "/dev/null", {"A", "B"}, "boot_part", {{"A", 2}, {"B", 3}});
  try_control(bootcount);
}

}  // namespace

extern "C" int uboot_env_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 4 == 0) {
    try_config(rest);
  } else {
    try_environment(rest, data[0] % 4 != 1);
  }
  return 0;
}
