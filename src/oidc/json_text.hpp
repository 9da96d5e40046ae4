// Members of the provider's JSON.
#pragma once

#include <string>

#include "base/json.hpp"

namespace aloft::oidc {

// Null where the object has no such member, or it is no text.
inline const std::string* text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() ? nullptr : found->get_ptr<const std::string*>();
}

}  // namespace aloft::oidc
