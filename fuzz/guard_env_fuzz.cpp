// An environment of EFI Boot Guard: read, written, and read again; with a right checksum put in, since few inputs have one by chance.
#include "base/crc32.hpp"
#include "boot/bgenv.hpp"
#include "require.hpp"

namespace {

using namespace aloft;

void check(std::string_view file) {
  const auto env = boot::parse_guard_env(file);
  if (!env) return;
  const auto written = boot::format_guard_env(*env);
  if (!written) return;  // characters that were none may have become longer
  const auto again = boot::parse_guard_env(*written);
  require(again && again->kernel == env->kernel && again->arguments == env->arguments && again->state == env->state);
  require(again->revision == env->revision && again->watchdog_s == env->watchdog_s && again->user == env->user);
  const auto other = boot::with_guard_state(*written, boot::GuardState::ok);
  require(!other || boot::parse_guard_env(*other).has_value());
}

}  // namespace

extern "C" int guard_env_fuzz(const std::uint8_t* data, std::size_t size) {
  std::string file(reinterpret_cast<const char*>(data), size);
  check(file);
  if (file.size() < 4) return 0;
  const std::size_t end = file.size() - 4;
  store_le32(std::as_writable_bytes(std::span(file)).subspan(end, 4), crc32(as_bytes(std::string_view(file).substr(0, end))));
  check(file);
  return 0;
}
