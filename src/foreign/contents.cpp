#include "foreign/contents.hpp"

namespace aloft::foreign {

Json to_json(const Contents& contents) {
  Json images = Json::array();
  for (const Contents::Image& image : contents.images) {
    Json one{{"name", image.name}, {"size_bytes", image.size_bytes}};
    if (!image.target.empty()) one["target"] = image.target;
    if (!image.type.empty()) one["type"] = image.type;
    if (!image.sha256.empty()) one["sha256"] = image.sha256;
    images.push_back(std::move(one));
  }
  Json json{{"version", contents.version}, {"hardware", contents.hardware}, {"images", std::move(images)}, {"signed", contents.is_signed}};
  if (!contents.name.empty()) json["name"] = contents.name;
  if (!contents.description.empty()) json["description"] = contents.description;
  if (!contents.note.empty()) json["note"] = contents.note;
  return json;
}

}  // namespace aloft::foreign
