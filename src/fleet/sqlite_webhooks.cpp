// Webhooks in the SQLite store.
#include <algorithm>
#include <array>

#include "fleet/errors.hpp"
#include "fleet/sqlite_store.hpp"

namespace aloft::fleet {
namespace {

#define ALOFT_WEBHOOK_COLUMNS                                                                                                  \
  "id,url,rollout,deployment,audit,secret,note,created_ms,created_by,active,told_rollout,told_deployment,told_audit,attempts," \
  "next_ms,failing_since_ms,off_reason"

constexpr std::uint64_t kUnendedAuditMs = 60'000;  // an entry that is begun is told when it has its outcome, or after so long

Webhook webhook_row(const Statement& row) {
  return {.id = row.number(0),
          .url = row.text(1),
          .topics = {row.number(2) != 0, row.number(3) != 0, row.number(4) != 0},
          .secret = row.text(5),
          .note = row.text(6),
          .created_ms = row.number(7),
          .created_by = row.text(8),
          .active = row.number(9) != 0,
          .told = {row.number(10), row.number(11), row.number(12)},
          .attempts = row.number(13),
          .next_ms = row.number(14),
          .failing_since_ms = row.number(15),
          .off_reason = row.text(16)};
}

Result<Webhook> find_webhook(Database& database, std::uint64_t id) {
  Statement row = TRY(database.query("SELECT " ALOFT_WEBHOOK_COLUMNS " FROM webhooks WHERE id=?1", id));
  if (!TRY(row.step())) return fail(kWebhookUnknown, "there is no webhook " + std::to_string(id));
  return webhook_row(row);
}

// The last place of each topic that there is.
Result<std::array<std::uint64_t, kWebhookTopics>> present_places(Database& database) {
  Statement row =
      TRY(database.query("SELECT (SELECT ifnull(max(id),0) FROM rollout_events),(SELECT ifnull(max(id),0) FROM transitions),"
                         "(SELECT ifnull(max(id),0) FROM audit)"));
  TRY(row.step());
  return std::array<std::uint64_t, kWebhookTopics>{row.number(0), row.number(1), row.number(2)};
}

// Whatever has happened so far is not told.
Result<> begin_now(Database& database, Webhook& webhook) {
  webhook.told = TRY(present_places(database));
  webhook.attempts = webhook.next_ms = webhook.failing_since_ms = 0;
  webhook.off_reason.clear();
  return {};
}

Result<> write_webhook(Database& database, const Webhook& webhook) {
  const auto flag = [](bool value) { return std::uint64_t{value}; };
  return database.run(
      "UPDATE webhooks SET rollout=?2,deployment=?3,audit=?4,note=?5,active=?6,told_rollout=?7,told_deployment=?8,told_audit=?9,"
      "attempts=?10,next_ms=?11,failing_since_ms=?12,off_reason=?13 WHERE id=?1",
      webhook.id, flag(webhook.topics[0]), flag(webhook.topics[1]), flag(webhook.topics[2]), webhook.note, flag(webhook.active),
      webhook.told[0], webhook.told[1], webhook.told[2], webhook.attempts, webhook.next_ms, webhook.failing_since_ms, webhook.off_reason);
}

Result<Webhook> insert_webhook(Database& database, Webhook webhook) {
  Statement count = TRY(database.query("SELECT count(*) FROM webhooks"));
  TRY(count.step());
  if (count.number(0) >= kMaxWebhooks) return fail(kTooMany, "there are " + std::to_string(kMaxWebhooks) + " webhooks, which is the most");
  TRY(database.run("INSERT INTO webhooks(url,secret,created_ms,created_by) VALUES(?1,?2,?3,?4)", webhook.url, webhook.secret,
                   webhook.created_ms, webhook.created_by));
  webhook.id = database.last_id();
  TRY(begin_now(database, webhook));
  TRY(write_webhook(database, webhook));
  return webhook;
}

// One that is added begins with what happens from now on, the others go on where they are.
Result<> set_topics(Database& database, Webhook& webhook, const std::array<bool, kWebhookTopics>& topics) {
  const auto present = TRY(present_places(database));
  for (std::size_t i = 0; i < kWebhookTopics; ++i)
    if (topics[i] && !webhook.topics[i]) webhook.told[i] = present[i];
  webhook.topics = topics;
  return {};
}

Result<Webhook> update_webhook(Database& database, const WebhookChange& change) {
  Webhook webhook = TRY(find_webhook(database, change.id));
  if (change.topics) TRY(set_topics(database, webhook, *change.topics));
  if (change.note) webhook.note = *change.note;
  if (change.active == true && !webhook.active) TRY(begin_now(database, webhook));
  if (change.active) webhook.active = *change.active;
  TRY(write_webhook(database, webhook));
  return webhook;
}

Result<std::optional<WebhookMessage>> next_of_rollouts(Database& database, std::uint64_t after) {
  Statement row =
      TRY(database.query("SELECT e.id,e.time_ms,e.event,e.by,e.detail,r.id,r.name,r.version FROM rollout_events e JOIN rollouts r ON "
                         "r.id=e.rollout WHERE e.id>?1 ORDER BY e.id LIMIT 1",
                         after));
  if (!TRY(row.step())) return std::nullopt;
  return WebhookMessage{.topic = WebhookTopic::rollout,
                        .place = row.number(0),
                        .time_ms = row.number(1),
                        .content = Json{{"what", row.text(2)},
                                        {"by", row.text(3).empty() ? "server" : row.text(3)},
                                        {"detail", row.text(4)},
                                        {"id", row.number(5)},
                                        {"name", row.text(6)},
                                        {"version", row.text(7)}}};
}

Result<std::uint64_t> last_end(Database& database) {
  Statement row = TRY(database.query("SELECT ifnull(max(id),0) FROM transitions WHERE state IN (8,9,10,12)"));
  TRY(row.step());
  return row.number(0);
}

// A withdrawal is told when the server writes it down, and not again with what the device says of it afterwards: after an abort these are
// many, and looked at once.
Result<std::optional<WebhookMessage>> next_of_deployments(Database& database, std::uint64_t after, std::uint64_t& looked) {
  after = std::max(after, looked);
  const std::uint64_t last = TRY(last_end(database));
  Statement row =
      TRY(database.query("SELECT t.id,t.received_ms,t.state,t.error,t.message,p.id,d.name,p.version,p.rollout FROM transitions t JOIN "
                         "deployments p ON p.id=t.deployment JOIN devices d ON d.id=p.device WHERE t.id>?1 AND t.state IN (8,9,10,12) "
                         "AND (t.state<>12 OR t.sequence IS NULL OR NOT EXISTS(SELECT 1 FROM transitions w WHERE w.deployment=t.deployment "
                         "AND w.sequence IS NULL AND w.state=12)) ORDER BY t.id LIMIT 1",
                         after));
  const bool found = TRY(row.step());
  looked = found ? row.number(0) - 1 : std::max(after, last);
  if (!found) return std::nullopt;
  WebhookMessage message{.topic = WebhookTopic::deployment,
                         .place = row.number(0),
                         .time_ms = row.number(1),
                         .content = Json{{"state", protocol::to_string(static_cast<UpdateState>(row.number(2)))},
                                         {"error", row.number(3)},
                                         {"message", row.text(4)},
                                         {"id", row.number(5)},
                                         {"device", row.text(6)},
                                         {"version", row.text(7)}}};
  if (const auto rollout = row.optional_number(8)) message.content["rollout"] = *rollout;
  return message;
}

Result<std::optional<WebhookMessage>> next_of_audit(Database& database, std::uint64_t after, std::uint64_t now_ms) {
  Statement row =
      TRY(database.query("SELECT id,time_ms,user,peer,method,path,status,error FROM audit WHERE id>?1 ORDER BY id LIMIT 1", after));
  if (!TRY(row.step())) return std::nullopt;
  const auto status = row.optional_number(6);
  if (!status && row.number(1) + kUnendedAuditMs > now_ms) return std::nullopt;
  WebhookMessage message{
      .topic = WebhookTopic::audit,
      .place = row.number(0),
      .time_ms = row.number(1),
      .content =
          Json{{"user", row.text(2)}, {"peer", row.text(3)}, {"method", row.text(4)}, {"path", row.text(5)}, {"error", row.number(7)}}};
  if (status) message.content["status"] = *status;
  return message;
}

Result<Webhook> write_attempt(Database& database, std::uint64_t id, const WebhookMessage& message, const WebhookAttempt& attempt,
                              std::uint64_t now_ms) {
  Webhook webhook = TRY(find_webhook(database, id));
  TRY(database.run("INSERT INTO webhook_deliveries(webhook,message,attempt,time_ms,status,error,took_ms) VALUES(?1,?2,?3,?4,?5,?6,?7)", id,
                   id_of(message), webhook.attempts + 1, now_ms, attempt.status, attempt.error, attempt.took_ms));
  TRY(database.run(
      "DELETE FROM webhook_deliveries WHERE webhook=?1 AND id<=(SELECT id FROM webhook_deliveries WHERE webhook=?1 ORDER BY id "
      "DESC LIMIT 1 OFFSET ?2)",
      id, std::uint64_t{kKeptDeliveries}));
  note_attempt(webhook, message, attempt, now_ms);
  TRY(write_webhook(database, webhook));
  return webhook;
}

}  // namespace

Result<std::vector<Webhook>> SqliteStore::webhooks() {
  const std::lock_guard lock(reader_mutex_);
  Statement row = TRY(reader_.query("SELECT " ALOFT_WEBHOOK_COLUMNS " FROM webhooks ORDER BY id"));
  std::vector<Webhook> found;
  while (TRY(row.step())) found.push_back(webhook_row(row));
  return found;
}

Result<Webhook> SqliteStore::webhook(std::uint64_t id) {
  const std::lock_guard lock(reader_mutex_);
  return find_webhook(reader_, id);
}

void SqliteStore::add_webhook(Webhook webhook, Done<Webhook> done) {
  writer_.submit<Webhook>([this, webhook = std::move(webhook)](
                              Database& database) { return quotas_.within(database, [&] { return insert_webhook(database, webhook); }); },
                          std::move(done));
}

void SqliteStore::change_webhook(WebhookChange change, Done<Webhook> done) {
  writer_.submit<Webhook>([change = std::move(change)](Database& database) { return update_webhook(database, change); }, std::move(done));
}

void SqliteStore::delete_webhook(std::uint64_t id, Done<> done) {
  writer_.submit<void>(
      [id](Database& database) -> Result<> {
        TRY(find_webhook(database, id));
        return database.run("DELETE FROM webhooks WHERE id=?1", id);
      },
      std::move(done));
}

Result<std::optional<WebhookMessage>> SqliteStore::next_message(const Webhook& webhook, std::uint64_t now_ms) {
  const std::lock_guard lock(reader_mutex_);
  std::optional<WebhookMessage> first;
  const auto take = [&first](std::optional<WebhookMessage> next) {
    if (next && (!first || next->time_ms < first->time_ms)) first = std::move(next);
  };
  if (webhook.topics[0]) take(TRY(next_of_rollouts(reader_, webhook.told[0])));
  if (looked_ends_.size() > kMaxWebhooks) looked_ends_.clear();  // most of them are of webhooks that have gone
  if (webhook.topics[1]) take(TRY(next_of_deployments(reader_, webhook.told[1], looked_ends_[webhook.id])));
  if (webhook.topics[2]) take(TRY(next_of_audit(reader_, webhook.told[2], now_ms)));
  return first;
}

void SqliteStore::record_attempt(std::uint64_t webhook, WebhookMessage message, WebhookAttempt attempt, std::uint64_t now_ms,
                                 Done<Webhook> done) {
  writer_.submit<Webhook>([=](Database& database) { return write_attempt(database, webhook, message, attempt, now_ms); }, std::move(done));
}

Result<std::vector<WebhookDelivery>> SqliteStore::deliveries(std::uint64_t webhook, std::uint64_t before, std::size_t limit) {
  const std::lock_guard lock(reader_mutex_);
  TRY(find_webhook(reader_, webhook));
  Statement row = TRY(
      reader_.query("SELECT id,message,attempt,time_ms,status,error,took_ms FROM webhook_deliveries WHERE webhook=?1 AND id<?2 ORDER BY "
                    "id DESC LIMIT ?3",
                    webhook, std::min<std::uint64_t>(before, INT64_MAX), std::uint64_t{limit}));
  std::vector<WebhookDelivery> found;
  while (TRY(row.step()))
    found.push_back({.id = row.number(0),
                     .message = row.text(1),
                     .attempt = row.number(2),
                     .time_ms = row.number(3),
                     .outcome = {.status = row.optional_number(4), .error = row.text(5), .took_ms = row.number(6)}});
  return found;
}

}  // namespace aloft::fleet
