// "aloft-server tenant ...": the tenants of a data folder, made and ended on the machine itself, whether a server runs on it or not.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace CLI {
class App;
}

namespace aloft::server {

struct TenantCommand {
  enum class What : std::uint8_t { none, add, list, suspend, resume, link, remove, back_up, restore, quota, sign_on };
  What what = What::none;
  std::string name;
  std::string host;
  std::filesystem::path folder;     // of a backup; file of an identity provider
  std::vector<std::string> quotas;  // "devices=500"
  bool json = false;
  bool yes = false;
};

// Adds the command line's part for it; `command` must outlive the parsing.
void add_tenant_command(CLI::App& app, TenantCommand& command);
// Prints what it has to say. Errors: of TenantFolder.
Result<> run_tenant_command(const std::filesystem::path& data, const TenantCommand& command);

}  // namespace aloft::server
