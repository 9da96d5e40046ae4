// Error numbers 9000-9059 and 9600-9699: the fleet and its store.
#pragma once

#include "base/result.hpp"

namespace aloft::fleet {

inline constexpr ErrorCode kStoreFailed{9000, ErrorKind::retry, "store-failed"};
inline constexpr ErrorCode kStoreFull{9001, ErrorKind::retry, "store-full"};
inline constexpr ErrorCode kStoreTooNew{9002, ErrorKind::ask, "store-too-new"};
inline constexpr ErrorCode kStoreInUse{9003, ErrorKind::ask, "store-in-use"};

inline constexpr ErrorCode kDeviceUnknown{9020, ErrorKind::ask, "device-unknown"};
inline constexpr ErrorCode kDevicePending{9021, ErrorKind::retry, "device-pending"};
inline constexpr ErrorCode kDeviceRejected{9022, ErrorKind::ask, "device-rejected"};
inline constexpr ErrorCode kDeviceNameTaken{9023, ErrorKind::ask, "device-name-taken"};
inline constexpr ErrorCode kEnrolmentToken{9024, ErrorKind::ask, "enrolment-token"};
inline constexpr ErrorCode kDeviceKey{9025, ErrorKind::reject, "device-key"};
inline constexpr ErrorCode kTooManyPending{9026, ErrorKind::retry, "too-many-pending"};

inline constexpr ErrorCode kReleaseUnknown{9030, ErrorKind::ask, "release-unknown"};
inline constexpr ErrorCode kReleaseInUse{9031, ErrorKind::ask, "release-in-use"};

inline constexpr ErrorCode kDeltaUnknown{9032, ErrorKind::ask, "delta-unknown"};
inline constexpr ErrorCode kDeltaSource{9033, ErrorKind::ask, "delta-source"};
inline constexpr ErrorCode kDeltaTarget{9034, ErrorKind::ask, "delta-target"};

inline constexpr ErrorCode kDeploymentUnknown{9040, ErrorKind::ask, "deployment-unknown"};
inline constexpr ErrorCode kDeviceBusy{9041, ErrorKind::ask, "device-busy"};
inline constexpr ErrorCode kReleaseDoesNotFit{9042, ErrorKind::ask, "release-does-not-fit"};
inline constexpr ErrorCode kDeploymentFinished{9043, ErrorKind::ask, "deployment-finished"};
inline constexpr ErrorCode kLogUnknown{9044, ErrorKind::ask, "log-unknown"};
inline constexpr ErrorCode kTokenUnknown{9045, ErrorKind::ask, "token-unknown"};
inline constexpr ErrorCode kUserExists{9046, ErrorKind::ask, "user-exists"};
inline constexpr ErrorCode kOtherProtocol{9047, ErrorKind::ask, "other-protocol"};
inline constexpr ErrorCode kGatewayUnknown{9048, ErrorKind::ask, "gateway-unknown"};
inline constexpr ErrorCode kNotWithdrawn{9049, ErrorKind::ask, "not-withdrawn"};

// Error numbers 9600-9699: groups, filters, rollouts.
inline constexpr ErrorCode kGroupUnknown{9600, ErrorKind::ask, "group-unknown"};
inline constexpr ErrorCode kGroupExists{9601, ErrorKind::ask, "group-exists"};
inline constexpr ErrorCode kGroupByFilter{9602, ErrorKind::ask, "group-by-filter"};
inline constexpr ErrorCode kBadName{9603, ErrorKind::reject, "bad-name"};
inline constexpr ErrorCode kTooMany{9604, ErrorKind::ask, "too-many"};

inline constexpr ErrorCode kFilterSyntax{9610, ErrorKind::reject, "filter-syntax"};
inline constexpr ErrorCode kFilterField{9611, ErrorKind::reject, "filter-field"};
inline constexpr ErrorCode kFilterOperator{9612, ErrorKind::reject, "filter-operator"};
inline constexpr ErrorCode kFilterValue{9613, ErrorKind::reject, "filter-value"};
inline constexpr ErrorCode kFilterTooLarge{9614, ErrorKind::reject, "filter-too-large"};
inline constexpr ErrorCode kFilterUnsteady{9615, ErrorKind::reject, "filter-unsteady"};

inline constexpr ErrorCode kBackupPlace{9605, ErrorKind::ask, "backup-place"};
inline constexpr ErrorCode kBackupDamaged{9606, ErrorKind::reject, "backup-damaged"};
inline constexpr ErrorCode kUserUnknown{9630, ErrorKind::ask, "user-unknown"};
inline constexpr ErrorCode kLastAdmin{9631, ErrorKind::ask, "last-admin"};
inline constexpr ErrorCode kUserFromOutside{9633, ErrorKind::ask, "user-from-outside"};
inline constexpr ErrorCode kNotSetUp{9634, ErrorKind::ask, "not-set-up"};
inline constexpr ErrorCode kBadRoles{9632, ErrorKind::reject, "bad-roles"};

inline constexpr ErrorCode kQuotaReached{9640, ErrorKind::ask, "quota-reached"};
inline constexpr ErrorCode kQuotaBytes{9641, ErrorKind::ask, "quota-bytes"};
inline constexpr ErrorCode kQuotaDevices{9642, ErrorKind::retry, "quota-devices"};
inline constexpr ErrorCode kQuotaRate{9643, ErrorKind::retry, "quota-rate"};
inline constexpr ErrorCode kQuotaWrong{9644, ErrorKind::reject, "quota-wrong"};

inline constexpr ErrorCode kRolloutUnknown{9620, ErrorKind::ask, "rollout-unknown"};
inline constexpr ErrorCode kRolloutPlan{9621, ErrorKind::reject, "rollout-plan"};
inline constexpr ErrorCode kRolloutState{9622, ErrorKind::ask, "rollout-state"};
inline constexpr ErrorCode kSecondPerson{9623, ErrorKind::ask, "second-person"};
inline constexpr ErrorCode kWebhookUnknown{9650, ErrorKind::ask, "webhook-unknown"};
inline constexpr ErrorCode kBadWebhook{9651, ErrorKind::reject, "bad-webhook"};
inline constexpr ErrorCode kMemberUnknown{9624, ErrorKind::ask, "member-unknown"};
inline constexpr ErrorCode kNotHeld{9625, ErrorKind::ask, "not-held"};

}  // namespace aloft::fleet
