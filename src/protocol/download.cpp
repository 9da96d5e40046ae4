#include "protocol/download.hpp"

#include <algorithm>
#include <array>

#include "base/errors.hpp"

namespace aloft::protocol {
namespace {

constexpr std::array<std::string_view, 4> kMethodNames{"full", "delta", "reuse", "mixed"};
constexpr std::size_t kMaxSources = 64;
constexpr std::size_t kDigestDigits = 64;

Result<std::string> digest_in(JsonObject& object, const char* key) {
  std::string text = TRY(object.text(key, kDigestDigits));
  if (text.size() != kDigestDigits || text.find_first_not_of("0123456789abcdef") != std::string::npos)
    return fail(kBadJson, "delta: \"" + std::string(key) + "\" must be 64 lower-case hexadecimal digits");
  return text;
}

}  // namespace

std::string_view to_string(DownloadMethod method) { return kMethodNames.at(static_cast<std::size_t>(method)); }

DownloadMethod download_method_of(std::string_view name) {
  const auto found = std::ranges::find(kMethodNames, name);
  return found == kMethodNames.end() ? DownloadMethod::mixed : static_cast<DownloadMethod>(found - kMethodNames.begin());
}

Json to_json(const Download& download) {
  return Json{{"method", to_string(download.method)}, {"fetched_bytes", download.fetched_bytes}, {"saved_bytes", download.saved_bytes}};
}

Json to_json(const DeltaOffer& offer) {
  Json sources = Json::array();
  for (const DeltaOffer::Source& source : offer.sources) sources.push_back({{"image", source.image}, {"sha256", source.sha256}});
  return Json{{"url", offer.url}, {"sha256", offer.sha256}, {"size_bytes", offer.size_bytes}, {"sources", std::move(sources)}};
}

template <>
Result<Download> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "download"));
  Download download;
  download.method = download_method_of(TRY(object.text("method", 32)));
  download.fetched_bytes = TRY(object.number("fetched_bytes", INT64_MAX));
  download.saved_bytes = TRY(object.number("saved_bytes", INT64_MAX));
  return download;
}

template <>
Result<DeltaOffer> from_json(const Json& json) {
  auto object = TRY(JsonObject::of(json, "delta"));
  DeltaOffer offer;
  offer.url = TRY(object.text("url", 2048));
  const bool absolute = offer.url.starts_with("http://") || offer.url.starts_with("https://");
  if (!absolute && !offer.url.starts_with('/')) return fail(kBadJson, "delta: \"url\" must be an address or a path on the server");
  offer.sha256 = TRY(digest_in(object, "sha256"));
  offer.size_bytes = TRY(object.number("size_bytes", INT64_MAX));
  for (const Json& one : *TRY(object.array("sources", kMaxSources))) {
    auto source = TRY(JsonObject::of(one, "delta's source"));
    std::string image = TRY(source.text("image", 64));
    const auto sha256 = TRY(digest_in(source, "sha256"));
    offer.sources.push_back({.image = std::move(image), .sha256 = sha256});
  }
  return offer;
}

}  // namespace aloft::protocol
