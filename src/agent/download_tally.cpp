#include "agent/download_tally.hpp"

#include <algorithm>

namespace aloft::agent {
namespace {

constexpr const char* kTallyFile = "download";

}  // namespace

DownloadTally DownloadTally::read(update::StateFiles& files, std::uint64_t update) {
  DownloadTally tally(update);
  const auto text = files.read(kTallyFile);
  const auto json = text ? parse_json(text->value_or("")) : Result<Json>(std::unexpected(text.error()));
  if (!json) return tally;
  auto object = JsonObject::of(*json, "download");
  if (!object) return tally;
  const auto of = object->number("update");
  const auto fetched = object->number("fetched_bytes", INT64_MAX);
  const auto method = object->optional_text("method");
  if (!of || *of != update || !fetched || !method) return tally;
  tally.fetched_bytes_ = *fetched;
  tally.begun_ = method->has_value();
  if (tally.begun_) tally.method_ = protocol::download_method_of(**method);
  return tally;
}

Result<> DownloadTally::keep(update::StateFiles& files) const {
  Json json{{"update", update_}, {"fetched_bytes", fetched_bytes_}};
  if (begun_) json["method"] = protocol::to_string(method_);
  return files.replace(kTallyFile, json.dump() + "\n");
}

void DownloadTally::went(protocol::DownloadMethod method) {
  if (begun_ && method_ != method) method = protocol::DownloadMethod::mixed;
  begun_ = true;
  method_ = method;
}

protocol::Download DownloadTally::total(std::uint64_t full_bytes) const {
  return {.method = method_, .fetched_bytes = fetched_bytes_, .saved_bytes = full_bytes - std::min(full_bytes, fetched_bytes_)};
}

}  // namespace aloft::agent
