// EFI variables (UEFI specification 2.10, section 8.2): the seam between boot control and the firmware. Efivarfs is the real one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace aloft::boot {

struct EfiVariable {
  std::uint32_t attributes = 0;
  std::string data;
  bool operator==(const EfiVariable&) const = default;
};

inline constexpr std::uint32_t kEfiKept = 1 | 2 | 4;  // non-volatile, seen by boot loaders, seen by the running system
inline constexpr std::string_view kEfiGlobal = "8be4df61-93ca-11d2-aa0d-00e098032b8c";

// Variables are called NAME-GUID, the GUID in lower case, as Linux shows them. One thread at a time.
class EfiVariables {
 public:
  virtual ~EfiVariables() = default;
  // Nothing where there is no such variable.
  virtual Result<std::optional<EfiVariable>> read(std::string_view name) = 0;
  // One SetVariable() of the firmware: durable once returned, and after a power cut before that the old or the new value (so the
  // specification asks, and EDK2 does). It is read back. Errors: kBootStateWrite, and those of base/file.hpp.
  virtual Result<> write(std::string_view name, const EfiVariable& variable) = 0;
  // Likewise. No error where there is no such variable.
  virtual Result<> remove(std::string_view name) = 0;
  // All names, sorted.
  virtual Result<std::vector<std::string>> names() = 0;
  // Whether write() would be allowed, found out without writing.
  virtual Result<> check_writable() = 0;
};

// A mounted efivarfs (Linux, Documentation/filesystems/efivarfs.rst): four bytes of attributes, then the data, one write(2) for one
// SetVariable(). Variables that the kernel does not know are immutable files there: the flag is taken away for the time of a change.
class Efivarfs final : public EfiVariables {
 public:
  explicit Efivarfs(std::filesystem::path folder) : folder_(std::move(folder)) {}
  Result<std::optional<EfiVariable>> read(std::string_view name) override;
  Result<> write(std::string_view name, const EfiVariable& variable) override;
  Result<> remove(std::string_view name) override;
  Result<std::vector<std::string>> names() override;
  Result<> check_writable() override;

 private:
  std::filesystem::path folder_;
};

}  // namespace aloft::boot
