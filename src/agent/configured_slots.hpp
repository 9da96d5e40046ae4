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
  Result<std::unique_ptr<storage::BlockDevice>> open(const std::string& group, const std::string& slot_class) override;

 private:
  Result<const GroupConfig*> find(const std::string& group) const;
  const Config& config_;
};

// Of a block device or a regular file. Errors: file errors, storage::kNotADevice.
Result<std::uint64_t> slot_size_bytes(const std::filesystem::path& device);

}  // namespace aloft::agent
