// Makes the updater do what the server last asked for: when that may begin, how far it may go, when what waits goes on.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "agent/download_gate.hpp"
#include "agent/hold_gate.hpp"
#include "agent/install_gate.hpp"
#include "agent/server_link.hpp"
#include "agent/updater.hpp"

namespace aloft::agent {

// One thread.
class Follower {
 public:
  struct Seams {
    Updater& updater;
    InstallGate& install_gate;
    HoldGate& hold_gate;
    DownloadGate& download_gate;
    std::function<void()> cancel;                                      // gives up what is under way
    std::function<void(std::uint64_t deployment, const Error&)> tell;  // why it is not carried out for now
  };
  explicit Follower(Seams seams) : seams_(std::move(seams)) {}  // what is in the seams must outlive it

  void assign(std::optional<Wanted> wanted);
  // The updater's state has changed, or time has passed.
  void follow();
  bool held_back() const { return held_back_; }  // by a gate that time may open
  // A person at the device agrees to what waits for that. Errors: kNothingToAccept, that of keeping it.
  Result<> accept();
  // A person asks to go on in spite of what it costs.
  void ask() { asked_ = true; }
  // What is deferred goes on, where nothing holds it any more.
  void go_on(const update::State& deferred);

 private:
  bool carried_out(std::uint64_t deployment) const;
  void begin();
  void hold(const update::State& state);
  bool pause(const update::State& state);
  void note_conditions();
  bool costs_changed(const update::State& deferred);
  bool gate_opens(const update::State& deferred);
  bool may_go_on(const update::State& deferred);
  bool is_wanted(const update::State& state) const { return wanted_ && wanted_->deployment == state.deployment; }
  std::string newest_source(const update::State& state) const { return is_wanted(state) ? wanted_->source : state.source; }

  const Seams seams_;
  bool told_ = false;             // the server has said something since the start
  std::optional<Wanted> wanted_;  // its last word
  bool held_back_ = false;
  std::pair<std::uint64_t, std::uint64_t> waits_at_;  // update and transition that wait, at limits_then_
  DownloadLimits limits_then_;
  bool asked_ = false;
};

}  // namespace aloft::agent
