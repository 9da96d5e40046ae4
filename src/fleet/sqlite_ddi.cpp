// Devices of hawkBit's protocol in the SQLite store.
#include "fleet/errors.hpp"
#include "fleet/sqlite_rollouts.hpp"
#include "fleet/sqlite_rows.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

Result<Device> find_ddi_device(Database& database, const std::string& name) {
  Device device = TRY(find_device(database, name));
  if (device.protocol != DeviceProtocol::hawkbit)
    return fail(kOtherProtocol, "device " + name + " speaks Aloft's own protocol, not hawkBit's");
  return device;
}

Result<Device> register_in(Database& database, const DdiRegistration& wanted) {
  const Result<Device> known = find_device(database, wanted.name);
  if (!known && known.error().code.number != kDeviceUnknown.number) return known;
  if (known && known->protocol != DeviceProtocol::hawkbit)
    return fail(kDeviceNameTaken,
                "the name " + wanted.name + " belongs to a device that runs aloftd; choose another, or delete that device");
  if (known && known->status == DeviceStatus::rejected)
    return fail(kDeviceRejected, "the server's operator has rejected device " + wanted.name);
  if (!known) {
    TRY(
        database.run("INSERT INTO devices(id,name,status,public_key,key_sha256,product,hardware,version,created_ms,last_seen_ms,protocol) "
                     "VALUES(" ALOFT_NEW_DEVICE_ID ",?1,1,'',?2,?3,?4,'',?5,0,1)",
                     wanted.name, wanted.token_hash.value_or(Digest{}), wanted.product, wanted.hardware, wanted.now_ms));
    TRY(database.run("INSERT INTO ddi_devices(device) SELECT id FROM devices WHERE name=?1", wanted.name));
    TRY(refresh_groups(database, wanted.name));
  } else if (wanted.token_hash) {
    TRY(database.run("UPDATE devices SET key_sha256=?2 WHERE name=?1", wanted.name, *wanted.token_hash));
  }
  return find_device(database, wanted.name);
}

Result<bool> set_version(Database& database, const std::string& device, const std::string& version) {
  TRY(database.run("UPDATE devices SET version=?2 WHERE name=?1 AND version<>?2", device, version));
  if (database.changed_rows() == 0) return false;
  TRY(refresh_groups(database, device));
  return true;
}

// Whether there is something to write down. Errors: see DdiStore::apply_feedback.
Result<bool> check_feedback(const Deployment& present, const DdiFeedback& feedback) {
  if (present.device != feedback.device)
    return fail(kDeploymentUnknown, "device " + feedback.device + " has no deployment " + std::to_string(feedback.deployment));
  const bool withdrawn = present.state == UpdateState::cancelled;
  const bool over = protocol::is_final(present.state) && (!withdrawn || present.closing == Closing::closed);
  if (over && feedback.state == present.state) return false;  // its answer got lost: it says the same again
  if (feedback.of_withdrawal && !withdrawn)
    return fail(kNotWithdrawn, "deployment " + std::to_string(present.id) + " has not been withdrawn");
  if (over)
    return fail(kDeploymentFinished,
                "deployment " + std::to_string(present.id) + " is finished (" + std::string(protocol::to_string(present.state)) + ")");
  return true;
}

Result<> write_feedback(Database& database, const Deployment& present, const DdiFeedback& feedback) {
  const UpdateState state = feedback.state.value_or(present.state);
  std::uint64_t sequence = 0;
  {
    Statement row = TRY(database.query("SELECT last_sequence FROM deployments WHERE id=?1", present.id));
    if (TRY(row.step())) sequence = row.number(0);
  }
  ++sequence;
  // Beyond the limit only an end is kept, and only one that the device has said: a withdrawn deployment is over, whatever is said of it.
  const bool last_word = feedback.state && protocol::is_final(*feedback.state);
  if (sequence <= kMaxFeedbacks || last_word)
    TRY(database.run(
        "INSERT INTO transitions(deployment,sequence,time_ms,received_ms,state,error,message,progress_permille) "
        "VALUES(?1,?2,?3,?3,?4,?5,?6,?7)",
        present.id, sequence, feedback.now_ms, number_of(state), feedback.error, feedback.message, feedback.progress_permille));
  const Closing closing = feedback.closing == Closing::open ? present.closing : feedback.closing;
  TRY(database.run("UPDATE deployments SET last_sequence=?2,closing=?3 WHERE id=?1", present.id, sequence,
                   static_cast<std::uint64_t>(closing)));
  if (!replaces(present.state, state)) return {};
  TRY(
      database.run("UPDATE deployments SET state=?2,error=?3,message=?4,progress_permille=coalesce(?5,progress_permille),active=?6,"
                   "changed_ms=?7 WHERE id=?1",
                   present.id, number_of(state), feedback.error, feedback.message, feedback.progress_permille,
                   std::uint64_t{protocol::is_final(state) ? 0U : 1U}, feedback.now_ms));
  return follow_in_rollout(database, present.id, state, feedback.now_ms);
}

Result<DdiOutcome> apply_in(Database& database, const DdiFeedback& feedback) {
  const Deployment present = TRY(find_deployment(database, feedback.deployment));
  DdiOutcome outcome{.changed = TRY(check_feedback(present, feedback))};
  if (outcome.changed) {
    TRY(write_feedback(database, present, feedback));
    if (feedback.state == UpdateState::committed) outcome.version_changed = TRY(set_version(database, feedback.device, present.version));
  }
  outcome.deployment = TRY(find_deployment(database, feedback.deployment));
  return outcome;
}

