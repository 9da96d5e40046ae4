#include "fleet/sqlite_writer.hpp"

#include <algorithm>
#include <vector>

#include "fleet/errors.hpp"

namespace aloft::fleet {

SqliteWriter::SqliteWriter(Database database) : database_(std::move(database)), thread_([this] { work(); }) {}

SqliteWriter::~SqliteWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void SqliteWriter::push(Job job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  arrived_.notify_one();
}

void SqliteWriter::work() {
  while (true) {
    std::vector<Job> batch;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return ending_ || !queue_.empty(); });
      if (queue_.empty()) return;
      while (!queue_.empty() && batch.size() < kMaxBatch) {
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    const Result<> committed = commit(batch);
    for (const Job& job : batch) job.finish(committed);
  }
}

Result<> SqliteWriter::commit(std::vector<Job>& batch) {
  TRY(database_.execute("BEGIN IMMEDIATE"));
  Result<> done = apply_all(batch);
  if (done) done = database_.execute("COMMIT");
  if (!done && database_.in_transaction()) TRY(database_.execute("ROLLBACK"));
  return done;
}

Result<> SqliteWriter::apply_all(std::vector<Job>& batch) {
  for (Job& job : batch) {
    TRY(database_.run("SAVEPOINT job"));
    const Result<> applied = job.apply(database_);
    // After a full disk sqlite may have given up the whole transaction: then nobody's change stands.
    if (!applied && (!database_.in_transaction() || applied.error().code.number == kStoreFull.number)) return applied;
    if (!applied) TRY(database_.run("ROLLBACK TO job"));
    TRY(database_.run("RELEASE job"));
  }
  return {};
}

}  // namespace aloft::fleet
