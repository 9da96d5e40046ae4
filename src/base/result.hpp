// Errors and results. Every fallible function returns Result<T>; TRY hands an error to the caller.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace aloft {

// What the caller should do about an error; the answer does not depend on where it came from.
enum class ErrorKind : std::uint8_t {
  retry,     // the world was unkind (network, power, a full disk): the same call may succeed later
  reject,    // this input can never succeed: refuse the bundle, the message, the argument
  rollback,  // the new system is not good: go back to the old one
  ask,       // a person has to change something (configuration, keys, hardware)
  bug,       // ours: report it
};

// A numbered kind of failure. Numbers are given once, per module, and never reused; docs/error-codes.md lists them all and a test
// holds the two together. Codes are declared in each module's errors.hpp as inline constexpr constants.
struct ErrorCode {
  std::uint16_t number;
  ErrorKind kind;
  std::string_view name;  // kebab-case, stable: appears in JSON and logs
};

// One failure: its code, and a sentence that says what failed, on what, why, and what the reader can do. Never holds a secret.
struct Error {
  ErrorCode code;
  std::string message;

  // "E3004 bundle-truncated: ..." as shown to people.
  std::string text() const;
  // The same failure seen from further out: "while ...: message".
  Error within(std::string_view context) &&;
};

template <typename T = void>
using Result = std::expected<T, Error>;

// return fail(kTruncated, "the bundle ends after 12 of 64 header bytes; fetch it again");
inline std::unexpected<Error> fail(ErrorCode code, std::string message) { return std::unexpected(Error{code, std::move(message)}); }
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

std::string_view to_string(ErrorKind kind);

}  // namespace aloft

// TRY(expr) is the value of a Result, or returns its error from the enclosing function. It may be nested; not inside co_await expressions.
#define TRY(expr) ALOFT_TRY_NAMED(expr, __COUNTER__)
#define ALOFT_TRY_NAMED(expr, unique) ALOFT_TRY_EXPANDED(expr, unique)
#define ALOFT_TRY_EXPANDED(expr, unique)                                                                  \
  __extension__({                                                                                         \
    auto&& aloft_try_result_##unique = (expr);                                                            \
    if (!aloft_try_result_##unique) return std::unexpected(std::move(aloft_try_result_##unique).error()); \
    *std::move(aloft_try_result_##unique);                                                                \
  })
