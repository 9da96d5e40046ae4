// Whether this program is compiled with the address or thread sanitizer, whose shadow is memory like any other: limits of memory cannot
// hold then. g++ says it by macros, clang by __has_feature.
#pragma once

namespace aloft {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ALOFT_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define ALOFT_SANITIZED
#endif

#ifdef ALOFT_SANITIZED
inline constexpr bool kSanitized = true;
#undef ALOFT_SANITIZED
#else
inline constexpr bool kSanitized = false;
#endif

}  // namespace aloft
