#include "agent/vitals_book.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

using protocol::BootReason;
using protocol::Vitals;

constexpr std::uint64_t kMaxBookBytes = 256 << 10;

BookPage read_page(const std::filesystem::path& file) {
  const auto text = read_file(file, kMaxBookBytes);
  if (!text) {
    if (text.error().code.number != kNotFound.number) log::warning("how this device has been is not known: " + text.error().text());
    return {};
  }
  const auto json = parse_json(*text);
  auto page = json ? book_page_of(*json) : fail(json.error());
  if (page) return *std::move(page);
  log::warning(file.string() + " is begun anew, for it cannot be read: " + page.error().text());
  return {};
}

BootReason reason_of(const BookPage& before, const BootEvidence& evidence) {
  if (!std::ranges::includes(before.panics, evidence.panics) && !before.boot_id.empty()) return BootReason::panic;
  if (evidence.watchdog) return BootReason::watchdog;
  if (before.ended || before.boot_id.empty()) return BootReason::requested;
  if (evidence.overheated) return BootReason::overheated;
  return evidence.power_fault ? BootReason::power_fault : BootReason::unclear;
}

}  // namespace

Json to_json(const BookPage& page) {
  Json json = protocol::to_json(page.vitals);
  json["boot"] = Json{{"id", page.boot_id}, {"version", page.version}, {"ended", page.ended}};
  json["panics"] = page.panics;
  json["next"] = page.next;
  return json;
}

Result<BookPage> book_page_of(const Json& json) {
  auto object = TRY(JsonObject::of(json, "vitals"));
  auto boot = TRY(JsonObject::of(*TRY(object.object("boot")), "boot"));
  BookPage page;
  page.boot_id = TRY(boot.text("id", 128));
  page.version = TRY(boot.text("version", 128));
  page.ended = TRY(boot.boolean("ended"));
  page.next = TRY(object.number("next", INT64_MAX));
  page.vitals = TRY(protocol::from_json<Vitals>(json));
  for (const Json& record : *TRY(object.array("panics", kMaxPanics))) {
    if (!record.is_string()) return fail(kBadJson, "vitals: \"panics\" are texts");
    page.panics.insert(record.get<std::string>());
  }
  const auto& versions = page.vitals.versions;
  if (versions.empty() || versions.back().began >= page.next) return fail(kBadJson, "vitals: \"next\" is too low");
  if (std::ranges::find(versions, page.version, &Vitals::Version::version) == versions.end())
    return fail(kBadJson, "vitals: the version that ran is not there");
  return page;
}

VitalsBook::VitalsBook(std::filesystem::path file, std::string version, std::string boot_id, const BootEvidence& evidence, SteadyTime now)
    : file_(std::move(file)), page_(read_page(file_)), counted_(now) {
  if (page_.boot_id != boot_id || page_.version != version) enter(version, boot_id, evidence);
  page_.ended = false;
}

void VitalsBook::enter(const std::string& version, const std::string& boot_id, const BootEvidence& evidence) {
  const BootReason reason = reason_of(page_, evidence);
  const auto ran = std::ranges::find(page_.vitals.versions, page_.version, &Vitals::Version::version);
  if (ran != page_.vitals.versions.end()) {
    // After an end in order a watchdog's reset, or a panic, was of a system that this agent never saw: an update's that went wrong.
    const BootReason its = page_.ended ? BootReason::requested : reason;
    ++ran->reboots[static_cast<std::size_t>(its)];
  }
  page_.vitals.last_boot = reason;
  page_.boot_id = boot_id;
  page_.version = version;
  page_.panics = evidence.panics;
  auto& versions = page_.vitals.versions;
  if (std::ranges::find(versions, version, &Vitals::Version::version) != versions.end()) return;
  if (versions.size() == protocol::kMaxVitalsVersions) versions.erase(versions.begin());
  versions.push_back({.version = version, .began = page_.next++, .uptime_s = 0, .reboots = {}, .metrics = {}});
}

Vitals::Version& VitalsBook::present() { return *std::ranges::find(page_.vitals.versions, page_.version, &Vitals::Version::version); }

void VitalsBook::count_time(SteadyTime now) {
  remainder_ += now - std::exchange(counted_, now);
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(remainder_);
  remainder_ -= whole;
  present().uptime_s += static_cast<std::uint64_t>(whole.count());
}

void VitalsBook::add(const Metrics& metrics, SteadyTime now) {
  count_time(now);
  auto& kept = present().metrics;
  for (const auto& [name, value] : metrics) {
    if (kept.size() >= protocol::kMaxMetrics && !kept.contains(name)) continue;
    Vitals::Metric& metric = kept[name];
    ++metric.count;
    metric.sum += value;
    metric.last = value;
  }
}

Result<> VitalsBook::save() { return replace_file(file_, to_json(page_).dump() + "\n", 0644); }

Result<> VitalsBook::end(SteadyTime now) {
  count_time(now);
  page_.ended = true;
  return save();
}

Result<> VitalsBook::go_on() {
  page_.ended = false;
  return save();
}

}  // namespace aloft::agent
