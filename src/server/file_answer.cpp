#include "server/file_answer.hpp"

#include <sys/stat.h>

#include "base/errors.hpp"
#include "httpd/range.hpp"
#include "server/errors.hpp"

namespace aloft::server {

namespace {

// With the file's size, so that the client knows what there is to ask for (RFC 9110, section 15.5.17).
httpd::Response out_of_range(const Error& error, std::uint64_t total_bytes) {
  httpd::Response response = httpd::error_response(416, error);
  response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(total_bytes));
  return response;
}

}  // namespace

Result<httpd::Response> file_answer(const httpd::Request& request, const fleet::BlobFolder& blobs, const FileFacts& facts) {
  const std::string name = to_hex(facts.sha256);
  Result<Fd> file = blobs.read(facts.sha256);
  if (!file && file.error().code.number == kNotFound.number)
    return fail(kArtifactMissing, "the server has lost artifact " + name + "; an operator has to upload it again");
  if (!file) return fail(kArtifactUnreadable, "the server cannot read artifact " + name + " now: " + file.error().message);
  struct stat status{};
  if (::fstat(file->get(), &status) != 0) return fail(kArtifactUnreadable, "the server cannot read artifact " + name + " now");
  const auto total = static_cast<std::uint64_t>(status.st_size);
  httpd::Response response{.headers = {{"Content-Type", "application/octet-stream"}, {"Accept-Ranges", "bytes"}, {"ETag", facts.tag}}};
  response.headers.insert(response.headers.end(), facts.headers.begin(), facts.headers.end());
  const std::string_view if_range = request.header("if-range");
  std::optional<httpd::ByteRange> range;
  if (if_range.empty() || if_range == facts.tag) {
    const auto asked = httpd::parse_range(request.header("range"), total);
    if (!asked) return out_of_range(asked.error(), total);
    range = *asked;
  }
  if (range) {
    response.status = 206;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(range->offset_bytes) + "-" +
                                                       std::to_string(range->offset_bytes + range->size_bytes - 1) + "/" +
                                                       std::to_string(total));
  }
  response.body = httpd::FileBody{
      .file = *std::move(file), .offset_bytes = range ? range->offset_bytes : 0, .size_bytes = range ? range->size_bytes : total};
  return response;
}

}  // namespace aloft::server
