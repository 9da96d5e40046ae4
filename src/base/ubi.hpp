// UBI: volumes on raw flash, over which the kernel spreads wear and hides bad blocks (Linux include/uapi/mtd/ubi-user.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace aloft {

// static: its content has a length and a checksum. dynamic: any block of it can be written at any time, for UBIFS.
enum class UbiKind : std::uint8_t { dynamic, fixed };

struct UbiVolume {
  int id = 0;
  std::string name;
  UbiKind kind = UbiKind::dynamic;
  std::uint64_t capacity_bytes = 0;  // a multiple of block_bytes
  std::uint64_t block_bytes = 0;     // of a logical erase block
  bool is_damaged = false;           // a static volume's checksum is wrong, or an update did not come to its end
};

struct UbiRename {
  int id;
  std::string name;
};

// The update of one volume. Letting go of it before all bytes were appended leaves the volume without content.
class UbiUpdate {
 public:
  virtual ~UbiUpdate() = default;
  // No more than was announced. Once the last byte has been taken, the content is durable and the volume whole.
  virtual Result<> append(ByteView bytes) = 0;
};

// One UBI device: the seam for a simulated one. One thread.
class Ubi {
 public:
  virtual ~Ubi() = default;
  virtual Result<std::vector<UbiVolume>> volumes() = 0;
  // A new volume of at least so many bytes. After a power cut it is there or not.
  virtual Result<> make(const std::string& name, std::uint64_t bytes, UbiKind kind) = 0;
  virtual Result<> remove(int id) = 0;
  // All of them or none, whatever happens to the power (UBI_IOCRNVOL); at most 32. Two volumes may swap their names.
  virtual Result<> rename_volumes(std::span<const UbiRename> volumes) = 0;
  // UBI_IOCVOLUP. From here on the old content is gone, and until the last byte was appended the volume cannot be read: a power cut
  // leaves it so. kBusy for a volume that somebody else has open.
  virtual Result<std::unique_ptr<UbiUpdate>> update(int id, std::uint64_t bytes) = 0;
  // Less than the buffer only where the content ends. An uncorrectable block is an error.
  virtual Result<std::size_t> read(int id, std::uint64_t offset, MutableByteView buffer) = 0;
};

// Where the kernel shows them; other folders are for tests.
struct UbiTree {
  std::filesystem::path sysfs = "/sys/class/ubi";
  std::filesystem::path dev = "/dev";
};

// The device /dev/ubiN.
class KernelUbi final : public Ubi {
 public:
  explicit KernelUbi(int number, UbiTree tree = {}) : number_(number), tree_(std::move(tree)) {}
  Result<std::vector<UbiVolume>> volumes() override;
  Result<> make(const std::string& name, std::uint64_t bytes, UbiKind kind) override;
  Result<> remove(int id) override;
  Result<> rename_volumes(std::span<const UbiRename> volumes) override;
  Result<std::unique_ptr<UbiUpdate>> update(int id, std::uint64_t bytes) override;
  Result<std::size_t> read(int id, std::uint64_t offset, MutableByteView buffer) override;

 private:
  std::filesystem::path volume_path(int id) const;
  Result<> command(unsigned long request, void* argument, const std::string& doing) const;
  const int number_;
  const UbiTree tree_;
};

// "ubi:NAME" or "ubi0:NAME": a volume by its name, on any device or on that one. "/dev/ubi0_1": by its number.
struct UbiName {
  std::optional<int> device;
  std::optional<int> volume;
  std::string name;
};
// Nothing where the text is none of these.
std::optional<UbiName> parse_ubi_name(std::string_view text);

struct UbiPlace {
  int device = 0;
  UbiVolume volume;
};
// All volumes of that name; more than one is for the caller to refuse.
Result<std::vector<UbiPlace>> find_ubi_volumes(const UbiName& name, const UbiTree& tree = {});

}  // namespace aloft
