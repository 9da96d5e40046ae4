#include "storage/sim_fat.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace aloft::storage {
namespace {

// One sector for each directory entry (on a real volume two entries may share one, or not), one for the table, then the clusters.
constexpr std::size_t kNameBytes = 32;
constexpr std::uint64_t kTableOffset = SimFat::kFiles * SimDisk::kSectorBytes;
constexpr std::uint64_t kDataOffset = kTableOffset + SimDisk::kSectorBytes;
constexpr std::uint32_t kFree = 0;
constexpr std::uint32_t kEnd = 0xffffffff;  // of a chain; any other value is the next cluster + 1

void put_number(Bytes& sector, std::size_t offset, std::uint32_t value) { std::memcpy(sector.data() + offset, &value, sizeof(value)); }

std::uint32_t number(ByteView sector, std::size_t offset) {
  std::uint32_t value = 0;
  std::memcpy(&value, sector.data() + offset, sizeof(value));
  return value;
}

std::uint64_t place_of(std::size_t cluster) { return kDataOffset + cluster * SimFat::kClusterBytes; }

}  // namespace

SimFat::SimFat(Power& power) : disk_(power, kDataOffset + kClusters * kClusterBytes) {}

SimFat::Entry SimFat::entry(std::size_t index) const {
  Bytes sector(SimDisk::kSectorBytes);
  expect(disk_.read(index * SimDisk::kSectorBytes, sector).has_value());
  const auto* const text = reinterpret_cast<const char*>(sector.data());
  return {std::string(text, ::strnlen(text, kNameBytes)), number(sector, kNameBytes), number(sector, kNameBytes + 4)};
}

std::optional<std::size_t> SimFat::find(std::string_view name) const {
  for (std::size_t i = 0; i < kFiles; ++i) {
    if (entry(i).name == name) return i;
  }
  return std::nullopt;
}

std::vector<std::string> SimFat::names() const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kFiles; ++i) {
    if (Entry found = entry(i); !found.name.empty()) names.push_back(std::move(found.name));
  }
  std::ranges::sort(names);
  return names;
}

std::size_t SimFat::must_find(std::string_view name) const {
  const auto found = find(name);
  expect(found.has_value());
  return *found;
}

Bytes SimFat::table() const {
  Bytes sector(SimDisk::kSectorBytes);
  expect(disk_.read(kTableOffset, sector).has_value());
  return sector;
}

// A chain that breaks off, or runs into another file's end, is as long as it is: what a check of the file system would leave of it.
std::vector<std::size_t> SimFat::chain(const Entry& entry) const {
  const Bytes links = table();
  std::vector<std::size_t> clusters;
  for (std::uint32_t at = entry.first; at != kFree && at != kEnd && at <= kClusters && clusters.size() < kClusters;) {
    const std::uint32_t after = number(links, (at - 1) * sizeof(std::uint32_t));
    if (after == kFree) break;
    clusters.push_back(at - 1);
    at = after;
  }
  return clusters;
}

std::optional<std::string> SimFat::read(std::string_view name) const {
  const auto index = find(name);
  if (!index) return std::nullopt;
  const Entry found = entry(*index);
  std::string content;
  for (const std::size_t cluster : chain(found)) {
    std::string piece(kClusterBytes, '\0');
    expect(disk_.read(place_of(cluster), std::as_writable_bytes(std::span(piece))).has_value());
    content += piece;
  }
  content.resize(std::min<std::size_t>(content.size(), found.size_bytes));
  return content;
}

void SimFat::write_entry(std::size_t index, const Entry& entry) {
  Bytes sector(SimDisk::kSectorBytes);
  std::memcpy(sector.data(), entry.name.data(), std::min(entry.name.size(), kNameBytes));
  put_number(sector, kNameBytes, entry.first);
  put_number(sector, kNameBytes + 4, entry.size_bytes);
  expect(disk_.write(index * SimDisk::kSectorBytes, sector).has_value());
}

void SimFat::write_table(const Bytes& table) { expect(disk_.write(kTableOffset, table).has_value()); }

void SimFat::write_data(const std::vector<std::size_t>& clusters, std::size_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t start = offset % kClusterBytes;
    const std::size_t size = std::min(kClusterBytes - start, bytes.size());
    expect(disk_.write(place_of(clusters.at(offset / kClusterBytes)) + start, as_bytes(bytes.substr(0, size))).has_value());
    offset += size;
    bytes.remove_prefix(size);
  }
}

void SimFat::create(std::string_view name) {
  expect(!find(name));
  write_entry(must_find(""), {std::string(name)});
}

void SimFat::free_clusters(const Entry& entry) {
  const std::vector<std::size_t> clusters = chain(entry);
  if (clusters.empty()) return;
  Bytes links = table();
  for (const std::size_t cluster : clusters) put_number(links, cluster * sizeof(std::uint32_t), kFree);
  write_table(links);
}

void SimFat::truncate(std::string_view name) {
  const std::size_t index = must_find(name);
  const Entry before = entry(index);
  write_entry(index, {before.name});
  free_clusters(before);
}

void SimFat::append(std::string_view name, std::string_view bytes) {
  const std::size_t index = must_find(name);
  Entry grown = entry(index);
  const std::size_t offset = grown.size_bytes;
  std::vector<std::size_t> clusters = chain(grown);
  Bytes links = table();
  const std::size_t before = clusters.size();
  while (clusters.size() * kClusterBytes < offset + bytes.size()) {
    std::size_t free = 0;
    while (number(links, free * sizeof(std::uint32_t)) != kFree) expect(++free < kClusters);
    if (clusters.empty()) grown.first = static_cast<std::uint32_t>(free + 1);
    if (!clusters.empty()) put_number(links, clusters.back() * sizeof(std::uint32_t), static_cast<std::uint32_t>(free + 1));
    put_number(links, free * sizeof(std::uint32_t), kEnd);
    clusters.push_back(free);
  }
  if (clusters.size() != before) write_table(links);
  write_data(clusters, offset, bytes);
  grown.size_bytes = static_cast<std::uint32_t>(offset + bytes.size());
  write_entry(index, grown);
}

void SimFat::overwrite(std::string_view name, std::size_t offset, std::string_view bytes) {
  const Entry found = entry(must_find(name));
  expect(offset + bytes.size() <= found.size_bytes);
  write_data(chain(found), offset, bytes);
}

// The kernel's vfat writes the entry under the new name first, then takes the old one away; a file that stood there loses its clusters.
void SimFat::move(std::string_view from, std::string_view to) {
  const std::size_t source = must_find(from);
  const auto target = find(to);
  Entry moved = entry(source);
  const Entry replaced = target ? entry(*target) : Entry{};
  moved.name = to;
  write_entry(target ? *target : must_find(""), moved);
  write_entry(source, {});
  free_clusters(replaced);
}

void SimFat::remove(std::string_view name) {
  const std::size_t index = must_find(name);
  const Entry before = entry(index);
  write_entry(index, {});
  free_clusters(before);
}

void SimFat::sync(std::string_view) { expect(disk_.flush().has_value()); }
void SimFat::sync_folder() { expect(disk_.flush().has_value()); }

void SimFat::fill(std::string_view name, std::string_view content) {
  Power off;  // nothing is counted, and nobody watches
  SimFat apart(off);
  apart.disk_.fill(0, disk_.durable());
  apart.create(name);
  apart.append(name, content);
  expect(apart.disk_.flush().has_value());
  disk_.fill(0, apart.disk_.durable());
}

}  // namespace aloft::storage
