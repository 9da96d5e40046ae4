// Numbers and sizes as people write them on a command line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft {

// "500", "64K", "20M", "5G", "2T": a number, with K, M, G or T as many times 2^10, 2^20, 2^30 or 2^40. Errors: kBadArgument.
Result<std::uint64_t> parse_size(std::string_view text);

// {"devices": 500, "webhooks": null} of "devices=500" and "webhooks=none". Errors: kBadArgument; also when a name comes twice.
Result<Json> parse_sizes(const std::vector<std::string>& words);

}  // namespace aloft
