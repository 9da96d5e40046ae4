// MD5 and SHA-1 of one stream of bytes: for clients of other protocols that compare nothing better. Nothing of ours trusts them.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.hpp"

namespace aloft::crypto {

class OldDigests {
 public:
  OldDigests();
  OldDigests(OldDigests&&) noexcept;
  OldDigests& operator=(OldDigests&&) noexcept;
  ~OldDigests();
  void update(ByteView bytes);
  struct Hex {
    std::string md5;
    std::string sha1;
  };
  Hex finish();  // lower-case; once

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

}  // namespace aloft::crypto
