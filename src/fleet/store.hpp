// Where a fleet is kept: operations of the domain, not SQL, so that each backend does them its own best way. store_contract_test.cpp holds
// every backend to this page.
//
// Reads block and may come from any thread. Writes return at once; `done` is called exactly once, on a thread of the store's, after the
// change is durable (or has failed as a whole). Writes take effect in the order of the calls. Writes of many callers share a commit.
// Errors everywhere: kStoreFailed; kStoreFull when the disk is full (nothing of the write is kept); what makes something, kQuotaReached
// and kQuotaBytes (quota.hpp); those named below.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fleet/ddi_store.hpp"
#include "fleet/delta_store.hpp"
#include "fleet/device_facts.hpp"
#include "fleet/filter.hpp"
#include "fleet/fleet.hpp"
#include "fleet/health.hpp"
#include "fleet/quota.hpp"
#include "fleet/rollout_store.hpp"
#include "fleet/sign_on_store.hpp"
#include "fleet/webhook.hpp"

namespace aloft::fleet {

struct Enrolment {
  Device device;                     // name, key, product, hardware, version; times
  std::optional<Digest> token_hash;  // of the one-time token, if the device has one
  bool accept_without_token = false;
  std::uint64_t now_ms = 0;
};

struct ReportBatch {
  std::string device;
  protocol::Reports reports;
  std::uint64_t received_ms = 0;
};
struct ReportOutcome {
  std::uint64_t stored = 0;   // new ones; those known already are left as they are
  std::uint64_t unknown = 0;  // of deployments that are not this device's
  std::vector<Deployment> changed;
  bool version_changed = false;
};

struct NewDeployments {
  std::uint64_t release = 0;
  std::vector<std::string> devices;
  std::string created_by;
  std::uint64_t now_ms = 0;
  protocol::InstallPolicy policy = {};
};

// What clients of hawkBit's protocol need of a file beyond its SHA-256.
struct ReleaseDigests {
  std::string file_name;
  std::string sha1;
  std::string md5;
};

struct DeletedRelease {
  Digest sha256{};
  std::vector<Digest> deltas;  // files of deltas to it
};

struct LastSeen {
  std::string device;
  std::uint64_t time_ms = 0;
};

// Members to come and to go; those that are there already, or not, are passed over.
struct MemberChange {
  std::vector<std::string> add;
  std::vector<std::string> remove;
};

inline constexpr std::size_t kGroupDevicesAtOnce = 2000;

struct DeviceQuery {
  std::optional<DeviceStatus> status;
  std::string after;  // names behind this one
  std::size_t limit = 100;
  const Filter* filter = nullptr;  // outlives the call
  std::uint64_t now_ms = 0;        // for the filter
};
struct ReleaseQuery {
  std::optional<std::string> product;
  std::optional<std::string> version;
  std::uint64_t before = UINT64_MAX;  // ids below this one
  std::size_t limit = 100;
};
struct DeploymentQuery {
  std::optional<std::string> device;
  std::optional<std::uint64_t> release;
  std::optional<bool> active;
  std::uint64_t before = UINT64_MAX;
  std::size_t limit = 100;
};

// Devices of the product that have told how they were with the version; of the rollout, only those that committed after ended_after_ms.
struct HealthQuery {
  std::string product;
  std::string version;
  std::optional<std::uint64_t> rollout;
  std::uint64_t ended_after_ms = 0;
  std::optional<std::vector<std::string>> only;  // of metrics; all when it is not given
};

class Store : public RolloutStore, public DdiStore, public DeltaStore, public SignOnStore, public QuotaStore {
 public:
  // Devices. Lists are ordered by name.
  virtual Result<std::vector<Device>> devices(const DeviceQuery& query) = 0;
  virtual Result<Device> device(const std::string& name) = 0;  // kDeviceUnknown
  // The same name and key again is no change but for product, hardware and version, and that a good token accepts a pending device. A
  // token is good once, before it expires, and again for the device that used it. Errors: kEnrolmentToken, kDeviceRejected,
  // kDeviceNameTaken (another key; a pending device's key is replaced by one with a good token), kTooManyPending.
  virtual void enrol(Enrolment enrolment, Done<Device> done) = 0;
  virtual void set_device_status(std::string name, DeviceStatus status, Done<Device> done) = 0;  // kDeviceUnknown
  // With its deployments and logs; the id that it had, which no other device will ever have. kDeviceUnknown.
  virtual void delete_device(std::string name, Done<std::uint64_t> done) = 0;
  virtual void record_last_seen(std::vector<LastSeen> seen, Done<> done) = 0;

  virtual Result<DeviceFacts> device_facts(const std::string& name) = 0;  // kDeviceUnknown
  virtual Result<std::uint64_t> last_seen(std::uint64_t device) = 0;      // by its id; kDeviceUnknown
  virtual Result<std::uint64_t> count_devices(const Filter& filter, std::uint64_t now_ms) = 0;
  // Replaces what was there. Whether anything changed. Errors: kDeviceUnknown.
  virtual void set_attributes(std::string device, Attributes attributes, Done<bool> done) = 0;

