#include "boot/grub_block.hpp"

#include <algorithm>

#include "base/errors.hpp"
#include "boot/errors.hpp"

namespace aloft::boot {

Result<> GrubBlock::load(const std::function<bool(std::string_view)>& is_ours) {
  before_.clear();
  ours_.clear();
  foreign_.clear();
  auto block = region_->read();
  if (!block) {
    if (block.error().code.number != kNotFound.number) return fail(std::move(block).error());
    return fail(kBootStateCorrupt, "the boot loader's environment is missing: " + block.error().message);
  }
  before_ = *std::move(block);
  for (auto& variable : TRY(parse_grub_env(before_))) {
    GrubVariables& kind = is_ours(variable.first) ? ours_ : foreign_;
    kind.push_back(std::move(variable));
  }
  return {};
}

std::string GrubBlock::value(std::string_view name) const {
  const auto found = std::find_if(ours_.rbegin(), ours_.rend(), [name](const auto& variable) { return variable.first == name; });
  return found == ours_.rend() ? std::string() : found->second;
}

Result<> GrubBlock::save(GrubVariables ours) {
  const std::size_t needed = ours.size();
  GrubVariables variables = ours;
  variables.insert(variables.end(), foreign_.begin(), foreign_.end());
  const std::string block = TRY(format_grub_env(variables, needed));
  if (before_.size() == kGrubEnvBytes) {
    // The first sector is written even when it reads the same: an earlier write may have reached the page cache only.
    const auto [first, second] = std::pair(std::string_view(block).substr(0, kSectorBytes), std::string_view(block).substr(kSectorBytes));
    TRY(region_->write(0, first));
    if (std::string_view(before_).substr(kSectorBytes) != second) TRY(region_->write(kSectorBytes, second));
  } else {
    TRY(region_->create(block));
  }
  if (TRY(region_->read()) != block)
    return fail(kBootStateWrite, "the boot loader's environment reads back differently than it was written");
  before_ = block;
  ours_ = std::move(ours);
  return {};
}

Result<> GrubBlock::rewrite() { return region_->write(0, std::string_view(before_).substr(0, kSectorBytes)); }

}  // namespace aloft::boot
