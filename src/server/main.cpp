// aloft-server: puts the parts together and runs them until told to stop.
#include <signal.h>
#include <sodium.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <iostream>

#include "base/log.hpp"
#include "fleet/backup.hpp"
#include "server/delta_child.hpp"
#include "server/options.hpp"
#include "server/service.hpp"
#include "server/tenant_folder.hpp"

namespace aloft::server {
namespace {

void prepare_process() {
  ::signal(SIGPIPE, SIG_IGN);  // a client that leaves is an error of one write
  ::signal(SIGXFSZ, SIG_IGN);  // so is a file over its limit
  ::umask(0077);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

void print_routes(const httpd::Router& router) {
  for (const httpd::Route& route : router.routes()) std::cout << httpd::to_string(route.method) << " " << route.pattern << "\n";
}

void print_welcome(const Service::Welcome& welcome) {
  std::cout << "aloft-server listens on " << welcome.url << "\n";
  if (!welcome.certificate_sha256.empty()) std::cout << "certificate sha256 " << welcome.certificate_sha256 << "\n";
  if (welcome.setup_token)
    std::cout << "first start: open " << welcome.url << "/setup#" << *welcome.setup_token << "\n"
              << "         or: aloft login " << welcome.url << " --setup " << *welcome.setup_token << "\n";
  std::cout << std::flush;
}

Result<> copy_data(const Options& options) {
  const bool backing_up = !options.backup_to.empty();
  const TenantFolder folder(options.data);
  std::size_t tenants = 0;
  const auto copy_tenants = [&]() -> Result<> {
    tenants = backing_up ? TRY(folder.back_up_all(options.backup_to)) : TRY(folder.restore_all(options.restore_from));
    return {};
  };
  auto copied = backing_up ? fleet::back_up(options.data, options.backup_to, copy_tenants)
                           : fleet::restore(options.restore_from, options.data, copy_tenants);
  if (!copied)
    return fail(
        std::move(copied).error().within(backing_up ? "backup to " + options.backup_to.string() : "restore to " + options.data.string()));
  std::cout << (backing_up ? "backed up: " : "restored: ") << "the database and " << copied->blobs
            << (copied->blobs == 1 ? " artifact, " : " artifacts, ") << copied->bytes << " bytes\n";
  if (tenants != 0) std::cout << "and " << tenants << (tenants == 1 ? " tenant" : " tenants") << ", with all that they have\n";
  return {};
}

Result<> run(const Options& options) {
  if (options.tenant.what != TenantCommand::What::none) return run_tenant_command(options.data, options.tenant);
  if (!options.backup_to.empty() || !options.restore_from.empty()) return copy_data(options);
  const auto service = TRY(Service::open(options));
  if (options.list_routes) {
    print_routes(service->router());
    return {};
  }
  print_welcome(TRY(service->begin()));
  service->run();
  return {};
}

}  // namespace
}  // namespace aloft::server

int main(int argc, char** argv) {
  using namespace aloft::server;
  if (is_delta_child(argc, argv)) return run_delta_child(argv);
  const Parsed parsed = parse_options(argc, argv);
  if (parsed.exit_status) return *parsed.exit_status;
  prepare_process();
  if (sodium_init() < 0) return 1;
  const aloft::Result<> outcome = run(parsed.options);
  if (outcome) return 0;
  aloft::log::error(outcome.error().text());
  return 1;
}
