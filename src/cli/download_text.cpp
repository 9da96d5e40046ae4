#include "cli/download_text.hpp"

#include "cli/terminal.hpp"

namespace aloft::cli {

Result<std::string> download_text(const Json& download) {
  auto object = TRY(JsonObject::of(download, "download"));
  const std::string method = TRY(object.text("method", 64));
  const std::uint64_t fetched = TRY(object.number("fetched_bytes"));
  const std::uint64_t saved = TRY(object.number("saved_bytes"));
  return method + ", " + readable_size(fetched) + " fetched, " + readable_size(saved) + " saved";
}

}  // namespace aloft::cli
