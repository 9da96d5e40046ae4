// What agent and server say to each other, written once. JSON over HTTPS; paths and rules are in docs/device-protocol.md.
//
// Every from_json is strict about what it knows and ignores members it does not (docs/device-protocol.md, "Compatibility"): agents and
// servers of different ages talk to each other. Errors: kBadJson.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.hpp"
#include "base/result.hpp"
#include "protocol/download.hpp"
#include "protocol/install_policy.hpp"

namespace aloft::protocol {

inline constexpr std::string_view kEnrolPath = "/api/device/v1/enrol";            // POST EnrolRequest -> EnrolReply
inline constexpr std::string_view kChallengePath = "/api/device/v1/challenge";    // POST ChallengeRequest -> ChallengeReply
inline constexpr std::string_view kTokenPath = "/api/device/v1/token";            // POST TokenRequest -> TokenReply
inline constexpr std::string_view kAssignmentPath = "/api/device/v1/assignment";  // GET ?wait=SECONDS, If-None-Match -> Assignment or 304
inline constexpr std::string_view kReportsPath = "/api/device/v1/reports";        // POST Reports -> 200 once durable
inline constexpr std::string_view kInventoryPath = "/api/device/v1/inventory";    // PUT Inventory -> 204 once durable
inline constexpr std::string_view kLogPath = "/api/device/v1/deployments/";       // PUT {id}/log, text/plain, at most kMaxLogBytes
inline constexpr std::string_view kArtifactPath = "/api/device/v1/artifacts/";    // GET {sha256 hex}, Range

inline constexpr std::size_t kMaxLogBytes = 256 << 10;
inline constexpr std::size_t kMaxReports = 256;
inline constexpr std::size_t kMaxAttributes = 128;
inline constexpr std::size_t kMaxAttributeKeyBytes = 128;
inline constexpr std::size_t kMaxAttributeValueBytes = 1024;
inline constexpr unsigned kMaxWaitSeconds = 300;

// Where a device's update stands; the names travel and are stored. The order is that of a good update.
enum class UpdateState : std::uint8_t {
  offered,
  accepted,
  downloading,
  installing,
  verified,
  armed,
  rebooting,
  on_trial,
  committed,
  rolled_back,
  failed,
  deferred,
  cancelled,
};
std::string_view to_string(UpdateState state);
Result<UpdateState> update_state_of(std::string_view name);
// True for committed, rolled_back, failed and cancelled: nothing follows.
bool is_final(UpdateState state);

struct EnrolRequest {
  std::string name;        // what the device calls itself: 1-64 of [A-Za-z0-9._-], unique per server
  std::string public_key;  // SubjectPublicKeyInfo, PEM; Ed25519 or ECDSA P-256
  std::string product;
  std::string hardware;
  std::string version;               // of the running system
  std::optional<std::string> token;  // one-time enrolment token's secret
};
struct EnrolReply {
  bool accepted;  // false: wait for an operator, ask again with the same key
};

struct ChallengeRequest {
  std::string name;
};
struct ChallengeReply {
  std::string nonce;  // base64url, 32 bytes; good once, for 60 s
};
// The signature is over the bytes of challenge_text(name, nonce).
struct TokenRequest {
  std::string name;
  std::string nonce;
  std::string signature;  // base64url; Ed25519: 64 bytes; ECDSA: DER over SHA-256
};
struct TokenReply {
  std::string token;
  std::uint64_t expires_in_s;
};
std::string challenge_text(std::string_view name, std::string_view nonce);

// The deployment a device is to carry out, if any. Answers carry an ETag; a poll with If-None-Match and wait= is held until it changes.
struct Assignment {
  struct Deployment {
    std::uint64_t id;  // 1 .. 2^31-1
    std::string version;
    std::string artifact_sha256;  // of the whole bundle file, lower-case hex; fetched from kArtifactPath
    std::uint64_t artifact_size_bytes;
    InstallPolicy policy = {};
    std::optional<DeltaOffer> delta = {};
  };
  std::optional<Deployment> deployment;
};

// One transition. (deployment, sequence) names it: sending it again changes nothing.
struct Report {
  std::uint64_t deployment;
  std::uint64_t sequence;  // rises by one with each report of a deployment, from 1
  std::uint64_t time_ms;   // device's clock, since 1970
  UpdateState state;
  std::uint64_t error;  // 0: none
  std::string message;
  std::optional<std::uint64_t> progress_permille;
  std::optional<Download> download = {};  // told once the images are on the slot, or their fetching has ended otherwise
};
// What keeps a device from being updated, whatever it is offered.
struct Problem {
  std::uint64_t error;
  std::string message;
};
struct Reports {
  std::vector<Report> reports;     // at most kMaxReports
  std::string version;             // the running system's
  std::optional<Problem> problem;  // none: what was told before is over
};

// What the device has found out about itself: replaces all that it said before.
struct Inventory {
  std::map<std::string, std::string> attributes;  // within the limits above, by is_attribute_key and is_attribute_value
};

// Every error answer: {"error":{"number":9004,"name":"...","message":"..."}}
struct ErrorReply {
  std::uint64_t number;
  std::string name;
  std::string message;
};

Json to_json(const EnrolRequest& message);
Json to_json(const EnrolReply& message);
Json to_json(const ChallengeRequest& message);
Json to_json(const ChallengeReply& message);
Json to_json(const TokenRequest& message);
Json to_json(const TokenReply& message);
Json to_json(const Assignment& message);
Json to_json(const Reports& message);
Json to_json(const Inventory& message);
Json to_json(const ErrorReply& message);

// from_json<EnrolRequest>(json)
template <typename Message>
Result<Message> from_json(const Json& json);

// True for 1-64 characters of [A-Za-z0-9._-] that do not begin with a dot.
bool is_device_name(std::string_view name);
// True for 1-128 characters of [A-Za-z0-9._-].
bool is_attribute_key(std::string_view key);
// True for at most 1024 bytes without control characters.
bool is_attribute_value(std::string_view value);

}  // namespace aloft::protocol
