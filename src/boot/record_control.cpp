#include "boot/record_control.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "boot/errors.hpp"
#include "boot/order.hpp"

namespace aloft::boot {

Result<> RecordControl::known(std::string_view slot) const {
  if (std::ranges::find(slots_, slot) != slots_.end()) return {};
  return unknown_slot(slot);
}

Result<> RecordControl::arm(std::string_view slot, unsigned tries) {
  if (tries < 1 || tries > max_tries_)
    return fail(kBadTries, "tries must be 1 to " + std::to_string(max_tries_) + ", not " + std::to_string(tries));
  TRY(known(slot));
  return store(TRY(with_first(TRY(load()), slot, SlotHealth::trial, tries)));
}

Result<> RecordControl::commit(std::string_view slot) {
  TRY(known(slot));
  return store(TRY(with_first(TRY(load()), slot, SlotHealth::committed, 0)));
}

Result<> RecordControl::mark_bad(std::string_view slot) {
  TRY(known(slot));
  return store(TRY(with_bad(TRY(load()), slot)));
}

Result<> RecordControl::rebuild(std::string_view booted) {
  const BootState state = TRY(rebuilt(slots_, booted));
  // For what can be kept; that it fails is why we are here.
  if (const auto lost = load(); !lost) log::debug("boot state: " + lost.error().message);
  return store(state);
}

std::vector<std::string> words(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r\n";
  std::vector<std::string> found;
  for (std::size_t at = text.find_first_not_of(kBlank); at != std::string_view::npos; at = text.find_first_not_of(kBlank, at)) {
    const std::size_t end = std::min(text.find_first_of(kBlank, at), text.size());
    found.emplace_back(text.substr(at, end - at));
    at = end;
  }
  return found;
}

Result<BootState> ordered(std::string_view order, const std::vector<std::string>& slots,
                          const std::function<SlotState(const std::string&)>& state) {
  BootState result;
  const auto listed = [&result](const std::string& name) {
    return std::ranges::find(result.order, name, &SlotState::name) != result.order.end();
  };
  for (const std::string& name : words(order)) {
    if (std::ranges::find(slots, name) != slots.end() && !listed(name)) result.order.push_back(state(name));
  }
  if (result.order.empty()) {
    return fail(kBootStateCorrupt, "the boot state names no slot of this device in its order (\"" + std::string(order.substr(0, 64)) +
                                       "\"); it has to be written anew");
  }
  for (const std::string& name : slots) {
    if (!listed(name)) result.order.push_back({name, SlotHealth::bad, 0});
  }
  return result;
}

}  // namespace aloft::boot
