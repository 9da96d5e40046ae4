// What other threads hand to the main loop.
#pragma once

#include <functional>
#include <mutex>
#include <vector>

#include "base/file.hpp"

namespace aloft::agent {

class Mailbox {
 public:
  using Letter = std::function<void()>;

  static Result<std::unique_ptr<Mailbox>> create();
  // From any thread; wakes the loop. Letters run in the order in which they were posted.
  void post(Letter letter);

  // The main thread's side: readable when there are letters; runs them.
  int fd() const { return event_.get(); }
  void open_letters();

 private:
  explicit Mailbox(Fd event) : event_(std::move(event)) {}
  Fd event_;
  std::mutex mutex_;
  std::vector<Letter> letters_;
};

}  // namespace aloft::agent
