// The store in one SQLite file: WAL, synchronous=FULL. One writer thread, one reader connection.
#pragma once

#include <map>
#include <mutex>

#include "fleet/sqlite_quotas.hpp"
#include "fleet/sqlite_writer.hpp"
#include "fleet/store.hpp"

namespace aloft::fleet {

class SqliteStore final : public Store {
 public:
  // Creates the file or brings its schema up to date. One process per file. Errors: kStoreTooNew, kStoreFailed, kStoreFull.
  static Result<std::unique_ptr<SqliteStore>> open(const std::filesystem::path& file);

  Result<std::vector<Device>> devices(const DeviceQuery& query) override;
  Result<Device> device(const std::string& name) override;
  void enrol(Enrolment enrolment, Done<Device> done) override;
  void set_device_status(std::string name, DeviceStatus status, Done<Device> done) override;
  void delete_device(std::string name, Done<std::uint64_t> done) override;
  void record_last_seen(std::vector<LastSeen> seen, Done<> done) override;
  Result<DeviceFacts> device_facts(const std::string& name) override;
  Result<std::uint64_t> count_devices(const Filter& filter, std::uint64_t now_ms) override;
  void set_attributes(std::string device, Attributes attributes, Done<bool> done) override;
  void put_vitals(std::string device, protocol::Vitals vitals, std::uint64_t now_ms, Done<> done) override;
  Result<DeviceHealth> device_health(const std::string& name) override;
  Result<ReleaseHealth> release_health(const HealthQuery& query) override;
  Result<std::vector<Group>> groups() override;
  Result<Group> group(const std::string& name) override;
  void add_group(Group group, Done<Group> done) override;
  void change_group(Group group, Done<Group> done) override;
  void delete_group(std::string name, Done<> done) override;
  Result<std::vector<std::uint64_t>> group_candidates(const Group& draft) override;
  void fill_group(std::uint64_t draft, std::vector<std::uint64_t> devices, Done<> done) override;
  void finish_group(Group draft, Done<Group> done) override;
  Result<GroupRemnants> group_remnants() override;
  void clear_group(std::uint64_t remnant, Done<bool> done) override;
  void change_members(std::string group, MemberChange devices, Done<Group> done) override;
  Result<std::vector<TagCount>> tags() override;
  void change_tag(std::string tag, MemberChange devices, Done<> done) override;
  Result<std::vector<DeviceType>> device_types() override;
  void put_device_type(DeviceType type, Done<> done) override;
  Result<std::uint64_t> last_seen(std::uint64_t device) override;
  Result<std::vector<EnrolmentToken>> enrolment_tokens() override;
  void add_enrolment_token(EnrolmentToken token, Done<EnrolmentToken> done) override;
  void delete_enrolment_token(std::uint64_t id, Done<> done) override;

  Result<std::vector<Release>> releases(const ReleaseQuery& query) override;
  Result<Release> release(std::uint64_t id) override;
  Result<std::optional<Release>> release_of(const Digest& sha256) override;
  void add_release(Release release, Done<Release> done) override;
  void complete_release(std::uint64_t id, ReleaseDigests digests, Done<Release> done) override;
  void set_must_pass(std::uint64_t id, bool must_pass, Done<Release> done) override;
  void begin_delete_release(std::uint64_t id, Done<> done) override;
  Result<> check_deletable(std::uint64_t id) override;
  void keep_release(std::uint64_t id, Done<> done) override;
  void forget_release(std::uint64_t id, Done<bool> done) override;
  void end_delete_release(std::uint64_t id, Done<DeletedRelease> done) override;
  Result<std::vector<std::uint64_t>> releases_being_deleted() override;

  Result<std::vector<Deployment>> deployments(const DeploymentQuery& query) override;
  Result<Deployment> deployment(std::uint64_t id) override;
  void add_deployments(NewDeployments request, Done<std::vector<Deployment>> done) override;
  void cancel_deployment(std::uint64_t id, std::string by, std::uint64_t now_ms, Done<Deployment> done) override;
  void release_deployment(std::uint64_t id, std::string by, std::uint64_t now_ms, Done<Deployment> done) override;
  void apply_reports(ReportBatch batch, Done<ReportOutcome> done) override;
  Result<std::vector<Transition>> transitions(std::uint64_t deployment, std::uint64_t after, std::size_t limit) override;
  void put_log(std::string device, std::uint64_t deployment, std::string text, std::uint64_t now_ms, Done<> done) override;
  Result<std::string> log(std::uint64_t deployment) override;

