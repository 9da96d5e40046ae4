// The slots of system.toml as the updater sees them.
#pragma once

#include "agent/config.hpp"
#include "agent/updater.hpp"
#include "agent/waiting_switches.hpp"

namespace aloft::agent {

class ConfiguredSlots final : public Slots {
 public:
  // Both must outlive this.
  ConfiguredSlots(const Config& config, update::StateFiles& files) : config_(config), waiting_(files) {}
  std::vector<std::string> groups() const override;
  Result<std::map<std::string, SlotFacts>> facts(const std::string& group) override;
  Result<storage::Target> open(const std::string& group, const bundle::Image& image) override;
  Result<std::unique_ptr<ByteSource>> look(const std::string& group, const std::string& slot_class) override;
  Result<> written(const bundle::Image& image) override;
  Result<> commit() override;
  Result<> abandon() override;

 private:
  Result<const GroupConfig*> find(const std::string& group) const;
  Result<> commit_together();
  Result<> commit_due();
  const Config& config_;
  WaitingSwitches waiting_;
};

}  // namespace aloft::agent
