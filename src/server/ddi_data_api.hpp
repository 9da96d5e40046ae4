// hawkBit's direct device integration API: what devices say of themselves, and the files that they fetch.
#pragma once

#include "fleet/blob_folder.hpp"
#include "httpd/router.hpp"
#include "server/ddi_access.hpp"

namespace aloft::server {

class DdiDataApi {
 public:
  // All references outlive it.
  DdiDataApi(fleet::Store& store, const fleet::BlobFolder& blobs, const Changes& changes, DdiAccess& access, DdiDevices& devices)
      : store_(store), blobs_(blobs), changes_(changes), access_(access), devices_(devices) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer config_data(httpd::Request& request);
  Answer declare_installed(httpd::Request& request);
  Answer artifacts(httpd::Request& request);
  Answer artifact(httpd::Request& request);

  Result<fleet::DdiDescription> read_config_data(const httpd::Request& request, const std::string& device);
  // The release that {id} names, if the device has or had a deployment of it. Errors: kReleaseUnknown, kArtifactNotAssigned.
  Result<fleet::Release> release_for(const httpd::Request& request, const std::string& device);
  Result<httpd::Response> send(const httpd::Request& request, const fleet::Release& release) const;

  fleet::Store& store_;
  const fleet::BlobFolder& blobs_;
  const Changes& changes_;
  DdiAccess& access_;
  DdiDevices& devices_;
};

}  // namespace aloft::server
