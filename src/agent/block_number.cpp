#include "agent/block_number.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/file.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLayers = 8;  // of device-mapper on each other
constexpr std::uint64_t kMaxNumberBytes = 64;

void add_with_layers(const DeviceNumber& device, const fs::path& sys, int layers, std::vector<DeviceNumber>& found) {
  found.push_back(device);
  if (layers == 0) return;
  std::error_code problem;
  for (const auto& slave : fs::directory_iterator(sys / "dev/block" / device / "slaves", problem)) {
    const auto text = read_file(slave.path() / "dev", kMaxNumberBytes);
    if (text) add_with_layers(text->substr(0, text->find('\n')), sys, layers - 1, found);
  }
}

}  // namespace

DeviceNumber device_number(dev_t device) { return std::to_string(::major(device)) + ":" + std::to_string(::minor(device)); }

std::optional<DeviceNumber> number_of_block_device(const fs::path& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0 || !S_ISBLK(found.st_mode)) return std::nullopt;
  return device_number(found.st_rdev);
}

std::vector<DeviceNumber> with_layers_below(const DeviceNumber& device, const fs::path& sys) {
  std::vector<DeviceNumber> found;
  add_with_layers(device, sys, kMostLayers, found);
  return found;
}

}  // namespace aloft::agent
