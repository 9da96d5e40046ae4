// What is inside an update file of another project, for people to see and for fitting it to devices. Nothing of it is trusted: the device's
// own client checks signature and content.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"

namespace aloft::foreign {

struct Contents {
  struct Image {
    std::string name;    // the file's
    std::string target;  // device, slot class, path; what there is
    std::string type;
    std::string sha256;  // as the description has it; empty: none
    std::uint64_t size_bytes = 0;
  };
  std::string name;  // product, or RAUC's "compatible"; empty: it does not say
  std::string version;
  std::string description;
  std::vector<std::string> hardware;
  std::vector<Image> images;
  bool is_signed = false;
  std::string note;  // what could not be read, in words; empty: all was read
};
Json to_json(const Contents& contents);

}  // namespace aloft::foreign
