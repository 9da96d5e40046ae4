// Groups, tags, device types and filters, as operators see them.
#pragma once

#include "httpd/router.hpp"
#include "httpd/tasks.hpp"
#include "httpd/workers.hpp"
#include "server/changes.hpp"
#include "server/operator_access.hpp"

namespace aloft::server {

class GroupApi {
 public:
  // All references outlive it.
  GroupApi(httpd::Tasks& tasks, fleet::Store& store, OperatorAccess& access, Changes& changes)
      : tasks_(tasks), store_(store), access_(access), changes_(changes) {}
  // Takes away what the last run of the server has left of groups; before the first request.
  void begin();
  void stop() { stopping_ = true; }
  void add_routes(httpd::Router& router);

 private:
  using Answer = httpd::Awaitable<Result<httpd::Response>>;
  Answer list(httpd::Request& request);
  Answer create(httpd::Request& request);
  Answer get(httpd::Request& request);
  Answer change(httpd::Request& request);
  Answer remove(httpd::Request& request);
  Answer change_members(httpd::Request& request);
  Answer list_tags(httpd::Request& request);
  Answer change_tag(httpd::Request& request);
  Answer list_types(httpd::Request& request);
  Answer put_type(httpd::Request& request);
  Answer check_filter(httpd::Request& request);
  Result<fleet::Group> read_group(const httpd::Request& request, std::optional<std::string> name);
  Result<fleet::MemberChange> read_members(const httpd::Request& request);
  Result<fleet::DeviceType> read_type(const httpd::Request& request);

  // Finds the devices of a draft and puts it into its place.
  httpd::Awaitable<Result<fleet::Group>> finish(fleet::Group draft);
  httpd::Awaitable<Result<>> fill(const fleet::Group& draft);
  httpd::Awaitable<void> clear(std::vector<std::uint64_t> remnants);
  void clear_gone();

  httpd::Tasks& tasks_;
  fleet::Store& store_;
  OperatorAccess& access_;
  Changes& changes_;
  httpd::Workers disk_{1};  // long reads
  bool stopping_ = false;
};

}  // namespace aloft::server
