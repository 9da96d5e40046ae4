// The body of an upload, on its way to a file.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include "fleet/blob_folder.hpp"
#include "httpd/message.hpp"

namespace aloft::server {

// All of it, written by threads of the pool. Errors: the stream's, the upload's.
httpd::Awaitable<Result<>> receive_body(httpd::BodyStream& body, fleet::BlobFolder::Upload& upload, boost::asio::thread_pool& disk);

}  // namespace aloft::server
