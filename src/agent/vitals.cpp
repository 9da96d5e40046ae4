#include "agent/vitals.hpp"

#include <sys/statvfs.h>

#include <charconv>
#include <utility>

#include "agent/script_folder.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || !protocol::is_metric_value(value)) return std::nullopt;
  return value;
}

void tell(const Result<>& kept) {
  if (!kept) log::warning("how this device has been is not kept: " + kept.error().text());
}

}  // namespace

void read_metrics(std::string_view output, std::string_view script, Metrics& metrics) {
  const auto passed_over = [script](std::string_view why) {
    log::warning("metrics script " + std::string(script) + ": a line is passed over: " + std::string(why));
  };
  bool full = false;
  for_each_line(output, [&](std::string_view line) {
    const std::size_t space = line.find(' ');
    const std::string name(line.substr(0, space));
    const auto value = space == std::string_view::npos ? std::nullopt : number_of(line.substr(space + 1));
    if (!protocol::is_metric_name(name)) {
      passed_over("it is not NAME VALUE, with a name of 1-64 of A-Z a-z 0-9 . _ - that is none of the server's own");
    } else if (!value) {
      passed_over("the value of " + name + " is no decimal number within 1e15");
    } else if (metrics.size() >= protocol::kMaxMetrics && !metrics.contains(name)) {
      if (!std::exchange(full, true))
        passed_over("there are " + std::to_string(protocol::kMaxMetrics) + " metrics already; the rest is too");
    } else {
      metrics[name] = *value;
    }
  });
}

Metrics collect_metrics(const MetricsConfig& config, const std::filesystem::path& state_dir, const std::atomic<bool>& stop) {
  Metrics metrics;
  struct statvfs space{};
  if (::statvfs(state_dir.c_str(), &space) == 0)
    metrics["free-mib.state"] =
        static_cast<double>(static_cast<std::uint64_t>(space.f_bavail) * static_cast<std::uint64_t>(space.f_frsize) >> 20);
  run_scripts({.dir = config.dir, .timeout = config.timeout, .what = "metrics"}, stop,
              [&metrics](std::string_view output, std::string_view script) { read_metrics(output, script, metrics); });
  return metrics;
}

VitalsKeeper::VitalsKeeper(MetricsConfig config, Places places, Clock& clock)
    : config_(std::move(config)), places_(std::move(places)), clock_(clock) {}

void VitalsKeeper::start(const std::string& version, const std::string& boot_id, const WatchdogFacts& watchdog,
                         std::function<void()> changed) {
  {
    const std::lock_guard lock(mutex_);
    book_.emplace(places_.state_dir / "vitals", version, boot_id, read_boot_evidence(watchdog, places_.panic_dirs), clock_.steady());
    tell(book_->save());
    const auto reason = book_->vitals().last_boot;
    if (reason != protocol::BootReason::requested) log::info("this start came about by: " + std::string(protocol::to_string(reason)));
  }
  thread_ = std::thread([this, changed = std::move(changed)] { work(changed); });
}

void VitalsKeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  woken_.notify_all();
  if (!thread_.joinable()) return;
  thread_.join();
  tell(book_->end(clock_.steady()));
}

void VitalsKeeper::restarting(bool really) {
  const std::lock_guard lock(mutex_);
  if (book_) tell(really ? book_->end(clock_.steady()) : book_->go_on());
}

std::optional<protocol::Vitals> VitalsKeeper::latest() const {
  const std::lock_guard lock(mutex_);
  return book_ ? std::optional(book_->vitals()) : std::nullopt;
}

void VitalsKeeper::work(const std::function<void()>& changed) {
  while (!ending_) {
    const Metrics metrics = collect_metrics(config_, places_.state_dir, ending_);
    std::set<std::string> panics = panic_records(places_.panic_dirs);
    if (ending_) return;
    {
      const std::lock_guard lock(mutex_);
      book_->add(metrics, clock_.steady());
      book_->know(std::move(panics));
      tell(book_->save());
    }
    changed();
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, config_.interval, [this] { return ending_.load(); });
  }
}

}  // namespace aloft::agent
