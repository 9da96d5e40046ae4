// The boot loader's environment, as anything may have left it: read, and what is read is written so that it reads the same again.
#include "boot/errors.hpp"
#include "boot/grub.hpp"
#include "boot/test_loader.hpp"
#include "require.hpp"

extern "C" int grubenv_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  std::string content(reinterpret_cast<const char*>(data), size);
  if (size > 0 && size < boot::kGrubEnvBytes) content.resize(boot::kGrubEnvBytes, '#');
  boot::test::MemoryStorage storage;
  auto block = storage.region("grubenv", content.size());
  storage.contents["grubenv"] = content;
  boot::GrubControl control(std::move(block), {"A", "B"});
  if (!control.read()) require(control.rebuild("A").has_value());
  require(control.arm("B", 3).has_value());
  const auto armed = control.read();
  require(armed && armed->order.size() == 2 && armed->order[0].name == "B" && armed->order[0].tries_left == 3);
  require(control.commit("A").has_value());
  require(control.mark_bad("B").has_value());
  const auto parked = control.read();
  require(parked && parked->order[0].name == "A" && parked->order[0].health == boot::SlotHealth::committed);
  return 0;
}
