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

Error openssl_error(ErrorCode code, std::string_view doing) {
  const unsigned long first = ERR_get_error();
  const char* reason = first == 0 ? nullptr : ERR_reason_error_string(first);
  ERR_clear_error();
  return Error{code, std::string(doing) + (reason == nullptr ? "" : std::string(": ") + reason)};
}

}  // namespace aloft::crypto
