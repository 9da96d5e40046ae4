// SWUpdate's description of an update (its documentation, "SWUpdate: syntax and tags with the default parser").
#pragma once

#include <string_view>

#include "foreign/contents.hpp"

namespace aloft::foreign {

// In libconfig's language or in JSON. Images, files and scripts are gathered wherever they stand: at the top, under a board's name, under
// software collections and modes. Errors: kBadDescription.
Result<Contents> read_sw_description(std::string_view text);

}  // namespace aloft::foreign
