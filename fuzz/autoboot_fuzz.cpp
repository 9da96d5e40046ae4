// autoboot.txt as anything may have left it: read, mended, and used.
#include "boot/errors.hpp"
#include "boot/test_tryboot.hpp"
#include "require.hpp"

extern "C" int autoboot_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string file(reinterpret_cast<const char*>(data), std::min(size, boot::kAutobootBytes));
  boot::test::MemoryStorage storage;
  boot::test::TestTryboot loader(storage, {"A", "B"});
  storage.contents["autoboot.txt"] = file;
  if (const auto content = boot::parse_autoboot(file)) {
    const auto written = boot::format_autoboot(*content);
    require(!written || boot::parse_autoboot(*written) == *content);
  }
  const auto control = loader.control();
  if (!control->read()) require(control->rebuild("A").has_value());
  const auto armed = control->arm("B", 2);
  require(armed.has_value() || armed.error().code.number == boot::kNoOtherSlot.number);
  if (armed) require(control->read()->order.front().name == "B");
  require(control->commit("A").has_value());
  require(control->mark_bad("B").has_value());
  require(control->read()->order.front().name == "A");
  return 0;
}
