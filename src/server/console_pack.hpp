// The files of the web console, packed by console/tools/pack.mjs, which describes the form.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft::server {

class ConsolePack {
 public:
  // One file, in the encodings that it is there in; the others are empty.
  struct File {
    std::string type;  // the media type
    std::string etag;  // of the content, without quotes
    bool immutable;    // its name changes with its content
    std::string_view plain;
    std::string_view gzip;
    std::string_view brotli;
  };

  // What the linker has put into this program; no files when it was built without the console.
  static Result<ConsolePack> embedded();
  // bytes outlive the pack. Errors: kBadJson, kBadArgument.
  static Result<ConsolePack> read(std::string_view bytes);
  // "/index.html", "/assets/…"; null: no such file.
  const File* find(std::string_view path) const;

 private:
  std::map<std::string, File, std::less<>> files_;
};

// Whether the header Accept-Encoding lets an answer be encoded so (RFC 9110, section 12.5.3). encoding in lower case.
bool accepts_encoding(std::string_view accept_encoding, std::string_view encoding);

}  // namespace aloft::server