  // Replaces what was known of the versions that it tells of. Errors: kDeviceUnknown.
  virtual void put_vitals(std::string device, protocol::Vitals vitals, std::uint64_t now_ms, Done<> done) = 0;
  virtual Result<DeviceHealth> device_health(const std::string& name) = 0;     // kDeviceUnknown
  virtual Result<ReleaseHealth> release_health(const HealthQuery& query) = 0;  // may take long

  // Whatever changes a device's name, product, hardware, version, status, attributes or tags sets its membership in the groups by filter
  // in the same transaction.
  virtual Result<std::vector<Group>> groups() = 0;           // by name
  virtual Result<Group> group(const std::string& name) = 0;  // kGroupUnknown
  // A group that gets a filter, or another, begins as a draft beside the old one; fill_group makes its devices in pieces, and
  // finish_group puts it into the place of the old one, of which remnants are left, as they are of a deleted one.
  virtual void add_group(Group group, Done<Group> done) = 0;     // kGroupExists, kTooMany
  virtual void change_group(Group group, Done<Group> done) = 0;  // description and filter, by name; kGroupUnknown, kGroupByFilter
  virtual void delete_group(std::string name, Done<> done) = 0;  // kGroupUnknown
  // Devices that match a draft's filter now; may take long.
  virtual Result<std::vector<std::uint64_t>> group_candidates(const Group& draft) = 0;
  // Those of them that match still; at most kGroupDevicesAtOnce.
  virtual void fill_group(std::uint64_t draft, std::vector<std::uint64_t> devices, Done<> done) = 0;
  virtual void finish_group(Group draft, Done<Group> done) = 0;  // kGroupExists, kGroupUnknown (as it was deleted meanwhile)
  // What is left of groups that were deleted or replaced, and drafts.
  struct GroupRemnants {
    std::vector<std::uint64_t> gone;
    std::vector<std::uint64_t> drafts;
  };
  virtual Result<GroupRemnants> group_remnants() = 0;
  // Takes kGroupDevicesAtOnce devices off a remnant or draft, or the last ones and then itself. Whether there are more.
  virtual void clear_group(std::uint64_t remnant, Done<bool> done) = 0;
  virtual void change_members(std::string group, MemberChange devices,
                              Done<Group> done) = 0;  // kGroupUnknown, kGroupByFilter, kDeviceUnknown
  virtual Result<std::vector<TagCount>> tags() = 0;
  virtual void change_tag(std::string tag, MemberChange devices, Done<> done) = 0;  // kDeviceUnknown
  virtual Result<std::vector<DeviceType>> device_types() = 0;
  virtual void put_device_type(DeviceType type, Done<> done) = 0;  // its descriptions

  virtual Result<std::vector<EnrolmentToken>> enrolment_tokens() = 0;                     // newest first
  virtual void add_enrolment_token(EnrolmentToken token, Done<EnrolmentToken> done) = 0;  // gives the id
  virtual void delete_enrolment_token(std::uint64_t id, Done<> done) = 0;                 // kTokenUnknown

  // Releases, newest first.
  virtual Result<std::vector<Release>> releases(const ReleaseQuery& query) = 0;
  virtual Result<Release> release(std::uint64_t id) = 0;  // kReleaseUnknown
  virtual Result<std::optional<Release>> release_of(const Digest& sha256) = 0;
  virtual void add_release(Release release, Done<Release> done) = 0;  // the one with this sha256 if there is one
  virtual void complete_release(std::uint64_t id, ReleaseDigests digests, Done<Release> done) = 0;  // kReleaseUnknown
  virtual void set_must_pass(std::uint64_t id, bool must_pass, Done<Release> done) = 0;             // kReleaseUnknown
  // In steps, so that reports need not wait for a release that a million deployments name. From the first on nobody finds it any more; the
  // second may take long, and when it fails the release is kept; the third is taken until no more deployments name it.
  virtual void begin_delete_release(std::uint64_t id, Done<> done) = 0;  // kReleaseUnknown, kReleaseInUse (by a rollout)
  virtual Result<> check_deletable(std::uint64_t id) = 0;                // kReleaseInUse (by a deployment)
  virtual void keep_release(std::uint64_t id, Done<> done) = 0;
  virtual void forget_release(std::uint64_t id, Done<bool> done) = 0;
  virtual void end_delete_release(std::uint64_t id, Done<DeletedRelease> done) = 0;  // kReleaseUnknown: it is not being deleted
  virtual Result<std::vector<std::uint64_t>> releases_being_deleted() = 0;

