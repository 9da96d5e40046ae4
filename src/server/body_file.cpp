#include "server/body_file.hpp"

#include "httpd/elsewhere.hpp"

namespace aloft::server {

constexpr std::size_t kWriteBytes = 1U << 20;

httpd::Awaitable<Result<>> receive_body(httpd::BodyStream& body, fleet::BlobFolder::Upload& upload, httpd::Workers& disk) {
  std::string buffer;
  while (true) {
    const Result<std::string_view> piece = co_await body.read();
    if (!piece) co_return std::unexpected(piece.error());
    buffer.append(*piece);
    if (!piece->empty() && buffer.size() < kWriteBytes) continue;
    auto write = [&upload, &buffer] { return upload.write(as_bytes(buffer)); };
    const Result<> written = co_await httpd::offloaded(disk, write);
    if (!written || piece->empty()) co_return written;
    buffer.clear();
  }
}

}  // namespace aloft::server
