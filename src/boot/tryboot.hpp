// Boot control of the Raspberry Pi's firmware: autoboot.txt, of which every change is one sector written in place. A trial is started by
// a restart with the argument "0 tryboot", a flag that the firmware forgets as it reads it: the agent itself counts, in
// restart_argument(), before the restart.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "boot/autoboot.hpp"
#include "boot/record_control.hpp"
#include "boot/region.hpp"
#include "boot/settings.hpp"

namespace aloft::boot {

struct TrybootFacts {
  std::map<std::string, std::uint32_t> partitions;  // by slot: the FAT partition with its config.txt and kernel
  std::filesystem::path device_tree = "/proc/device-tree";
};

class TrybootControl final : public RecordControl {
 public:
  static constexpr unsigned kTries = 9;

  TrybootControl(std::unique_ptr<Region> autoboot, std::vector<std::string> slots, TrybootFacts facts)
      : RecordControl(std::move(slots), kTries), autoboot_(std::move(autoboot)), facts_(std::move(facts)) {}
  Result<std::optional<std::string>> booted() override;
  bool trial_needs_argument() const override { return true; }
  Result<std::optional<std::string>> restart_argument() override;
  Result<std::vector<std::string>> examine(Probe probe) override;

 protected:
  Result<BootState> load() override;
  Result<> store(const BootState& state) override;

 private:
  Result<BootState> state_of(const Autoboot& content) const;
  Autoboot content_of(const BootState& state) const;
  std::unique_ptr<Region> autoboot_;
  TrybootFacts facts_;
};

Result<std::unique_ptr<BootControl>> open_tryboot(const Settings& settings, std::vector<std::string> slots);

}  // namespace aloft::boot
