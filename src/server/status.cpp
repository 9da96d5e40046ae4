#include "server/status.hpp"

#include <cstdint>
#include <utility>

#include "base/errors.hpp"
#include "ddi/errors.hpp"
#include "fleet/errors.hpp"
#include "oidc/errors.hpp"
#include "server/errors.hpp"

namespace aloft::server {
namespace {

constexpr std::pair<std::uint16_t, unsigned> kCountedStatuses[] = {
    {kNoSpace.number, 507},
    {kIo.number, 500},
    {kNotFound.number, 404},
    {kPermission.number, 500},
    {kBadArgument.number, 400},
    {fleet::kStoreFailed.number, 500},
    {fleet::kStoreFull.number, 507},
    {fleet::kDeviceUnknown.number, 404},
    {fleet::kDevicePending.number, 403},
    {fleet::kDeviceRejected.number, 403},
    {fleet::kDeviceNameTaken.number, 409},
    {fleet::kEnrolmentToken.number, 401},
    {fleet::kDeviceKey.number, 400},
    {fleet::kTooManyPending.number, 429},
    {fleet::kReleaseUnknown.number, 404},
    {fleet::kReleaseInUse.number, 409},
    {fleet::kDeltaUnknown.number, 404},
    {fleet::kDeltaSource.number, 409},
    {fleet::kDeltaTarget.number, 409},
    {fleet::kDeploymentUnknown.number, 404},
    {fleet::kDeviceBusy.number, 409},
    {fleet::kReleaseDoesNotFit.number, 409},
    {fleet::kDeploymentFinished.number, 409},
    {fleet::kLogUnknown.number, 404},
    {fleet::kTokenUnknown.number, 404},
    {fleet::kUserExists.number, 409},
    {fleet::kGroupUnknown.number, 404},
    {fleet::kGroupExists.number, 409},
    {fleet::kGroupByFilter.number, 409},
    {fleet::kTooMany.number, 409},
    {fleet::kUserUnknown.number, 404},
    {fleet::kLastAdmin.number, 409},
    {fleet::kUserFromOutside.number, 409},
    {fleet::kNotSetUp.number, 409},
    {oidc::kSignOnOff.number, 404},
    {oidc::kNoRole.number, 403},
    {kNotPermitted.number, 403},
    {fleet::kQuotaReached.number, 409},
    {fleet::kQuotaBytes.number, 413},
    {fleet::kQuotaDevices.number, 403},  // clients of hawkBit's protocol come again at once after 409 and 429
    {fleet::kQuotaRate.number, 429},
    {fleet::kRolloutUnknown.number, 404},
    {fleet::kRolloutState.number, 409},
    {fleet::kNotHeld.number, 409},
    {fleet::kSecondPerson.number, 403},
    {fleet::kMemberUnknown.number, 404},
    {fleet::kWebhookUnknown.number, 404},
    {kNotAuthenticated.number, 401},
    {kBadCredentials.number, 401},
    {kDeviceCertificate.number, 401},
    {kTooManyAttempts.number, 429},
    {kSetupToken.number, 401},
    {kSetupDone.number, 409},
    {kWeakPassword.number, 400},
    {kChallenge.number, 401},
    {kArtifactNotAssigned.number, 403},
    {kArtifactMissing.number, 404},
    {kBadParameter.number, 400},
    {kForeignPage.number, 403},
    {kNoSuchSite.number, 404},
    {kTenantExists.number, 409},
    {kNoSuchTenant.number, 404},
    {kTenantsOff.number, 409},
    {kTenantSettled.number, 409},
    {fleet::kOtherProtocol.number, 409},
    {fleet::kGatewayUnknown.number, 404},
    {fleet::kNotWithdrawn.number, 405},
    {ddi::kTenantUnknown.number, 404},
    {ddi::kActionClosed.number, 410},
    {ddi::kAutoConfirm.number, 409},
    {ddi::kPrecondition.number, 412},
};

}  // namespace

unsigned status_of(const Error& error) {
  for (const auto& [number, status] : kCountedStatuses)
    if (number == error.code.number) return status;
  if (error.code.number >= 11000 && error.code.number < 11100) return 422;  // a delta
  if (error.code.number >= 2000 && error.code.number < 4000) return 422;    // a bundle or its signature
  switch (error.code.kind) {
    case ErrorKind::retry: return 503;
    case ErrorKind::reject:
    case ErrorKind::ask: return 400;
    default: return 500;
  }
}

}  // namespace aloft::server
