// What clients of hawkBit's protocol need to know of a release's file.
#pragma once

#include "fleet/blob_folder.hpp"
#include "fleet/store.hpp"

namespace aloft::server {

// "gateway-2.1.0.swu": of product and version, with what no file name may have replaced.
std::string file_name_of(const fleet::Release& release);
// Reads the files of releases that were uploaded before there were such clients; once, before the first request.
// What the last run of the server has left of deleting a release is done: as ReleaseApi does it. Blocks.
Result<> complete_deletions(fleet::Store& store, const fleet::BlobFolder& blobs);
// The rest of a deletion that has begun. Blocks. Errors: kReleaseInUse, and then it is kept.
Result<> finish_deletion(fleet::Store& store, const fleet::BlobFolder& blobs, std::uint64_t id);
Result<> complete_digests(fleet::Store& store, const fleet::BlobFolder& blobs);

}  // namespace aloft::server
