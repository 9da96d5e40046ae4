// What clients of hawkBit's protocol need to know of a release's file.
#pragma once

#include "fleet/blob_folder.hpp"
#include "fleet/store.hpp"

namespace aloft::server {

// "gateway-2.1.0.swu": of product and version, with what no file name may have replaced.
std::string file_name_of(const fleet::Release& release);
// Reads the files of releases that were uploaded before there were such clients; once, before the first request.
Result<> complete_digests(fleet::Store& store, const fleet::BlobFolder& blobs);

}  // namespace aloft::server
