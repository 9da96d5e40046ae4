// For tests: the Raspberry Pi's firmware with its autoboot.txt and the flag that a restart with "0 tryboot" sets.
#pragma once

#include "boot/test_loader.hpp"
#include "boot/tryboot.hpp"

namespace aloft::boot::test {

class TestTryboot final : public TestLoader {
 public:
  TestTryboot(TestStorage& storage, std::vector<std::string> slots) : storage_(storage), slots_(std::move(slots)) { region(); }
  std::unique_ptr<BootControl> control() override {
    TrybootFacts facts;
    for (std::size_t i = 0; i < slots_.size(); ++i) facts.partitions[slots_[i]] = static_cast<std::uint32_t>(2 + i);
    facts.device_tree = "/nonexistent";
    return std::make_unique<TrybootControl>(region(), slots_, std::move(facts));
  }
  void restart(const std::optional<std::string>& argument) override {
    if (argument == "0 tryboot") storage_.variables()["tryboot"] = "1";
  }

  // The flag is forgotten as it is read. A partition that does not boot ends in a reset.
  std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) override {
    const auto content = parse_autoboot(must(region()->read()));
    if (!content) return std::nullopt;
    const bool once = storage_.variables().erase("tryboot") > 0;
    auto tried = slot_of(once && content->once != 0 ? content->once : content->usual);
    if (tried && loads(*tried)) return tried;
    const auto usual = slot_of(content->usual);
    return usual && loads(*usual) ? usual : std::nullopt;
  }
  void corrupt() override { storage_.write_unflushed("autoboot.txt", 0, std::string(kAutobootBytes, '\0')); }

 private:
  std::unique_ptr<Region> region() { return storage_.region("autoboot.txt", kAutobootBytes); }
  std::optional<std::string> slot_of(std::uint32_t partition) const {
    if (partition < 2 || partition - 2 >= slots_.size()) return std::nullopt;
    return slots_[partition - 2];
  }
  TestStorage& storage_;
  std::vector<std::string> slots_;
};

}  // namespace aloft::boot::test
