// The device protocol: docs/device-protocol.md, messages in protocol/messages.hpp.
#pragma once

#include "base/clock.hpp"
#include "base/random.hpp"
#include "fleet/blob_folder.hpp"
#include "fleet/store.hpp"
#include "httpd/router.hpp"
#include "server/changes.hpp"
#include "server/credentials.hpp"
#include "server/delta_shelf.hpp"
#include "server/device_tokens.hpp"
#include "server/roster.hpp"

namespace aloft::server {

// Of strangers, per address. Devices that are known, or bring a good token, do not count: a whole site may stand behind one address.
inline constexpr std::size_t kMaxEnrolmentsPerMinute = 30;

class DeviceApi {
 public:
  // All references outlive it. secret: of the server's own, seals the devices' tokens.
  DeviceApi(fleet::Store& store, const fleet::BlobFolder& blobs, Roster& roster, const DeltaShelf& deltas, const Changes& changes,
            const Bytes& secret, Clock& clock, Random& random)
      : store_(store),
        blobs_(blobs),
        roster_(roster),
        deltas_(deltas),
        changes_(changes),
        tokens_(secret),
        clock_(clock),
        random_(random) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer enrol(httpd::Request& request);
  Answer challenge(httpd::Request& request);
  Answer token(httpd::Request& request);
  Answer assignment(httpd::Request& request);
  Answer reports(httpd::Request& request);
  Answer log(httpd::Request& request);
  Answer inventory(httpd::Request& request);
  Answer vitals(httpd::Request& request);
  Answer artifact(httpd::Request& request);

  // The answer to a stranger who asks too often from one address; nothing for others. Counts the attempt.
  std::optional<httpd::Response> too_often(const fleet::Enrolment& enrolment, const std::string& peer);
  Result<fleet::Enrolment> read_enrolment(const httpd::Request& request);
  Result<httpd::Response> issue_token(const httpd::Request& request);
  Result<fleet::ReportBatch> read_reports(const httpd::Request& request);
  Result<httpd::Response> send_artifact(const httpd::Request& request);
  // Of an accepted device. What the poll would be answered now; unchanged: it is what the client has.
  httpd::Response assignment_answer(const httpd::Request& request, const Roster::Entry& entry, bool& unchanged) const;
  Answer held_assignment(httpd::Request& request, std::string device, std::uint64_t wait_s);
  // The device that the bearer token names, still accepted and with the same key; notes that it was seen.
  Result<std::string> device_of(const httpd::Request& request);
  Result<const Roster::Entry*> entry_of(const httpd::Request& request);
  std::uint64_t now_ms();

  fleet::Store& store_;
  const fleet::BlobFolder& blobs_;
  Roster& roster_;
  const DeltaShelf& deltas_;
  const Changes& changes_;
  DeviceTokens tokens_;
  Challenges challenges_;
  Attempts enrolments_{kMaxEnrolmentsPerMinute};
  Clock& clock_;
  Random& random_;
};

}  // namespace aloft::server
