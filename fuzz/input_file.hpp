#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/file.hpp"
#include "require.hpp"

// An input for what reads a file: in memory, the same path each time.
class InputFile {
 public:
  std::filesystem::path holding(aloft::ByteView bytes) const {
    require(::ftruncate(file_.get(), 0) == 0 && aloft::write_all_at(file_.get(), bytes, 0).has_value());
    return "/proc/self/fd/" + std::to_string(file_.get());
  }

 private:
  aloft::Fd file_{::memfd_create("input", MFD_CLOEXEC)};
};
