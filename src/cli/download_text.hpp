// How the bytes of updates came, in words.
#pragma once

#include <string>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::cli {

// Of the server's Download or DownloadTotal: "delta, 2.1 MiB fetched, 203 MiB saved". Errors: kBadJson.
Result<std::string> download_text(const Json& download);

}  // namespace aloft::cli
