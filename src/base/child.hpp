// A program that runs beside us: fed, followed, waited for, killed.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/file.hpp"
#include "base/process.hpp"

namespace aloft {

enum class Input : std::uint8_t { none, fed };

struct ChildSpec {
  std::vector<std::string> argv;         // argv[0] is searched in PATH when it has no slash
  std::filesystem::path folder;          // to work in; empty: ours
  std::vector<std::string> environment;  // NAME=VALUE, added to ours
  Input input = Input::none;
  std::vector<int> descriptors;                        // become its 3, 4, ... besides standard input, output and error; stay ours, too
  std::function<void(std::string_view line)> on_line;  // each whole line of output, on the thread that calls a method of Child
};

// The program has its own process group, no blocked signals and the usual answer to SIGPIPE. Standard output and error go together. One
// thread. What is left of it when this goes is killed.
class Child {
 public:
  // Errors: kProcess.
  static Result<Child> start(ChildSpec spec);
  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  // All of bytes to its standard input (Input::fed); takes its output meanwhile. kProcess when it has closed its input or ended, or does
  // not read for `patience`.
  Result<> feed(ByteView bytes, std::chrono::milliseconds patience);
  void end_input();
  // Takes output for at most so long, and then what the pipe holds; true once it has ended.
  bool has_ended(std::chrono::milliseconds wait);
  // Until it ends, until the limit, or until *stop is true (noticed within a quarter of a second); then it and its group are killed.
  ProcessEnd wait(std::chrono::milliseconds limit, const std::atomic<bool>* stop = nullptr);
  void kill();
  pid_t pid() const { return pid_; }  // -1 once it has been waited for

 private:
  Child() = default;
  bool take_output();
  void split_lines(std::string_view bytes);
  ProcessEnd reap();
  std::string name_;
  pid_t pid_ = -1;
  Fd pidfd_;
  Fd input_;
  Fd output_;
  bool output_open_ = true;
  std::string text_;
  std::string line_;
  std::function<void(std::string_view)> on_line_;
};

// write(2) to a pipe that may have lost its reader: then -1 and EPIPE, whatever SIGPIPE is set to.
ssize_t write_quietly(int fd, ByteView bytes);

}  // namespace aloft
