// GRUB's environment block on its file: what both conventions of variables have in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "boot/grub_env.hpp"
#include "boot/region.hpp"

namespace aloft::boot {

class GrubBlock {
 public:
  explicit GrubBlock(std::unique_ptr<Region> region) : region_(std::move(region)) {}
  // Reads all variables, and remembers those of others, by is_ours. Errors: kBootStateCorrupt, also where the file is missing.
  Result<> load(const std::function<bool(std::string_view)>& is_ours);
  // Of ours, as of the last load(); empty where it is not set. The last of several counts, as for GRUB.
  std::string value(std::string_view name) const;
  // Ours first, all in the first sector, which is written in place and read back; then those of others that still fit. Errors:
  // kBootStateFull, kBootStateWrite, those of Region.
  Result<> save(GrubVariables ours);
  // The same bytes once more.
  Result<> rewrite();
  Result<> check_writable() { return region_->check_writable(); }

 private:
  std::unique_ptr<Region> region_;
  std::string before_;  // the block as the last load() found it
  GrubVariables ours_;
  GrubVariables foreign_;  // of other programs
};

}  // namespace aloft::boot
