// How far a long piece of work is, on standard error: a bar on a terminal, a line now and then elsewhere.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"

namespace aloft::cli {

class Progress {
 public:
  // Shows nothing for work that ends within half a second.
  explicit Progress(std::string title);
  ~Progress();  // ends the bar's line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(std::uint64_t done_bytes, std::uint64_t total_bytes);

 private:
  void draw(std::uint64_t done_bytes, std::uint64_t total_bytes, SteadyTime now);
  std::string title_;
  SystemClock clock_;
  SteadyTime start_;
  SteadyTime next_;
  bool terminal_;
  bool drawn_ = false;
};

}  // namespace aloft::cli
