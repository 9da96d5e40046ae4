// A slot as system.toml describes it, and the table of what can be written to which.
#pragma once

#include <chrono>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_source.hpp"
#include "base/file.hpp"
#include "storage/boot_flag.hpp"
#include "storage/copy_pair.hpp"
#include "storage/target.hpp"

namespace aloft::storage {

struct SlotSpec {
  std::string device;  // a path, or one of the names of device_name.hpp
  std::string type = "raw";
  std::vector<std::string> mkfs_options;  // ext4, vfat, btrfs: before the device on mkfs's command line
  bool device_nodes = false;              // ext4, btrfs: an archive may hold device nodes
  bool resize = false;                    // ext4: a raw image is grown to the slot's size
  std::string filesystem;                 // file: of the device; without a device the path lies in the running system
  std::filesystem::path path;             // file: where, absolute
  unsigned mode = 0644;                   // file
  TwoPartitions partitions{};             // boot-partition: their numbers
  CopyPlaces copies;                      // raw-pair
  std::filesystem::path program;          // handler, mender-module: the executable
  std::chrono::seconds timeout{3600};     // handler, mender-module: of each call
  std::filesystem::path work_folder;      // mender-module: its tree
  std::string slot_class;                 // handler, mender-module: told to it
  std::string device_type;                // mender-module: told to it
  bool single = false;                    // [shared.CLASS]: the running system uses this very slot
};

enum class Nature : std::uint8_t { random_access, stream };

// A slot whose new content waits for the commit.
struct DueSlot {
  const SlotSpec* slot;
  Waiting content;
};

// One line of the table: an image of this type can be written to a slot of that type, so.
struct SlotRow {
  std::string_view image_type;
  std::string_view slot_type;
  Nature nature;
  Result<Target> (*open)(const SlotSpec&);
  // What is still to do once the new system is committed, and when it is given up; each may be called again after a power cut.
  Result<> (*commit)(const SlotSpec&, const Waiting&) = nullptr;
  Result<> (*give_up)(const SlotSpec&) = nullptr;
  // Where several slots can be switched as one.
  Result<> (*commit_all)(std::span<const DueSlot>) = nullptr;
};
std::span<const SlotRow> slot_table();
bool is_slot_type(std::string_view slot_type);
std::string slot_types();  // all, for a message

// Whether an image of this type is streamed there; false where the table has no such line.
bool is_streamed(std::string_view image_type, std::string_view slot_type);
// The image types that a slot of this type takes.
std::vector<std::string> image_types_of(std::string_view slot_type);
// Of the device, where the slot is one. Errors: file errors, kNotADevice.
Result<std::uint64_t> slot_size_bytes(const SlotSpec& slot);

// Whether a slot of this type has still to do something at the commit: it must be a shared one.
bool waits_for_commit(std::string_view slot_type);
// Whether no next update may begin before that was done: boot areas. A handler that fails is not asked again.
bool must_commit(std::string_view slot_type);
Result<> commit_slot(const SlotSpec& slot, const Waiting& waiting);
// Whether all slots of this type are committed together, by commit_slots(): all of them or none.
bool commits_together(std::string_view slot_type);
// All of one type, for which commits_together().
Result<> commit_slots(std::span<const DueSlot> due);
Result<> give_up_slot(const SlotSpec& slot);

// What a slot holds, for reading only, also while it is in use; null for a type whose content is not an image byte for byte. Errors: file
// errors, kNoPartition.
Result<std::unique_ptr<ByteSource>> open_content(const SlotSpec& slot);

// The root folder of the file system that a slot holds, as look_into has it; no descriptor for a type that holds none, or an image. Errors:
// kMount, kNoPartition.
Result<Fd> open_files(const SlotSpec& slot);

// Ready to be written, nothing changed yet. kNoRow when the table has no such line; errors of the device.
Result<Target> open_slot(const SlotSpec& slot, std::string_view image_type);

}  // namespace aloft::storage
