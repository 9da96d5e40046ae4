#include "agent/inventory.hpp"

#include <filesystem>
#include <utility>

#include "agent/script_folder.hpp"
#include "base/json.hpp"
#include "base/log.hpp"
#include "protocol/messages.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

bool is_utf8(const std::string& text) {
  const Result<Json> again = parse_json(Json(text).dump(-1, ' ', false, Json::error_handler_t::ignore));
  return again && again->get<std::string>() == text;
}

}  // namespace

void read_attributes(std::string_view output, std::string_view script, Attributes& attributes) {
  const auto passed_over = [script](std::string_view why) {
    log::warning("inventory script " + std::string(script) + ": a line is passed over: " + std::string(why));
  };
  bool full = false;
  for_each_line(output, [&](std::string_view line) {
    const std::size_t equal = line.find('=');
    if (equal == std::string_view::npos) return passed_over("it is not KEY=VALUE");
    const std::string key(line.substr(0, equal));
    const std::string value(line.substr(equal + 1));
    if (!protocol::is_attribute_key(key)) {
      passed_over("a key is 1-128 of A-Z a-z 0-9 . _ -");
    } else if (!is_utf8(value) || !protocol::is_attribute_value(value)) {
      passed_over("the value of " + key + " is not UTF-8, over 1024 bytes or has control characters");
    } else if (attributes.size() >= protocol::kMaxAttributes && !attributes.contains(key)) {
      if (!std::exchange(full, true))
        passed_over("there are " + std::to_string(protocol::kMaxAttributes) + " attributes already; the rest is too");
    } else {
      attributes[key] = value;
    }
  });
}

Attributes collect_inventory(const InventoryConfig& config, const std::atomic<bool>& stop) {
  Attributes attributes;
  run_scripts({.dir = config.dir, .timeout = config.timeout, .what = "inventory"}, stop,
              [&attributes](std::string_view output, std::string_view script) { read_attributes(output, script, attributes); });
  return attributes;
}

void Inventory::start(std::function<void()> changed) {
  std::error_code problem;
  if (fs::is_directory(config_.dir, problem)) thread_ = std::thread([this, changed = std::move(changed)] { work(changed); });
}

void Inventory::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<Attributes> Inventory::latest() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

void Inventory::work(const std::function<void()>& changed) {
  while (!ending_) {
    Attributes collected = collect_inventory(config_, ending_);
    if (ending_) return;
    bool is_new = false;
    {
      const std::lock_guard lock(mutex_);
      is_new = latest_ != collected;
      if (is_new) latest_ = std::move(collected);
    }
    if (is_new) changed();
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, config_.interval, [this] { return ending_.load(); });
  }
}

}  // namespace aloft::agent
