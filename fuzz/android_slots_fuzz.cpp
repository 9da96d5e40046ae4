// Android's slot metadata, as anything may have left it; the first byte decides whether its checksum is made right.
#include <algorithm>

#include "base/bytes.hpp"
#include "base/crc32.hpp"
#include "boot/android.hpp"
#include "boot/order.hpp"
#include "boot/test_loader.hpp"
#include "require.hpp"

extern "C" int android_slots_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  if (size == 0) return 0;
  std::string record(reinterpret_cast<const char*>(data) + 1, std::min<std::size_t>(size - 1, 32));
  record.resize(32, '\0');
  if (data[0] % 2 == 0)
    store_le32(std::as_writable_bytes(std::span(record)).subspan(28, 4), crc32(as_bytes(std::string_view(record).substr(0, 28))));
  boot::test::MemoryStorage storage;
  (void)storage.region("misc", boot::kSectorBytes);
  storage.contents["misc"].replace(0, 32, record);
  boot::AndroidControl control(storage.region("misc", boot::kSectorBytes), nullptr, {"A", "B", "C"});
  const auto found = control.read();
  if (!found || !boot::is_another_committed(*found, "B")) require(control.rebuild("A").has_value());  // as whoever arms B sees to
  require(control.arm("B", 2).has_value());
  const auto armed = control.read();
  require(armed && armed->order.size() == 3 && armed->order[0].name == "B" && armed->order[0].tries_left == 2);
  require(control.commit("A").has_value());
  require(control.mark_bad("B").has_value());
  const auto parked = control.read();
  require(parked && parked->order[0].name == "A" && parked->order[0].health == boot::SlotHealth::committed);
  return 0;
}
