// Releases: upload, list, delete.
#pragma once

#include <functional>

#include "base/random.hpp"
#include "crypto/trust.hpp"
#include "fleet/blob_folder.hpp"
#include "fleet/foreign_intake.hpp"
#include "httpd/router.hpp"
#include "httpd/workers.hpp"
#include "server/operator_access.hpp"
#include "server/quota_desk.hpp"

namespace aloft::server {

class ReleaseApi {
 public:
  struct Hooks {
    std::function<void()> added;
    std::function<void(std::uint64_t id)> removed;
  };
  // All references outlive it; trust may be null: signatures are then not checked here. Files come and go one at a time on the shelf's
  // only thread, so that none is deleted that another upload has just found to be there.
  ReleaseApi(fleet::Store& store, const fleet::BlobFolder& blobs, OperatorAccess& access, const crypto::TrustStore* trust, Random& random,
             httpd::Workers& shelf, QuotaDesk& quotas, Hooks hooks)
      : store_(store),
        blobs_(blobs),
        access_(access),
        trust_(trust),
        random_(random),
        shelf_(shelf),
        quotas_(quotas),
        hooks_(std::move(hooks)) {}
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  struct Stored {
    fleet::Release release;
    bool fresh;
  };
  Answer list(httpd::Request& request);
  Answer get(httpd::Request& request);
  Answer upload(httpd::Request& request);
  Answer change(httpd::Request& request);
  Answer remove(httpd::Request& request);
  Result<fleet::ReleaseQuery> read_query(const httpd::Request& request);
  // On the shelf's thread: these block.
  Result<Stored> keep(fleet::BlobFolder::Upload upload, const std::string& user, const fleet::ForeignWords& words);
  Result<fleet::Release> inspect(const std::filesystem::path& file, const fleet::ForeignWords& words) const;
  Result<> discard(std::uint64_t id);

  fleet::Store& store_;
  const fleet::BlobFolder& blobs_;
  OperatorAccess& access_;
  const crypto::TrustStore* trust_;
  Random& random_;
  httpd::Workers& shelf_;
  QuotaDesk& quotas_;
  const Hooks hooks_;
  httpd::Workers disk_{2};  // files are written by it
};

}  // namespace aloft::server
