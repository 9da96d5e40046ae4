// The nouns of a fleet. Plain values; times are the server's, in milliseconds since 1970, unless said otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "crypto/sha256.hpp"
#include "fleet/roles.hpp"
#include "protocol/messages.hpp"

namespace aloft::fleet {

using crypto::Digest;
using protocol::UpdateState;

inline constexpr std::uint64_t kMaxDeploymentId = 0x7fffffff;  // clients of hawkBit's protocol hold such ids in 31 bits
inline constexpr std::size_t kMaxPendingDevices = 10'000;      // who may knock without being known

enum class DeviceStatus : std::uint8_t { pending, accepted, rejected };
std::string_view to_string(DeviceStatus status);
Result<DeviceStatus> device_status_of(std::string_view name);

// What a device speaks with the server.
enum class DeviceProtocol : std::uint8_t { aloft, hawkbit };
std::string_view to_string(DeviceProtocol protocol);

struct Device {
  std::string name;
  DeviceStatus status = DeviceStatus::pending;
  DeviceProtocol protocol = DeviceProtocol::aloft;
  std::string public_key;  // SubjectPublicKeyInfo, PEM
  Digest key_sha256{};     // of its DER; with hawkBit's protocol: of the device's own token, zeros if it has none
  std::string product;
  std::string hardware;
  std::string version;  // of the running system, as last reported
  std::uint64_t created_ms = 0;
  std::uint64_t last_seen_ms = 0;
  std::optional<std::uint64_t> deployment;  // the unfinished one; a device has at most one
  std::uint64_t problem_error = 0;          // what keeps it from being updated, as last reported; 0: nothing
  std::string problem;
};

struct Group {
  std::uint64_t id = 0;
  std::string name;
  std::string description;
  std::optional<std::string> filter;  // none: its devices are chosen by hand
  std::uint64_t device_count = 0;
  std::uint64_t created_ms = 0;
  std::string created_by;
  bool draft = false;          // by filter; its devices are still to be found, and nobody sees it before
  std::uint64_t replaces = 0;  // of a draft: the group whose place it takes; 0: none
};

struct TagCount {
  std::string tag;
  std::uint64_t device_count = 0;
};

// What is sold under one product name, and the hardware revisions of it that are known.
struct DeviceType {
  struct Hardware {
    std::string hardware;
    std::string description;
    bool described = false;  // false: only devices have brought it
    std::uint64_t device_count = 0;
  };
  std::string product;
  std::string description;
  std::vector<Hardware> hardware;
};

struct EnrolmentToken {
  std::uint64_t id = 0;
  Digest hash{};  // of the secret
  std::string note;
  std::uint64_t created_ms = 0;
  std::uint64_t expires_ms = 0;
  std::optional<std::uint64_t> used_ms;
  std::string used_by;  // device's name, once used
};

// What a release's file is.
enum class ReleaseFormat : std::uint8_t { aloft, swu, raucb };
std::string_view to_string(ReleaseFormat format);

struct Release {
  std::uint64_t id = 0;
  std::string product;
  std::vector<std::string> hardware;
  std::string version;
  std::uint64_t security_version = 0;
  std::string description;
  std::uint64_t size_bytes = 0;
  Digest sha256{};  // of the bundle file; names it in the blob store
  Digest manifest_sha256{};
  std::vector<std::string> signers;
  bool verified = false;   // this server checked the signature against trust anchors
  bool must_pass = false;  // in a rollout, devices below it get it first on their way to one above
  ReleaseFormat format = ReleaseFormat::aloft;
  std::string file_name;  // as clients of hawkBit's protocol see it
  std::string sha1;       // lower-case hex, for such clients only; empty: uploaded before there were any
  std::string md5;
  std::string contents;  // what is inside, as JSON; empty: as the manifest says
  std::uint64_t created_ms = 0;
  std::string created_by;
};

// Whether the device has said its last word on a deployment that was withdrawn; clients of hawkBit's protocol are asked for it.
enum class Closing : std::uint8_t { open, closed, goes_on };

struct Deployment {
  std::uint64_t id = 0;
  std::string device;
  std::uint64_t device_id = 0;           // the store's
  std::optional<std::uint64_t> rollout;  // that made it
  protocol::InstallPolicy policy;
  std::optional<std::uint64_t> release;  // none once it has been deleted
  std::string version;
  Digest artifact_sha256{};
  std::uint64_t artifact_size_bytes = 0;
  UpdateState state = UpdateState::offered;
  std::uint64_t error = 0;  // 0: none
  std::string message;
  std::optional<std::uint64_t> progress_permille;
  std::optional<protocol::Download> download;  // once the device has told
  std::uint64_t created_ms = 0;
  std::string created_by;
  std::uint64_t changed_ms = 0;
  bool has_log = false;
  Closing closing = Closing::open;
};

struct Transition {
  std::uint64_t id = 0;  // rises over all deployments, in the order of becoming durable
  std::uint64_t deployment = 0;
  std::uint64_t sequence = 0;  // the device's number; 0: made by the server
  std::uint64_t time_ms = 0;   // the sender's clock
  std::uint64_t received_ms = 0;
  UpdateState state = UpdateState::offered;
  std::uint64_t error = 0;
  std::string message;
  std::optional<std::uint64_t> progress_permille;
};

struct User {
  std::string name;
  std::string password;  // argon2id, in libsodium's text form; empty: from outside
  Roles roles = static_cast<Roles>(Role::admin);
  std::uint64_t created_ms = 0;
  std::string issuer = {};   // the identity provider of one from outside (sign_on_store.hpp); else empty
  std::string display = {};  // what people call one from outside; may be empty
};

struct UserChange {
  std::string name;
  std::optional<std::string> password;  // as in User; ends the user's sessions
  std::optional<Roles> roles;
};

struct AuditEntry {
  std::uint64_t id = 0;
  std::uint64_t time_ms = 0;
  std::string user;  // empty: nobody was signed in yet
  std::string peer;  // address
  std::string method;
  std::string path;
  std::string detail;                   // what was sent, without secrets
  std::optional<std::uint64_t> status;  // of the answer; none: the server ended in the middle
  std::uint64_t error = 0;
};

struct AccessToken {
  enum class Kind : std::uint8_t { session, api };
  std::uint64_t id = 0;
  Kind kind = Kind::session;
  std::string user;
  Roles roles = 0;           // the user's
  std::string issuer = {};   // the user's
  std::string display = {};  // the user's
  Digest hash{};             // of the secret
  std::string note;
  std::uint64_t created_ms = 0;
  std::optional<std::uint64_t> expires_ms = {};  // none: never
  std::string client = {};                       // of a session: what the program that began it says it is, as in its header User-Agent
  std::string address = {};                      // of a session: where it was begun from
  std::uint64_t used_ms = 0;                     // about when it was used last; 0: never
};

struct TokenUse {
  std::uint64_t token = 0;
  std::uint64_t time_ms = 0;
};

// Whether a report of state `next` changes a deployment that stands at `present`: what is final is only replaced by another final
// word of the device, so that a withdrawn deployment that was too late to stop ends as what really happened.
bool replaces(UpdateState present, UpdateState next);
// Why the release cannot go to the device, if so. Errors: kReleaseDoesNotFit.
Result<> check_fit(const Release& release, const Device& device);

}  // namespace aloft::fleet
