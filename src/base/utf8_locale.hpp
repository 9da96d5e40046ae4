// UTF-8 for libraries that convert names to the locale's characters.
#pragma once

#include <locale.h>

namespace aloft {

// While it lives, this thread's characters are UTF-8 (LC_CTYPE, uselocale(3)), whatever the program's are. Where the system has no locale
// C.UTF-8 (glibc keeps it in a file; musl knows no other) nothing changes. Ends on the thread that made it.
class Utf8Locale {
 public:
  Utf8Locale() : utf8_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
    if (utf8_ != nullptr) before_ = ::uselocale(utf8_);
  }
  ~Utf8Locale() {
    if (utf8_ == nullptr) return;
    ::uselocale(before_);
    ::freelocale(utf8_);
  }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  locale_t utf8_;
  locale_t before_ = nullptr;
};

}  // namespace aloft
