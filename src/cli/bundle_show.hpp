// A bundle's manifest and signers, as text for people and as JSON for programs.
#pragma once

#include <string>

#include "bundle/reader.hpp"

namespace aloft::cli {

// Both say whether the signature was verified: it was when the reader was opened with a trust store.
std::string show_text(const bundle::Reader& reader);
std::string show_json(const bundle::Reader& reader);

}  // namespace aloft::cli
