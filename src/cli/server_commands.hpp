// The groups that add_server_commands puts together.
#pragma once

#include "cli/commands.hpp"

namespace aloft::cli {

void add_login_commands(CLI::App& app, Run& run);       // login, logout
void add_token_commands(CLI::App& app, Run& run);       // token create, list, revoke
void add_release_commands(CLI::App& app, Run& run);     // release upload, list, show
void add_device_commands(CLI::App& app, Run& run);      // device list, show, accept, reject; enrol-token create, list
void add_group_commands(CLI::App& app, Run& run);       // group, tag, filter
void add_rollout_commands(CLI::App& app, Run& run);     // rollout; why
void add_health_commands(CLI::App& app, Run& run);      // health
void add_ddi_commands(CLI::App& app, Run& run);         // ddi add, token, ask, gateway, poll
void add_webhook_commands(CLI::App& app, Run& run);     // webhook
void add_user_commands(CLI::App& app, Run& run);        // user; audit
void add_tenant_commands(CLI::App& app, Run& run);      // tenant; quota
void add_deployment_commands(CLI::App& app, Run& run);  // deploy; deployment list, show, cancel, log; watch

}  // namespace aloft::cli
