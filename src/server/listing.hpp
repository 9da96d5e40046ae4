// One page of a list. A query asks the store for one more than the page holds, which tells whether something follows.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"

namespace aloft::server {

// {name: [...], next: where the next page begins, if there is one}. form(noun) is its JSON, place(noun) where a page that follows it
// begins.
template <typename Noun>
Json listing(const char* name, std::vector<Noun> found, std::size_t asked, const char* next, const auto& form, const auto& place) {
  const bool more = found.size() == asked;
  if (more) found.pop_back();
  Json nouns = Json::array();
  for (const Noun& noun : found) nouns.push_back(form(noun));
  Json json{{name, std::move(nouns)}};
  if (more) json[next] = place(found.back());
  return json;
}

}  // namespace aloft::server
