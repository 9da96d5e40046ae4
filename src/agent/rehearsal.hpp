// A dry run: what an install of a bundle would do, found out without writing anything.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/updater.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "boot/boot_control.hpp"

namespace aloft::agent {

struct ImageRehearsal {
  std::string image;
  std::string slot;    // "B.rootfs"
  std::string device;  // "/dev/sda3"
  std::uint64_t size_bytes = 0;
  std::uint64_t frames = 0;
  std::uint64_t frames_in_place = 0;  // right already, by their digests
  std::uint64_t frames_zero = 0;      // not in place, and all zeros: not fetched
  std::uint64_t fetch_bytes = 0;      // as stored in the bundle
  std::uint64_t write_bytes = 0;      // content of the frames that are not in place; fewer where blocks within a frame match
};

struct Rehearsal {
  std::string version;
  std::uint64_t security_version = 0;
  std::uint64_t floor = 0;
  std::string booted;
  std::string target;
  std::vector<ImageRehearsal> images;  // in the order of writing
  std::vector<std::string> boot_changes;
  std::vector<Error> obstacles;  // each would stop it; empty: nothing would
};

// Reads so many bytes of a slot at an offset; false where the slot cannot be compared (a file tree).
using SlotLook =
    std::function<Result<bool>(const std::string& group, const bundle::Image& image, std::uint64_t offset, MutableByteView out)>;

struct RehearsalFacts {
  std::string product;
  std::string hardware;
  std::string booted;
  std::string recovery;         // as UpdaterConfig has it
  bool recovery_whole = false;  // marked so, see recovery_mark.hpp
  unsigned tries = 3;
  std::uint64_t floor = 0;
  update::State last;  // of the journal
  boot::BootState boot;
  std::function<std::string(const std::string& group, const std::string& slot_class)> device_of;
};

// Reads all of the target's slots that can be compared. Errors: those of opening the bundle, which say that it is none for anybody; what
// speaks against it on this device are obstacles.
Result<Rehearsal> rehearse(const RehearsalFacts& facts, OpenBundle& bundle, Slots& slots, const SlotLook& look);

Json to_json(const Rehearsal& rehearsal);
std::string text_of(const Rehearsal& rehearsal);

}  // namespace aloft::agent