  // Deployments, newest first.
  virtual Result<std::vector<Deployment>> deployments(const DeploymentQuery& query) = 0;
  virtual Result<Deployment> deployment(std::uint64_t id) = 0;  // kDeploymentUnknown
  // All or none. Each begins with a transition `offered` of the server's. Errors: kReleaseUnknown, kDeviceUnknown, kDevicePending,
  // kDeviceRejected, kDeviceBusy, kReleaseDoesNotFit.
  virtual void add_deployments(NewDeployments request, Done<std::vector<Deployment>> done) = 0;
  virtual void cancel_deployment(std::uint64_t id, std::string by, std::uint64_t now_ms,
                                 Done<Deployment> done) = 0;  // kDeploymentUnknown, kDeploymentFinished
  // It is no longer download only. Errors: kDeploymentUnknown, kDeploymentFinished, kNotHeld.
  virtual void release_deployment(std::uint64_t id, std::string by, std::uint64_t now_ms, Done<Deployment> done) = 0;
  // Idempotent by (deployment, sequence). Also notes the device's version.
  virtual void apply_reports(ReportBatch batch, Done<ReportOutcome> done) = 0;
  // Oldest first, those with an id above `after`.
  virtual Result<std::vector<Transition>> transitions(std::uint64_t deployment, std::uint64_t after, std::size_t limit) = 0;
  // Over the quota, the oldest logs go. Errors: kDeploymentUnknown.
  virtual void put_log(std::string device, std::uint64_t deployment, std::string text, std::uint64_t now_ms, Done<> done) = 0;
  virtual Result<std::string> log(std::uint64_t deployment) = 0;  // kLogUnknown

  // People and scripts.
  virtual Result<std::optional<User>> user(const std::string& name) = 0;
  virtual Result<std::uint64_t> user_count() = 0;
  virtual void add_first_user(User user, Done<> done) = 0;           // an administrator; kUserExists when there is any
  virtual Result<std::vector<User>> users() = 0;                     // by name, without passwords
  virtual void add_user(User user, Done<User> done) = 0;             // kUserExists
  virtual void change_user(UserChange change, Done<User> done) = 0;  // kUserUnknown, kUserFromOutside, kLastAdmin
  virtual void delete_user(std::string name, Done<> done) = 0;       // with its tokens; kUserUnknown, kLastAdmin
  // Who changed what: written before the change, completed after it. Newest first.
  virtual void begin_audit(AuditEntry entry, Done<std::uint64_t> done) = 0;
  virtual void end_audit(std::uint64_t id, std::uint64_t status, std::uint64_t error, Done<> done) = 0;
  virtual Result<std::vector<AuditEntry>> audit(std::optional<std::string> user, std::uint64_t before, std::size_t limit) = 0;
  virtual Result<std::vector<AccessToken>> access_tokens() = 0;
  virtual void add_access_token(AccessToken token, Done<AccessToken> done) = 0;
  virtual void delete_access_token(std::uint64_t id, Done<> done) = 0;              // kTokenUnknown
  virtual void end_sessions(std::string user, std::uint64_t but, Done<> done) = 0;  // all of the user's but that one
  virtual void record_token_use(std::vector<TokenUse> used, Done<> done) = 0;
  virtual void delete_expired_access_tokens(std::uint64_t now_ms, Done<> done) = 0;

  // Webhooks, by id. A new one, or one that is switched on, begins with what happens from then on.
  virtual Result<std::vector<Webhook>> webhooks() = 0;
  virtual Result<Webhook> webhook(std::uint64_t id) = 0;                      // kWebhookUnknown
  virtual void add_webhook(Webhook webhook, Done<Webhook> done) = 0;          // gives the id; kTooMany
  virtual void change_webhook(WebhookChange change, Done<Webhook> done) = 0;  // kWebhookUnknown
  virtual void delete_webhook(std::uint64_t id, Done<> done) = 0;             // kWebhookUnknown
  // What it has to be told next, if anything; the oldest of its topics.
  virtual Result<std::optional<WebhookMessage>> next_message(const Webhook& webhook, std::uint64_t now_ms) = 0;
  // Writes the attempt into the delivery log and does what note_attempt says.
  virtual void record_attempt(std::uint64_t webhook, WebhookMessage message, WebhookAttempt attempt, std::uint64_t now_ms,
                              Done<Webhook> done) = 0;  // kWebhookUnknown
  // Newest first; the last kKeptDeliveries. kWebhookUnknown.
  virtual Result<std::vector<WebhookDelivery>> deliveries(std::uint64_t webhook, std::uint64_t before, std::size_t limit) = 0;

  // Small values of the server's own: its secrets, the set-up token's hash.
  virtual Result<std::optional<std::string>> setting(const std::string& key) = 0;
  virtual void put_setting(std::string key, std::optional<std::string> value, Done<> done) = 0;  // none deletes

  // One trivial durable write: whether the store can be written now.
  virtual void check_writable(Done<> done) = 0;
};

// Waits for a write: for start-up and tests, never on the loop's thread.
//   TRY(wait<Device>([&](auto done) { store.enrol(enrolment, done); }))
template <typename T = void, typename Start>
Result<T> wait(Start start);

}  // namespace aloft::fleet

#include "fleet/wait.hpp"
