#include "crypto/openssl.hpp"

#include <openssl/err.h>

#include <climits>

namespace aloft::crypto {

BioPtr reading(ByteView bytes) {
  if (bytes.size() > INT_MAX) return nullptr;
  return BioPtr(BIO_new_mem_buf(bytes.empty() ? "" : static_cast<const void*>(bytes.data()), static_cast<int>(bytes.size())));
}

BioPtr writing() { return BioPtr(BIO_new(BIO_s_mem())); }

std::string text_of(BIO* memory) {
  char* data = nullptr;
  const long size = BIO_ctrl(memory, BIO_CTRL_INFO, 0, static_cast<void*>(&data));
  return {data, static_cast<std::size_t>(size)};
}

std::string text_of(const X509_NAME* name) {
  const auto bio = writing();
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  return text_of(bio.get());
}

WallTime wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  const auto day = std::chrono::sys_days(std::chrono::year(parts.tm_year + 1900) / (parts.tm_mon + 1) / parts.tm_mday);
  return day + std::chrono::hours(parts.tm_hour) + std::chrono::minutes(parts.tm_min) + std::chrono::seconds(parts.tm_sec);
}

Error openssl_error(ErrorCode code, std::string_view doing) {
  const unsigned long first = ERR_get_error();
  const char* reason = first == 0 ? nullptr : ERR_reason_error_string(first);
  ERR_clear_error();
  return Error{code, std::string(doing) + (reason == nullptr ? "" : std::string(": ") + reason)};
}

}  // namespace aloft::crypto
