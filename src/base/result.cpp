#include "base/result.hpp"

namespace aloft {

std::string Error::text() const { return "E" + std::to_string(code.number) + " " + std::string(code.name) + ": " + message; }

Error Error::within(std::string_view context) && {
  message.insert(0, std::string(context) + ": ");
  return std::move(*this);
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::retry: return "retry";
    case ErrorKind::reject: return "reject";
    case ErrorKind::rollback: return "rollback";
    case ErrorKind::ask: return "ask";
    case ErrorKind::bug: return "bug";
  }
  return "bug";
}

}  // namespace aloft
