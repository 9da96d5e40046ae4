// For tests: a firmware with its variables, which does what the UEFI specification 2.10 says in section 3.1: BootNext first, deleted before
// it is started, then BootOrder.
#pragma once

#include <algorithm>

#include "boot/errors.hpp"
#include "boot/test_loader.hpp"
#include "boot/uefi.hpp"

namespace aloft::boot::test {

// The firmware's variable store: a change is old or new when the power goes, and is read back. A value is four bytes of attributes, and the
// data.
class TestVariables final : public EfiVariables {
 public:
  explicit TestVariables(TestStorage& storage) : storage_(storage) {}
  Result<std::optional<EfiVariable>> read(std::string_view name) override {
    const auto found = storage_.variables().find(std::string(name));
    if (found == storage_.variables().end()) return std::nullopt;
    return EfiVariable{load_le32(as_bytes(found->second).first(4)), found->second.substr(4)};
  }
  Result<> write(std::string_view name, const EfiVariable& variable) override {
    storage_.set_variable(std::string(name), value_of(variable));
    if (test::must(read(name)) != variable) return fail(kBootStateWrite, "the EFI variable reads back differently");
    return {};
  }
  Result<> remove(std::string_view name) override {
    storage_.set_variable(std::string(name), std::nullopt);
    if (test::must(read(name))) return fail(kBootStateWrite, "the EFI variable is still there");
    return {};
  }
  Result<std::vector<std::string>> names() override {
    std::vector<std::string> names;
    for (const auto& [name, value] : storage_.variables()) names.push_back(name);
    return names;
  }
  Result<> check_writable() override { return {}; }
  // What does not last, or was there before.
  void set(std::string_view name, const EfiVariable& variable) { storage_.variables()[std::string(name)] = value_of(variable); }

 private:
  static std::string value_of(const EfiVariable& variable) {
    std::string value(4, '\0');
    store_le32(std::as_writable_bytes(std::span(value)), variable.attributes);
    return value + variable.data;
  }
  TestStorage& storage_;
};

class TestUefi final : public TestLoader {
 public:
  TestUefi(TestStorage& storage, std::vector<std::string> slots) : storage_(storage), slots_(std::move(slots)) {}
  std::unique_ptr<BootControl> control() override {
    std::vector<UefiSlot> described;
    for (const std::string& slot : slots_) {
      const auto make = [slot]() -> Result<LoadOption> {
        return LoadOption{.label = "aloft " + slot, .device_path = file_device_path({.number = 1}, "/aloft/" + slot), .optional_data = {}};
      };
      described.push_back({slot, "aloft " + slot, make});
    }
    return std::make_unique<UefiControl>(std::make_unique<TestVariables>(storage_), std::move(described));
  }

  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    if (const auto next = numbers("BootNext"); !next.empty()) {
      must(TestVariables(storage_).remove(global("BootNext")));
      if (const auto slot = start(next.front(), loads)) return slot;
    }
    for (const std::uint16_t number : numbers("BootOrder")) {
      if (const auto slot = start(number, loads)) return slot;
    }
    return std::nullopt;
  }
  // Settings reset: nothing is left.
  void corrupt() override { storage_.variables().clear(); }

  static std::string global(const std::string& name) { return name + "-" + std::string(kEfiGlobal); }
  std::vector<std::uint16_t> numbers(const std::string& name) {
    const auto found = must(TestVariables(storage_).read(global(name)));
    return found ? must(parse_boot_numbers(found->data)) : std::vector<std::uint16_t>();
  }
  void set_numbers(const std::string& name, const std::vector<std::uint16_t>& numbers) {
    TestVariables(storage_).set(global(name), {kEfiKept, format_boot_numbers(numbers)});
  }

 private:
  static void must(const Result<>& result) {
    if (!result) std::abort();
  }
  template <typename T>
  static T must(Result<T> result) {
    return test::must(std::move(result));
  }
  std::optional<std::string> start(std::uint16_t number, const std::function<bool(const std::string&)>& loads) {
    const auto found = must(TestVariables(storage_).read(global(boot_entry_name(number))));
    if (!found) return std::nullopt;
    const std::string label = must(parse_load_option(found->data)).label;
    const auto slot = std::ranges::find_if(slots_, [&label](const std::string& name) { return label == "aloft " + name; });
    if (slot == slots_.end() || !loads(*slot)) return std::nullopt;
    set_numbers("BootCurrent", {number});
    return *slot;
  }
  TestStorage& storage_;
  std::vector<std::string> slots_;
};

}  // namespace aloft::boot::test
