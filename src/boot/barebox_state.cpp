#include "boot/barebox_state.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/crc32.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {
namespace {

constexpr std::uint32_t kDirectMagic = 0x2354fdf3;
constexpr std::size_t kDirectBytes = 8;

struct RawHeader {
  std::uint32_t magic;
  std::uint16_t reserved;
  std::uint16_t data_bytes;
  std::uint32_t data_crc;
  std::uint32_t header_crc;
};
static_assert(sizeof(RawHeader) == 16);
constexpr std::size_t kHeaderCrcCovers = 12;

template <typename T>
std::string bytes_of(const T& value) {
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

}  // namespace

Result<std::string> parse_barebox_copy(std::string_view bytes, std::uint32_t magic) {
  std::uint32_t first = 0;
  if (bytes.size() >= kDirectBytes) std::memcpy(&first, bytes.data(), sizeof first);
  if (first == kDirectMagic) {
    std::uint32_t length = 0;
    std::memcpy(&length, bytes.data() + sizeof first, sizeof length);
    bytes = bytes.substr(kDirectBytes, length);
  }
  if (bytes.size() < sizeof(RawHeader)) return fail(kBootStateCorrupt, "a copy of barebox's state is too short");
  RawHeader header{};
  std::memcpy(&header, bytes.data(), sizeof header);
  if (crc32(as_bytes(bytes.substr(0, kHeaderCrcCovers))) != header.header_crc)
    return fail(kBootStateCorrupt, "the header of a copy of barebox's state has a wrong checksum");
  if (header.magic != magic) return fail(kBootStateCorrupt, "a copy of barebox's state has another magic number than boot.magic");
  const std::string_view data = bytes.substr(sizeof header, header.data_bytes);
  if (data.size() != header.data_bytes || crc32(as_bytes(data)) != header.data_crc)
    return fail(kBootStateCorrupt, "the data of a copy of barebox's state has a wrong checksum");
  return std::string(data);
}

std::string format_barebox_copy(std::string_view data, std::uint32_t magic) {
  RawHeader header{.magic = magic,
                   .reserved = 0,
                   .data_bytes = static_cast<std::uint16_t>(data.size()),
                   .data_crc = crc32(as_bytes(data)),
                   .header_crc = 0};
  header.header_crc = crc32(as_bytes(std::string_view(bytes_of(header)).substr(0, kHeaderCrcCovers)));
  const auto length = static_cast<std::uint32_t>(sizeof header + data.size());
  return bytes_of(kDirectMagic) + bytes_of(length) + bytes_of(header) + std::string(data);
}

Result<std::string> BareboxState::load() {
  damaged_.clear();
  const std::string area = TRY(area_->read());
  std::optional<std::string> first;
  std::optional<Error> why;
  for (std::size_t i = 0; i < kBareboxCopies; ++i) {
    const std::string_view bytes = std::string_view(area).substr(std::min(i * stride_bytes_, area.size()), stride_bytes_);
    auto data = parse_barebox_copy(bytes, magic_);
    if (!data || (first && *data != *first)) damaged_.push_back(i + 1);
    if (!data) {
      if (!why) why = std::move(data).error();
    } else if (!first) {
      first = *std::move(data);
    }
  }
  if (!first) return fail(kBootStateCorrupt, "no copy of barebox's state is valid: " + why->message);
  return *std::move(first);
}

Result<> BareboxState::save(std::string_view data) {
  const std::string copy = format_barebox_copy(data, magic_);
  std::string area = TRY(area_->read());
  if (copy.size() > stride_bytes_ || area.size() < (kBareboxCopies - 1) * stride_bytes_ + copy.size())
    return fail(kBootStateFull,
                "barebox's state does not fit into its stride of " + std::to_string(stride_bytes_) + " bytes, or the device is too small");
  // A copy that cannot be written, or reads back differently, is one that barebox passes over: the others make up for it. The last one is
  // left as it is, where it is good, when no other took the new state.
  std::optional<Error> why;
  bool taken = false;
  for (std::size_t i = 0; i < kBareboxCopies; ++i) {
    const std::size_t at = i * stride_bytes_;
    const bool is_last = i + 1 == kBareboxCopies;
    if (is_last && !taken && parse_barebox_copy(std::string_view(area).substr(at, stride_bytes_), magic_)) break;
    area.replace(at, copy.size(), copy);
    const std::size_t begin = at / kSectorBytes * kSectorBytes;
    const std::size_t end = (at + copy.size() + kSectorBytes - 1) / kSectorBytes * kSectorBytes;
    if (auto written = area_->write(begin, std::string_view(area).substr(begin, end - begin)); !written && !why)
      why = std::move(written).error();
    taken = taken || TRY(area_->read()).compare(at, copy.size(), copy) == 0;
  }
  if (const auto found = load(); found && *found == data) return {};
  if (why) return fail(*std::move(why));
  return fail(kBootStateWrite, "barebox's state reads back differently than it was written");
}

std::vector<std::string> BareboxState::weaknesses() const {
  std::vector<std::string> all;
  for (const std::size_t copy : damaged_)
    all.push_back("copy " + std::to_string(copy) + " of 3 of barebox's state is damaged or old; the next change writes it anew");
  return all;
}

}  // namespace aloft::boot
