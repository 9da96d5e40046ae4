// The slots of system.toml as the updater sees them.
#pragma once

#include "agent/config.hpp"
#include "agent/updater.hpp"

namespace aloft::agent {

class ConfiguredSlots final : public Slots {
 public:
  explicit ConfiguredSlots(const Config& config) : config_(config) {}  // which must outlive this
  std::vector<std::string> groups() const override;
  Result<std::map<std::string, SlotFacts>> facts(const std::string& group) override;
  Result<storage::Target> open(const std::string& group, const bundle::Image& image) override;

 private:
  Result<const GroupConfig*> find(const std::string& group) const;
  const Config& config_;
};

}  // namespace aloft::agent
