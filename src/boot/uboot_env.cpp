#include "boot/uboot_env.hpp"

#include <algorithm>
#include <cstring>

#include "base/crc32.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr std::size_t kCrcBytes = 4;

std::size_t head_bytes(bool redundant) { return kCrcBytes + (redundant ? 1 : 0); }

}  // namespace

Result<UbootCopy> parse_uboot_env(std::string_view image, bool redundant) {
  const std::size_t head = head_bytes(redundant);
  if (image.size() < head + 2) return fail(kBootStateCorrupt, "U-Boot's environment is missing or too short");
  std::uint32_t crc = 0;
  std::memcpy(&crc, image.data(), kCrcBytes);
  const std::string_view data = image.substr(head);
  if (crc32(as_bytes(data)) != crc) return fail(kBootStateCorrupt, "the checksum of U-Boot's environment is wrong");
  UbootCopy copy;
  if (redundant) copy.flags = static_cast<std::uint8_t>(image[kCrcBytes]);
  for (std::size_t at = 0; at < data.size() && data[at] != '\0';) {
    const std::size_t end = data.find('\0', at);
    if (end == std::string_view::npos) return fail(kBootStateCorrupt, "U-Boot's environment has no end");
    const std::string_view entry = data.substr(at, end - at);
    const std::size_t equals = entry.find('=');
    if (equals != std::string_view::npos && equals != 0)
      copy.variables.insert_or_assign(std::string(entry.substr(0, equals)), entry.substr(equals + 1));
    at = end + 1;
  }
  return copy;
}

Result<std::string> format_uboot_env(const UbootCopy& copy, bool redundant, std::size_t size_bytes) {
  const std::size_t head = head_bytes(redundant);
  std::string image(head, '\0');
  for (const auto& [name, value] : copy.variables) {
    if (!value.empty()) image += name + "=" + value + '\0';
  }
  if (image.size() == head) image += '\0';
  image += '\0';
  if (image.size() > size_bytes)
    return fail(kBootStateFull, "U-Boot's environment of " + std::to_string(size_bytes) + " bytes has no room for the boot state; " +
                                    std::to_string(image.size()) + " are needed. Delete variables, or make it larger");
  image.resize(size_bytes, '\0');
  const std::uint32_t crc = crc32(as_bytes(std::string_view(image).substr(head)));
  std::memcpy(image.data(), &crc, kCrcBytes);
  if (redundant) image[kCrcBytes] = static_cast<char>(copy.flags);
  return image;
}

Result<UbootVariables> UbootEnvironment::load() {
  found_.assign(copies_.size(), std::nullopt);
  found_bytes_.assign(copies_.size(), 0);
  std::optional<Error> why;
  for (std::size_t i = 0; i < copies_.size(); ++i) {
    const auto image = copies_[i]->read();
    if (image) found_bytes_[i] = image->size();
    auto copy = image ? parse_uboot_env(*image, redundant()) : std::unexpected(image.error());
    if (copy) {
      found_[i] = *std::move(copy);
    } else if (!why) {
      why = std::move(copy).error();
    }
  }
  if (std::ranges::none_of(found_, [](const auto& copy) { return copy.has_value(); }))
    return fail(kBootStateCorrupt, "no copy of U-Boot's environment is valid: " + why->message);
  return found_[newer()]->variables;
}

// As U-Boot decides it (env/common.c, env_check_redund): serial numbers count up and wrap from 255 to 0.
std::size_t UbootEnvironment::newer() const {
  if (!redundant() || !found_[1]) return 0;
  if (!found_[0]) return 1;
  const unsigned first = found_[0]->flags;
  const unsigned second = found_[1]->flags;
  if (first == 255 && second == 0) return 1;
  if (second == 255 && first == 0) return 0;
  return second > first ? 1 : 0;
}

Result<> UbootEnvironment::save(const UbootVariables& variables) {
  UbootCopy copy{.flags = 1, .variables = variables};
  std::size_t target = 0;
  const bool has_older = redundant() && (found_[0] || found_[1]);
  if (has_older) {
    const std::size_t current = newer();
    if (flags_ == UbootFlags::serial) copy.flags = static_cast<std::uint8_t>(found_[current]->flags + 1);
    target = 1 - current;
  }
  const std::string image = TRY(format_uboot_env(copy, redundant(), size_bytes_));
  if (found_bytes_[target] == size_bytes_) {
    TRY(copies_[target]->write(0, image));
  } else {
    TRY(copies_[target]->create(image));  // a file that is not there yet, and not in use
  }
  if (TRY(copies_[target]->read()) != image)
    return fail(kBootStateWrite, "U-Boot's environment reads back differently than it was written");
  found_[target] = std::move(copy);
  found_bytes_[target] = size_bytes_;
  if (!has_older || flags_ == UbootFlags::serial) return {};
  // Until here both are active, and U-Boot takes the first: the old or the new one, each complete.
  TRY(copies_[1 - target]->clear_byte(kCrcBytes));
  if (found_[1 - target]) found_[1 - target]->flags = 0;
  return {};
}

Result<> UbootEnvironment::check_writable() {
  for (std::size_t i = 0; i < copies_.size(); ++i) {
    if (found_bytes_[i] == size_bytes_) TRY(copies_[i]->check_writable());
  }
  return {};
}

std::vector<std::string> UbootEnvironment::weaknesses() const {
  std::vector<std::string> all;
  if (!redundant())
    all.emplace_back(
        "there is only one copy of U-Boot's environment: a power cut while it is written loses it. Build U-Boot with "
        "CONFIG_SYS_REDUNDAND_ENVIRONMENT and name both copies in fw_env.config");
  for (std::size_t i = 0; i < found_.size(); ++i) {
    if (!found_[i])
      all.push_back("copy " + std::to_string(i + 1) + " of " + std::to_string(found_.size()) +
                    " of U-Boot's environment is missing or damaged; the next change writes it anew");
  }
  return all;
}

}  // namespace aloft::boot
