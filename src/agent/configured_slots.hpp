// The slots of system.toml as the updater sees them.
#pragma once

#include "agent/config.hpp"
#include "agent/shared_switches.hpp"
#include "agent/updater.hpp"

namespace aloft::agent {

// Those of [shared.CLASS].
class ConfiguredSharedSlots final : public SharedSlots {
 public:
  // Which must outlive this.
  explicit ConfiguredSharedSlots(const GroupConfig& slots) : slots_(slots) {}
  bool has(const std::string& slot_class) const override { return slots_.contains(slot_class); }
  std::string together(const std::string& slot_class) const override;
  Result<> commit_together(std::span<const DueSwitch> due) override;
  Result<> commit(const DueSwitch& due) override;
  bool must_commit(const std::string& slot_class) const override;
  Result<> give_up(const std::string& slot_class) override;

 private:
  const GroupConfig& slots_;
};

class ConfiguredSlots final : public Slots {
 public:
  // Both must outlive this.
  ConfiguredSlots(const Config& config, update::StateFiles& files)
      : config_(config), shared_(config.shared), switches_(files, shared_), memory_(config.state_dir / "blocks") {}
  std::vector<std::string> groups() const override;
  Result<std::map<std::string, SlotFacts>> facts(const std::string& group) override;
  Result<storage::Target> open(const std::string& group, const bundle::Image& image) override;
  // Remembered until the slot is opened for writing.
  Result<std::vector<BlockName>> block_names(const std::string& group, const std::string& slot_class, ByteSource& slot,
                                             const std::function<bool()>& stop) override;
  Result<std::unique_ptr<ByteSource>> look(const std::string& group, const std::string& slot_class) override;
  Result<Fd> look_into(const std::string& group, const std::string& slot_class) override;
  Result<> written(const bundle::Image& image) override;
  Result<> commit() override { return switches_.commit(); }
  Result<> make_up() override { return switches_.make_up(); }
  Result<> abandon() override { return switches_.abandon(); }
  std::vector<RefusedSwitch> refused() override { return switches_.refused(); }
  std::optional<RefusedSwitch> refusal_of(const std::string& slot_class) override { return switches_.refusal_of(slot_class); }

 private:
  Result<const GroupConfig*> find(const std::string& group) const;
  const Config& config_;
  ConfiguredSharedSlots shared_;
  SharedSwitches switches_;
  const SlotMemory memory_;
};

}  // namespace aloft::agent
