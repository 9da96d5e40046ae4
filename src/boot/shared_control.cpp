#include "boot/shared_control.hpp"

namespace aloft::boot {

Result<BootState> SharedControl::read() {
  const std::lock_guard lock(mutex_);
  return control_->read();
}

Result<std::optional<std::string>> SharedControl::booted() {
  const std::lock_guard lock(mutex_);
  return control_->booted();
}

Result<std::optional<std::string>> SharedControl::restart_argument() {
  const std::lock_guard lock(mutex_);
  return control_->restart_argument();
}

Result<> SharedControl::arm(std::string_view slot, unsigned tries) {
  const std::lock_guard lock(mutex_);
  return control_->arm(slot, tries);
}

Result<> SharedControl::commit(std::string_view slot) {
  const std::lock_guard lock(mutex_);
  return control_->commit(slot);
}

Result<> SharedControl::mark_bad(std::string_view slot) {
  const std::lock_guard lock(mutex_);
  return control_->mark_bad(slot);
}

Result<> SharedControl::confirm(std::string_view booted) {
  const std::lock_guard lock(mutex_);
  return control_->confirm(booted);
}

Result<> SharedControl::rebuild(std::string_view booted) {
  const std::lock_guard lock(mutex_);
  return control_->rebuild(booted);
}

Result<std::vector<std::string>> SharedControl::examine(Probe probe) {
  const std::lock_guard lock(mutex_);
  return control_->examine(probe);
}

}  // namespace aloft::boot
