// How the bytes of an update may come to a device, and how they came.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"

namespace aloft::protocol {

// mixed: images went different ways. The names travel and are stored.
enum class DownloadMethod : std::uint8_t { full, delta, reuse, mixed };
std::string_view to_string(DownloadMethod method);
// A name that is not known is that of a way that later versions know: mixed.
DownloadMethod download_method_of(std::string_view name);

struct Download {
  DownloadMethod method = DownloadMethod::full;
  std::uint64_t fetched_bytes = 0;  // over the network, for this update
  std::uint64_t saved_bytes = 0;    // against fetching the whole bundle; 0 where it cost more
};

// Another way to the same bundle, from what the device runs. It carries no authority: every frame is held against the signed manifest.
struct DeltaOffer {
  struct Source {
    std::string image;
    std::string sha256;  // of the old image's content, lower-case hex
  };
  std::string url;     // absolute, or a path on the server that offers it
  std::string sha256;  // of the delta file, lower-case hex
  std::uint64_t size_bytes = 0;
  std::vector<Source> sources;  // what it starts from; images without an old one are not named
};

Json to_json(const Download& download);
Json to_json(const DeltaOffer& offer);
template <typename Message>
Result<Message> from_json(const Json& json);
template <>
Result<Download> from_json(const Json& json);  // kBadJson
template <>
Result<DeltaOffer> from_json(const Json& json);  // kBadJson

}  // namespace aloft::protocol
