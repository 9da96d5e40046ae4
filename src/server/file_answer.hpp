// A file as an answer: whole, or the range that was asked for.
#pragma once

#include "fleet/blob_folder.hpp"
#include "httpd/message.hpp"

namespace aloft::server {

struct FileFacts {
  crypto::Digest sha256{};
  std::string tag;                                                // with its quotes: a strong ETag
  std::vector<std::pair<std::string, std::string>> headers = {};  // more of them
};
// Range and If-Range (RFC 9110, sections 13.1.5 and 14). Errors: kArtifactMissing, kArtifactUnreadable.
Result<httpd::Response> file_answer(const httpd::Request& request, const fleet::BlobFolder& blobs, const FileFacts& facts);

}  // namespace aloft::server
