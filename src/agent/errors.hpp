// Error numbers 8004-8099 (those before are base/config_errors.hpp): local API, health, trial, server session.
#pragma once

#include "base/config_errors.hpp"
#include "base/result.hpp"

namespace aloft::agent {

inline constexpr ErrorCode kBootedGroup{8004, ErrorKind::ask, "booted-group"};
inline constexpr ErrorCode kHealthFailed{8010, ErrorKind::rollback, "health-failed"};
inline constexpr ErrorCode kHealthTimeout{8011, ErrorKind::rollback, "health-timeout"};
inline constexpr ErrorCode kUnitsFailed{8012, ErrorKind::rollback, "units-failed"};
inline constexpr ErrorCode kTrialDeadline{8013, ErrorKind::rollback, "trial-deadline"};
inline constexpr ErrorCode kBadRequest{8020, ErrorKind::reject, "bad-request"};
inline constexpr ErrorCode kNotAllowed{8021, ErrorKind::ask, "not-allowed"};
inline constexpr ErrorCode kNoDaemon{8023, ErrorKind::ask, "no-daemon"};
inline constexpr ErrorCode kCancelled{8024, ErrorKind::ask, "cancelled"};
inline constexpr ErrorCode kBadUri{8025, ErrorKind::ask, "bad-uri"};
inline constexpr ErrorCode kAlreadyRunning{8026, ErrorKind::ask, "already-running"};
inline constexpr ErrorCode kNotAccepted{8030, ErrorKind::retry, "not-accepted"};
inline constexpr ErrorCode kServerAnswer{8032, ErrorKind::retry, "server-answer"};
inline constexpr ErrorCode kNoServer{8033, ErrorKind::ask, "no-server"};
inline constexpr ErrorCode kWatchdog{8040, ErrorKind::retry, "watchdog"};
inline constexpr ErrorCode kWatchdogHeld{8041, ErrorKind::retry, "watchdog-held"};
inline constexpr ErrorCode kOutsideWindow{8042, ErrorKind::retry, "outside-window"};
inline constexpr ErrorCode kNeedsConsent{8043, ErrorKind::ask, "needs-consent"};
inline constexpr ErrorCode kNothingToAccept{8044, ErrorKind::ask, "nothing-to-accept"};
inline constexpr ErrorCode kNothingToCancel{8045, ErrorKind::ask, "nothing-to-cancel"};
inline constexpr ErrorCode kUpdateFailed{8046, ErrorKind::ask, "update-failed"};
inline constexpr ErrorCode kUpdateRolledBack{8047, ErrorKind::ask, "update-rolled-back"};
inline constexpr ErrorCode kUpdateDeferred{8048, ErrorKind::ask, "update-deferred"};
inline constexpr ErrorCode kNothingToReset{8050, ErrorKind::ask, "nothing-to-reset"};
inline constexpr ErrorCode kNotConfirmed{8051, ErrorKind::ask, "not-confirmed"};
inline constexpr ErrorCode kWouldNotInstall{8052, ErrorKind::ask, "would-not-install"};
inline constexpr ErrorCode kNoBundleDelta{8060, ErrorKind::reject, "no-bundle-delta"};
inline constexpr ErrorCode kFallbackLimit{8061, ErrorKind::reject, "delta-fallback-limit"};
inline constexpr ErrorCode kOverBudget{8062, ErrorKind::ask, "over-budget"};
inline constexpr ErrorCode kMeteredLink{8063, ErrorKind::ask, "metered-link"};
inline constexpr ErrorCode kHeld{8064, ErrorKind::ask, "held"};
inline constexpr ErrorCode kPaused{8065, ErrorKind::ask, "paused"};

}  // namespace aloft::agent
