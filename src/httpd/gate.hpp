// Lets no more connections in than can shake hands at once. A fleet that comes back all together would else share the processor among
// thousands of handshakes, all of which take too long, and begin again; those that wait in the kernel's queue cost nothing. Who is slow
// holds up nobody for longer than kYoung. One thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <utility>

namespace aloft::httpd {

class Gate {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMost = 256;                  // handshakes under way
  static constexpr std::chrono::milliseconds kYoung{1'000};  // older ones do not count

  // One handshake; it has ended when this goes. The gate outlives it.
  class Pass {
   public:
    Pass(Gate& gate, std::uint64_t number) : gate_(&gate), number_(number) {}
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)), number_(other.number_) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() { done(); }
    void done() {
      if (Gate* gate = std::exchange(gate_, nullptr)) gate->under_way_.erase(number_);
    }

   private:
    Gate* gate_;
    std::uint64_t number_;
  };

  bool open(Time now) {
    while (!under_way_.empty() && under_way_.begin()->second + kYoung <= now) under_way_.erase(under_way_.begin());
    return under_way_.size() < kMost;
  }
  Pass enter(Time now) {
    under_way_.emplace(++last_, now);
    return {*this, last_};
  }

 private:
  std::map<std::uint64_t, Time> under_way_;  // by number, and so by age
  std::uint64_t last_ = 0;
};

}  // namespace aloft::httpd