Result<Device> describe(Database& database, const DdiDescription& said) {
  const Device device = TRY(find_ddi_device(database, said.device));
  TRY(database.run("UPDATE devices SET product=?2,hardware=?3,version=?4 WHERE name=?1", said.device,
                   said.product.empty() ? device.product : said.product, said.hardware.empty() ? device.hardware : said.hardware,
                   said.version.empty() ? device.version : said.version));
  if (said.attributes) {
    [[maybe_unused]] const bool changed = TRY(replace_attributes(database, said.device, *said.attributes));
    TRY(database.run("UPDATE ddi_devices SET attributes_known=1 WHERE device=(SELECT id FROM devices WHERE name=?1)", said.device));
  }
  TRY(refresh_groups(database, said.device));
  return find_device(database, said.device);
}

}  // namespace

Result<std::vector<DdiDevice>> SqliteStore::ddi_devices() {
  const std::lock_guard lock(bulk_mutex_);
  Statement row = TRY(bulk_reader_.query(
      "SELECT d.name,x.attributes_known,x.auto_confirm,(SELECT max(id) FROM deployments WHERE device=x.device AND state=8),"
      "(SELECT p.id FROM deployments p WHERE p.id=(SELECT max(id) FROM deployments WHERE device=x.device AND NOT active) AND p.state=12 "
      "AND "
      "p.closing=0),coalesce((SELECT value FROM attributes WHERE device=x.device AND key='utc_offset'),'') FROM ddi_devices x JOIN devices "
      "d ON d.id=x.device"));
  std::vector<DdiDevice> devices;
  while (TRY(row.step()))
    devices.push_back({.name = row.text(0),
                       .attributes_known = row.number(1) != 0,
                       .auto_confirm = row.text(2),
                       .utc_offset = row.text(5),
                       .installed = row.optional_number(3),
                       .withdrawn = row.optional_number(4)});
  return devices;
}

void SqliteStore::register_ddi_device(DdiRegistration registration, Done<Device> done) {
  writer_.submit<Device>([this, registration = std::move(registration)](
                             Database& database) { return quotas_.within(database, [&] { return register_in(database, registration); }); },
                         std::move(done));
}

void SqliteStore::set_ddi_token(std::string device, Digest token_hash, Done<Device> done) {
  writer_.submit<Device>(
      [device = std::move(device), token_hash](Database& database) -> Result<Device> {
        TRY(find_ddi_device(database, device));
        TRY(database.run("UPDATE devices SET key_sha256=?2 WHERE name=?1", device, token_hash));
        return find_device(database, device);
      },
      std::move(done));
}

void SqliteStore::apply_feedback(DdiFeedback feedback, Done<DdiOutcome> done) {
  writer_.submit<DdiOutcome>([feedback = std::move(feedback)](Database& database) { return apply_in(database, feedback); },
                             std::move(done));
}

void SqliteStore::describe_ddi_device(DdiDescription description, Done<Device> done) {
  writer_.submit<Device>([description = std::move(description)](Database& database) { return describe(database, description); },
                         std::move(done));
}

void SqliteStore::want_attributes(std::string device, Done<> done) {
  writer_.submit<void>(
      [device = std::move(device)](Database& database) -> Result<> {
        TRY(find_ddi_device(database, device));
        return database.run("UPDATE ddi_devices SET attributes_known=0 WHERE device=(SELECT id FROM devices WHERE name=?1)", device);
      },
      std::move(done));
}

void SqliteStore::set_auto_confirm(std::string device, std::string how, Done<> done) {
  writer_.submit<void>(
      [device = std::move(device), how = std::move(how)](Database& database) -> Result<> {
        TRY(find_ddi_device(database, device));
        return database.run("UPDATE ddi_devices SET auto_confirm=?2 WHERE device=(SELECT id FROM devices WHERE name=?1)", device, how);
      },
      std::move(done));
}

Result<std::vector<DdiGateway>> SqliteStore::ddi_gateways() {
  const std::lock_guard lock(reader_mutex_);
  Statement row =
      TRY(reader_.query("SELECT id,hash,note,product,hardware,created_ms,created_by FROM ddi_gateways ORDER BY id DESC LIMIT 1000"));
  std::vector<DdiGateway> gateways;
  while (TRY(row.step()))
    gateways.push_back({.id = row.number(0),
                        .hash = row.digest(1),
                        .note = row.text(2),
                        .product = row.text(3),
                        .hardware = row.text(4),
                        .created_ms = row.number(5),
                        .created_by = row.text(6)});
  return gateways;
}

void SqliteStore::add_ddi_gateway(DdiGateway gateway, Done<DdiGateway> done) {
  writer_.submit<DdiGateway>(
      [gateway = std::move(gateway)](Database& database) -> Result<DdiGateway> {
        TRY(database.run("INSERT INTO ddi_gateways(hash,note,product,hardware,created_ms,created_by) VALUES(?1,?2,?3,?4,?5,?6)",
                         gateway.hash, gateway.note, gateway.product, gateway.hardware, gateway.created_ms, gateway.created_by));
        DdiGateway added = gateway;
        added.id = database.last_id();
        return added;
      },
      std::move(done));
}

void SqliteStore::delete_ddi_gateway(std::uint64_t id, Done<> done) {
  writer_.submit<void>(
      [id](Database& database) -> Result<> {
        TRY(database.run("DELETE FROM ddi_gateways WHERE id=?1", id));
        if (database.changed_rows() == 0) return fail(kGatewayUnknown, "there is no gateway " + std::to_string(id));
        return {};
      },
      std::move(done));
}

}  // namespace aloft::fleet
