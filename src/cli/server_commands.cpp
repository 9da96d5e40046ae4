#include "cli/server_commands.hpp"

namespace aloft::cli {

void add_server_commands(CLI::App& app, Run& run) {
  add_login_commands(app, run);
  add_token_commands(app, run);
  add_release_commands(app, run);
  add_device_commands(app, run);
  add_deployment_commands(app, run);
  add_group_commands(app, run);
  add_rollout_commands(app, run);
  add_health_commands(app, run);
  add_user_commands(app, run);
  add_tenant_commands(app, run);
  add_ddi_commands(app, run);
  add_webhook_commands(app, run);
}

}  // namespace aloft::cli
