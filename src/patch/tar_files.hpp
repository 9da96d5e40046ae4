// Which runs of a tar archive are content of its files.
#pragma once

#include <vector>

#include "delta/file_map.hpp"

namespace aloft::patch {

// Of ustar, pax and GNU archives, sparse files included, in order; up to where the archive is damaged. Left out are files whose paths no
// tree can have, or that libarchive is not sure of. Memory: the runs.
std::vector<delta::FileRun> files_in(ByteView tar);

}  // namespace aloft::patch
