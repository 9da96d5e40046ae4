#include "net/web_address.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace aloft::net {
namespace {

std::string part_of(CURLU* parts, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(parts, which, &text, flags) != CURLUE_OK) return "";
  std::string found(text);
  curl_free(text);
  std::ranges::transform(found, found.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return found;
}

}  // namespace

std::string origin_of(const std::string& address) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
  if (!parts || curl_url_set(parts.get(), CURLUPART_URL, address.c_str(), 0) != CURLUE_OK) return "";
  const std::string scheme = part_of(parts.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https") return "";
  return scheme + "://" + part_of(parts.get(), CURLUPART_HOST) + ":" + part_of(parts.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

std::string path_segment(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : text) {
    const auto value = static_cast<unsigned char>(c);
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain) {
      escaped += c;
    } else {
      escaped += {'%', kHex[value >> 4], kHex[value & 15]};
    }
  }
  return escaped;
}

}  // namespace aloft::net
