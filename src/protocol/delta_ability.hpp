// Which deltas an agent can apply: what it tells with each poll, and what a delta needs.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace aloft::protocol {

// Of GET assignment: "8 gzip=1 lz4=10904 xz=50040012 zlib=4816 zstd=10504".
inline constexpr std::string_view kDeltaHeader = "aloft-deltas";  // as servers look headers up; on the wire any case will do
inline constexpr std::size_t kMaxDeltaAbilityBytes = 512;

struct DeltaAbility {
  std::uint64_t format = 1;  // the newest version of the format (docs/delta-format.md)
  // Compressors by name and by the version whose bytes they make again, as a delta's codings name it. A compressor may have several.
  std::set<std::pair<std::string, std::uint64_t>> compressors;
  bool operator==(const DeltaAbility&) const = default;
};

std::string to_text(const DeltaAbility& ability);
// Words that are not NAME=VERSION are passed over, so that later agents may say more. Errors: kBadJson for what does not begin with a
// version of the format, and for what is too long.
Result<DeltaAbility> delta_ability_of(std::string_view text);
// Of an agent that said this; nothing, or what cannot be read, is what the first agents said: format 1, no compressor.
DeltaAbility told_ability(std::string_view header);

bool suffices(const DeltaAbility& has, const DeltaAbility& needs);

}  // namespace aloft::protocol
