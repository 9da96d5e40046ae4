// What a hawkBit-compatible server answers, as the device reads it: lenient about members that it does not need, strict about the rest.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "ddi/answers.hpp"

namespace aloft::ddi {

inline constexpr std::chrono::seconds kPollWithoutWord{300};  // where the server does not say how often to poll
inline constexpr std::size_t kMaxHrefBytes = 2048;
inline constexpr std::size_t kMaxArtifacts = 256;

// "HH:MM:SS" as seconds, from 1 s to a day; nothing for what is none.
std::optional<std::chrono::seconds> seconds_of_sleep(std::string_view text);

// A link to one of the device's actions: ".../deploymentBase/17?c=-42".
struct ActionLink {
  std::string action;  // 1-64 letters, digits, '-' or '_'
  std::string query;   // with its '?'; empty: none
  bool operator==(const ActionLink&) const = default;
};

struct PollReading {
  std::chrono::seconds sleep = kPollWithoutWord;
  std::optional<ActionLink> deployment;
  std::optional<ActionLink> cancellation;
  std::optional<ActionLink> confirmation;
  std::optional<ActionLink> installed;
  bool attributes_wanted = false;
};
// Links whose action is none count as not there. Errors: kBadJson when it is no object.
Result<PollReading> read_poll(std::string_view text);

// A file of a deployment.
struct OfferedFile {
  std::string name;
  std::string href;  // "download", else "download-http"; empty: neither
  std::string sha256;
  std::string sha1;
  std::uint64_t size_bytes = 0;  // 0: not said
};
struct DeploymentReading {
  Handling download = Handling::forced;
  Handling update = Handling::forced;
  std::optional<bool> window_open;  // none: there is no window
  std::vector<OfferedFile> files;   // of all chunks
};
// confirming: its body stands in "confirmation" rather than in "deployment". A word for the handling that is not known is "attempt".
// Errors: kBadJson.
Result<DeploymentReading> read_deployment(std::string_view text, bool confirming);

// The one bundle among the files, by its extension ".aloft". Errors: kNoSingleBundle, naming what there is; kNoDownloadLink.
Result<OfferedFile> bundle_among(const std::vector<OfferedFile>& files);
// What tells this file from another behind the same action, as long as the server says enough.
std::string identity_of(const OfferedFile& file);

// {"cancelAction": {"stopId": "11"}}: what is to be stopped; nothing where it does not say.
std::optional<std::string> read_stop(std::string_view text);

}  // namespace aloft::ddi
