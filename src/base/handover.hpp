// What root makes in a folder of somebody else's must be theirs, or their program cannot open it.
#pragma once

#include <filesystem>

#include "base/result.hpp"

namespace aloft {

// Gives the file or folder, not what is in it, to whom the folder that it is in belongs; links are not followed. Does nothing unless root
// runs us. Flushes nothing. Errors: file errors.
Result<> hand_over(const std::filesystem::path& made);
// The same for all that is below the folder, which keeps its own owner.
Result<> hand_over_below(const std::filesystem::path& folder);

}  // namespace aloft
