// barebox's state, as anything may have left it; the first byte decides whether the checksums of the first copy are made right.
#include <cstring>

#include "base/crc32.hpp"
#include "boot/barebox.hpp"
#include "boot/test_loader.hpp"
#include "require.hpp"

namespace {

using namespace aloft;

constexpr std::size_t kStride = 256;
constexpr std::uint32_t kMagic = 0x3f45620b;

}  // namespace

extern "C" int barebox_state_fuzz(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string content(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0 && content.size() <= kStride - 24) content = boot::format_barebox_copy(content, kMagic);
  content.resize(3 * kStride + kStride, '\0');
  boot::test::MemoryStorage storage;
  auto area = storage.region("state", content.size());
  storage.contents["state"] = content;
  boot::BareboxLayout layout;
  layout.slots = {{"A", {0, 4, 1}}, {"B", {8, 12, 2}}};
  layout.last_chosen_at = 16;
  layout.data_bytes = 20;
  boot::BareboxControl control(std::make_unique<boot::BareboxState>(std::move(area), kMagic, kStride), layout, {"A", "B"}, 3);
  (void)control.booted();
  if (!control.read()) require(control.rebuild("A").has_value());
  require(control.arm("B", 2).has_value());
  const auto armed = control.read();
  require(armed && armed->order.size() == 2 && armed->order[0].name == "B" && armed->order[0].tries_left == 2);
  require(control.commit("A").has_value());
  require(control.mark_bad("B").has_value());
  const auto parked = control.read();
  require(parked && parked->order[0].name == "A" && parked->order[0].health == boot::SlotHealth::committed);
  return 0;
}