  Result<std::vector<Rollout>> rollouts(std::optional<bool> active, std::uint64_t before, std::size_t limit) override;
  Result<Rollout> rollout(std::uint64_t id) override;
  Result<RolloutPreview> preview_rollout(const RolloutPlan& plan) override;
  void add_rollout(NewRollout rollout, Done<Rollout> done) override;
  void move_rollout(MoveOrder order, Done<MoveOutcome> done) override;
  void release_rollout(std::uint64_t rollout, std::string by, std::uint64_t now_ms, Done<> done) override;
  Result<Leftovers> leftovers() override;
  Result<std::vector<std::uint64_t>> under_way(std::uint64_t rollout, Which which) override;
  Result<bool> may_still_commit(std::uint64_t rollout) override;
  void withdraw_some(std::uint64_t rollout, std::vector<std::uint64_t> deployments, std::uint64_t now_ms,
                     Done<std::vector<Deployment>> done) override;
  void let_go_of_some(std::uint64_t rollout, std::vector<std::uint64_t> deployments, std::uint64_t now_ms,
                      Done<std::vector<Deployment>> done) override;
  void offer(OfferRequest request, Done<OfferOutcome> done) override;
  void end_silent(std::uint64_t rollout, SilenceOrder order, std::uint64_t now_ms, Done<std::optional<Deployment>> done) override;
  void join_rollout(std::uint64_t rollout, Member member, Done<std::optional<Member>> done) override;
  Result<std::vector<Candidate>> candidates(std::uint64_t rollout) override;
  void add_members(std::uint64_t rollout, std::vector<Candidate> those, std::uint64_t now_ms, Done<std::vector<Member>> done) override;
  void cancel_member(std::uint64_t rollout, std::string device, std::string by, std::uint64_t now_ms, Done<CancelledMember> done) override;
  Result<std::vector<Member>> members(std::uint64_t rollout, std::optional<MemberState> state, const std::string& after,
                                      std::size_t limit) override;
  Result<std::vector<Member>> all_members(std::uint64_t rollout) override;
  Result<std::vector<Membership>> memberships(const std::string& device) override;
  Result<std::vector<std::pair<std::uint64_t, std::uint64_t>>> rollout_errors(std::uint64_t rollout) override;
  Result<std::vector<RolloutEventRow>> rollout_events(std::uint64_t rollout) override;

  Result<std::vector<DdiDevice>> ddi_devices() override;
  void register_ddi_device(DdiRegistration registration, Done<Device> done) override;
  void set_ddi_token(std::string device, Digest token_hash, Done<Device> done) override;
  void apply_feedback(DdiFeedback feedback, Done<DdiOutcome> done) override;
  void describe_ddi_device(DdiDescription description, Done<Device> done) override;
  void want_attributes(std::string device, Done<> done) override;
  void set_auto_confirm(std::string device, std::string how, Done<> done) override;
  Result<std::vector<DdiGateway>> ddi_gateways() override;
  void add_ddi_gateway(DdiGateway gateway, Done<DdiGateway> done) override;
  void delete_ddi_gateway(std::uint64_t id, Done<> done) override;

  Result<std::vector<Delta>> deltas() override;
  void add_delta(Delta delta, Done<AddedDelta> done) override;
  void delete_delta(std::uint64_t id, Done<std::vector<Digest>> done) override;
  void note_deltas_wanted(std::vector<std::uint64_t> ids, std::uint64_t now_ms, Done<> done) override;
  Result<std::vector<DeltaWant>> delta_wants() override;
  Result<std::vector<DownloadTotal>> downloads(std::optional<std::uint64_t> release) override;

  Result<std::optional<User>> user(const std::string& name) override;
  Result<std::uint64_t> user_count() override;
  void add_first_user(User user, Done<> done) override;
  Result<std::vector<User>> users() override;
  void add_user(User user, Done<User> done) override;
  void change_user(UserChange change, Done<User> done) override;
  void delete_user(std::string name, Done<> done) override;
  void begin_audit(AuditEntry entry, Done<std::uint64_t> done) override;
  void end_audit(std::uint64_t id, std::uint64_t status, std::uint64_t error, Done<> done) override;
  Result<std::vector<AuditEntry>> audit(std::optional<std::string> user, std::uint64_t before, std::size_t limit) override;
  Result<std::vector<AccessToken>> access_tokens() override;
  void add_access_token(AccessToken token, Done<AccessToken> done) override;
  void delete_access_token(std::uint64_t id, Done<> done) override;
  void end_sessions(std::string user, std::uint64_t but, Done<> done) override;
  void record_token_use(std::vector<TokenUse> used, Done<> done) override;
  void delete_expired_access_tokens(std::uint64_t now_ms, Done<> done) override;
  void admit_outside_user(OutsideUser user, AccessToken session, Done<AccessToken> done) override;
  Result<std::vector<Webhook>> webhooks() override;
  Result<Webhook> webhook(std::uint64_t id) override;
  void add_webhook(Webhook webhook, Done<Webhook> done) override;
  void change_webhook(WebhookChange change, Done<Webhook> done) override;
  void delete_webhook(std::uint64_t id, Done<> done) override;
  Result<std::optional<WebhookMessage>> next_message(const Webhook& webhook, std::uint64_t now_ms) override;
  void record_attempt(std::uint64_t webhook, WebhookMessage message, WebhookAttempt attempt, std::uint64_t now_ms,
                      Done<Webhook> done) override;
  Result<std::vector<WebhookDelivery>> deliveries(std::uint64_t webhook, std::uint64_t before, std::size_t limit) override;
  Result<std::optional<std::string>> setting(const std::string& key) override;
  void put_setting(std::string key, std::optional<std::string> value, Done<> done) override;
  void check_writable(Done<> done) override;
  void set_limits(const Limits& limits) override;
  Result<QuotaUse> quota_use() override;

 private:
  SqliteStore(Database writer, Database reader, Database bulk_reader)
      : writer_(std::move(writer)), reader_(std::move(reader)), bulk_reader_(std::move(bulk_reader)) {}
  SqliteQuotas quotas_;  // the writer's thread looks at it until the writer has gone
  SqliteWriter writer_;
  std::mutex reader_mutex_;
  // By webhook: up to this place in transitions no end is left to tell. Guarded by reader_mutex_.
  std::map<std::uint64_t, std::uint64_t> looked_ends_;
  Database reader_;
  std::mutex bulk_mutex_;  // long reads must not hold up the short ones
  Database bulk_reader_;
};

}  // namespace aloft::fleet
