// What has changed in the fleet and is durable, told to those parts of the server that follow. On the loop's thread.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fleet/fleet.hpp"

namespace aloft::server {

class Changes {
 public:
  struct Listener {
    std::function<void(const std::string& name)> device;  // what a filter can ask of it, or that it is gone
    std::function<void(const fleet::Deployment&)> deployment;
    std::function<void()> groups;                            // a group's filter or its members, of many devices at once
    std::function<void(std::uint64_t id)> rollout;           // its state, or that of devices in it
    std::function<void(std::uint64_t device)> deleted = {};  // by the store's id, before `device` is told
  };
  // The listener is called for as long as this lives.
  void follow(Listener listener) { listeners_.push_back(std::move(listener)); }
  void device(const std::string& name) const {
    for (const Listener& listener : listeners_)
      if (listener.device) listener.device(name);
  }
  void deployment(const fleet::Deployment& deployment) const {
    for (const Listener& listener : listeners_)
      if (listener.deployment) listener.deployment(deployment);
  }
  void groups() const {
    for (const Listener& listener : listeners_)
      if (listener.groups) listener.groups();
  }
  void deleted(std::uint64_t device) const {
    for (const Listener& listener : listeners_)
      if (listener.deleted) listener.deleted(device);
  }
  void rollout(std::uint64_t id) const {
    for (const Listener& listener : listeners_)
      if (listener.rollout) listener.rollout(id);
  }

 private:
  std::vector<Listener> listeners_;
};

}  // namespace aloft::server
