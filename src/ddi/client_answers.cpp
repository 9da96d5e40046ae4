#include "ddi/client_answers.hpp"

#include <algorithm>
#include <charconv>

#include "base/errors.hpp"
#include "base/json.hpp"
#include "ddi/errors.hpp"
#include "ddi/lenient_json.hpp"

namespace aloft::ddi {
namespace {

constexpr std::string_view kExtension = ".aloft";
constexpr std::size_t kMaxActionBytes = 64;
constexpr std::size_t kMaxQueryBytes = 256;
constexpr std::size_t kMaxNameBytes = 256;
constexpr std::size_t kNamedFiles = 8;

std::string text_of(const Json* value, std::size_t most) {
  if (value == nullptr || !value->is_string()) return "";
  auto text = value->get<std::string>();
  return text.size() > most ? "" : text;
}

bool is_action(std::string_view text) {
  return !text.empty() && text.size() <= kMaxActionBytes && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

// Of "https://host/DEFAULT/controller/v1/cam-01/deploymentBase/17?c=-42": what stands behind "deploymentBase/". Where the server believes
// itself to be does not matter: the device goes on asking where it is configured to.
std::optional<ActionLink> action_link(const Json* links, const char* relation) {
  std::string_view rest;
  const std::string href = text_of(member(member(links, relation), "href"), kMaxHrefBytes);
  const std::string folder = "/" + std::string(relation) + "/";
  const std::size_t at = std::string_view(href).substr(0, href.find('?')).rfind(folder);
  if (at == std::string::npos) return std::nullopt;
  rest = std::string_view(href).substr(at + folder.size());
  rest = rest.substr(0, rest.find('#'));
  const std::size_t question = std::min(rest.find('?'), rest.size());
  ActionLink link{.action = std::string(rest.substr(0, question)), .query = std::string(rest.substr(question))};
  if (!is_action(link.action)) return std::nullopt;
  if (link.query.size() > kMaxQueryBytes || !is_printable(link.query)) link.query.clear();
  return link;
}

std::optional<int> two_digits(std::string_view text, int most) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.size() != 2 || problem != std::errc() || end != text.data() + 2 || value < 0 || value > most) return std::nullopt;
  return value;
}

Handling handling_of(const Json* value) {
  const std::string word = text_of(value, kMaxNameBytes);
  if (word == "skip") return Handling::skip;
  return word == "forced" ? Handling::forced : Handling::attempt;
}

OfferedFile file_of(const Json& artifact) {
  const Json* const links = member(&artifact, "_links");
  const Json* const hashes = member(&artifact, "hashes");
  OfferedFile file{.name = text_of(member(&artifact, "filename"), kMaxNameBytes),
                   .href = text_of(member(member(links, "download"), "href"), kMaxHrefBytes),
                   .sha256 = text_of(member(hashes, "sha256"), kMaxNameBytes),
                   .sha1 = text_of(member(hashes, "sha1"), kMaxNameBytes)};
  if (file.href.empty()) file.href = text_of(member(member(links, "download-http"), "href"), kMaxHrefBytes);
  file.href.resize(std::min(file.href.find('#'), file.href.size()));
  if (!is_printable(file.href)) file.href.clear();
  if (const Json* size = member(&artifact, "size"); size != nullptr && size->is_number_unsigned())
    file.size_bytes = size->get<std::uint64_t>();
  return file;
}

// For a message: in quotes, and nothing that could break a line.
std::string quoted(std::string name) {
  std::ranges::replace_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  return "\"" + name + "\"";
}

}  // namespace

std::optional<std::chrono::seconds> seconds_of_sleep(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return std::nullopt;
  const auto hours = two_digits(text.substr(0, 2), 24);
  const auto minutes = two_digits(text.substr(3, 2), 59);
  const auto seconds = two_digits(text.substr(6, 2), 59);
  if (!hours || !minutes || !seconds) return std::nullopt;
  const std::chrono::seconds all(*hours * 3600 + *minutes * 60 + *seconds);
  return std::clamp<std::chrono::seconds>(all, std::chrono::seconds(1), std::chrono::hours(24));
}

Result<PollReading> read_poll(std::string_view text) {
  const Json json = TRY(parse_json(text));
  if (!json.is_object()) return fail(kBadJson, "the server's answer to the poll is no object");
  const Json* const links = member(&json, "_links");
  PollReading poll;
  const std::string sleep = text_of(member(member(member(&json, "config"), "polling"), "sleep"), kMaxNameBytes);
  poll.sleep = seconds_of_sleep(sleep).value_or(kPollWithoutWord);
  poll.deployment = action_link(links, "deploymentBase");
  poll.cancellation = action_link(links, "cancelAction");
  poll.confirmation = action_link(links, "confirmationBase");
  poll.installed = action_link(links, "installedBase");
  poll.attributes_wanted = member(links, "configData") != nullptr;
  return poll;
}

Result<DeploymentReading> read_deployment(std::string_view text, bool confirming) {
  const Json json = TRY(parse_json(text));
  const char* const name = confirming ? "confirmation" : "deployment";
  const Json* const body = member(&json, name);
  if (body == nullptr || !body->is_object()) return fail(kBadJson, "the server's answer has no \"" + std::string(name) + "\"");
  DeploymentReading deployment{.download = handling_of(member(body, "download")), .update = handling_of(member(body, "update"))};
  if (const std::string window = text_of(member(body, "maintenanceWindow"), kMaxNameBytes); !window.empty())
    deployment.window_open = window == "available";
  const Json* const chunks = member(body, "chunks");
  if (chunks == nullptr || !chunks->is_array()) return deployment;
  for (const Json& chunk : *chunks) {
    const Json* const artifacts = member(&chunk, "artifacts");
    if (artifacts == nullptr || !artifacts->is_array()) continue;
    for (const Json& artifact : *artifacts)
      if (deployment.files.size() < kMaxArtifacts) deployment.files.push_back(file_of(artifact));
  }
  return deployment;
}

Result<OfferedFile> bundle_among(const std::vector<OfferedFile>& files) {
  std::vector<const OfferedFile*> bundles;
  std::string names;
  for (const OfferedFile& file : files) {
    if (&file - files.data() < static_cast<std::ptrdiff_t>(kNamedFiles)) names += (names.empty() ? "" : ", ") + quoted(file.name);
    if (file.name.ends_with(kExtension)) bundles.push_back(&file);
  }
  if (bundles.size() != 1)
    return fail(kNoSingleBundle, "an update is one file that ends in " + std::string(kExtension) + "; the deployment has " +
                                     (names.empty() ? std::string("no file") : std::to_string(bundles.size()) + " among " + names) +
                                     "; assign a distribution set with exactly one");
  if (bundles.front()->href.empty())
    return fail(kNoDownloadLink, "the deployment names " + quoted(bundles.front()->name) +
                                     " and no usable link \"download\" or \"download-http\" to it; see the server's artifact URL settings");
  return *bundles.front();
}

std::string identity_of(const OfferedFile& file) {
  if (!file.sha256.empty()) return file.sha256;
  if (!file.sha1.empty()) return file.sha1;
  return file.name + " " + std::to_string(file.size_bytes);
}

std::optional<std::string> read_stop(std::string_view text) {
  const auto json = parse_json(text);
  if (!json) return std::nullopt;
  const Json* const id = member(member(&*json, "cancelAction"), "stopId");
  std::string action = text_of(id, kMaxActionBytes);
  if (id != nullptr && id->is_number_unsigned()) action = std::to_string(id->get<std::uint64_t>());
  return is_action(action) ? std::optional(action) : std::nullopt;
}

}  // namespace aloft::ddi
