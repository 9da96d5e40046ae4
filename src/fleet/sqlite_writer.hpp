// The one thread that writes. Whatever has queued up while a commit was on its way to the disk goes into the next one together, so the
// disk's speed sets the size of a commit and not the number of changes per second.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "fleet/sqlite.hpp"
#include "fleet/store.hpp"

namespace aloft::fleet {

class SqliteWriter {
 public:
  explicit SqliteWriter(Database database);
  // Completes what has been submitted.
  ~SqliteWriter();
  SqliteWriter(const SqliteWriter&) = delete;
  SqliteWriter& operator=(const SqliteWriter&) = delete;

  // `apply` runs on the writer's thread inside a savepoint: an error undoes it and nothing else. `done` is called after the commit.
  template <typename T>
  void submit(std::function<Result<T>(Database&)> apply, Done<T> done) {
    auto outcome = std::make_shared<Result<T>>(std::unexpected(Error{}));
    push({.apply =
              [outcome, apply = std::move(apply)](Database& database) {
                *outcome = apply(database);
                return outcome->has_value() ? Result<>{} : Result<>(std::unexpected(outcome->error()));
              },
          .finish =
              [outcome, done = std::move(done)](const Result<>& committed) {
                if (!committed) return done(std::unexpected(committed.error()));
                done(std::move(*outcome));
              }});
  }

 private:
  static constexpr std::size_t kMaxBatch = 256;
  struct Job {
    std::function<Result<>(Database&)> apply;
    std::function<void(const Result<>&)> finish;
  };
  void push(Job job);
  void work();
  Result<> commit(std::vector<Job>& batch);
  Result<> apply_all(std::vector<Job>& batch);

  Database database_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Job> queue_;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace aloft::fleet
