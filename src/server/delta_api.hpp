// A release's deltas: which there are, what they saved, upload, removal.
#pragma once

#include "fleet/blob_folder.hpp"
#include "httpd/router.hpp"
#include "httpd/workers.hpp"
#include "server/body_file.hpp"
#include "server/delta_workshop.hpp"
#include "server/operator_access.hpp"
#include "server/quota_desk.hpp"

namespace aloft::server {

class DeltaApi {
 public:
  // All references outlive it.
  DeltaApi(fleet::Store& store, const fleet::BlobFolder& blobs, OperatorAccess& access, DeltaWorkshop& workshop, QuotaDesk& quotas,
           Random& random)
      : store_(store), blobs_(blobs), access_(access), workshop_(workshop), quotas_(quotas), random_(random) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer list(httpd::Request& request);
  Answer upload(httpd::Request& request);
  Answer remove(httpd::Request& request);
  Result<Json> describe(const fleet::Release& release);
  Result<fleet::Delta> inspect(const std::filesystem::path& file, const fleet::Release& release, const std::optional<std::string>& from);

  fleet::Store& store_;
  const fleet::BlobFolder& blobs_;
  OperatorAccess& access_;
  DeltaWorkshop& workshop_;
  QuotaDesk& quotas_;
  Random& random_;
  httpd::Workers disk_{1};
};

}  // namespace aloft::server
