// The body of an upload, on its way to a file.
#pragma once

#include "fleet/blob_folder.hpp"
#include "httpd/message.hpp"
#include "httpd/workers.hpp"

namespace aloft::server {

// All of it, written by threads of the pool. Errors: the stream's, the upload's.
httpd::Awaitable<Result<>> receive_body(httpd::BodyStream& body, fleet::BlobFolder::Upload& upload, httpd::Workers& disk);

}  // namespace aloft::server
