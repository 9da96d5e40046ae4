#include "server/permissions.hpp"

#include <gtest/gtest.h>

namespace aloft::server {
namespace {

using fleet::Role;
using httpd::Method;

TEST(Permissions, AreAsTheManualHasThem) {
  EXPECT_EQ(role_for(Method::get, "/api/v1/devices"), Role::viewer);
  EXPECT_EQ(role_for(Method::del, "/api/v1/devices/cam-01"), Role::operate);
  EXPECT_EQ(role_for(Method::post, "/api/v1/rollouts"), Role::operate);
  EXPECT_EQ(role_for(Method::post, "/api/v1/rollouts/3/start"), Role::operate);
  EXPECT_EQ(role_for(Method::post, "/api/v1/rollouts/3/approve"), Role::approver);
  EXPECT_EQ(role_for(Method::post, "/api/v1/rollouts/3/deny"), Role::approver);
  EXPECT_EQ(role_for(Method::post, "/api/v1/releases"), Role::releaser);
  EXPECT_EQ(role_for(Method::get, "/api/v1/releases"), Role::viewer);
  EXPECT_EQ(role_for(Method::get, "/api/v1/users"), Role::admin);
  EXPECT_EQ(role_for(Method::get, "/api/v1/audit"), Role::admin);
  EXPECT_EQ(role_for(Method::post, "/api/v1/tokens"), Role::viewer);
  EXPECT_EQ(role_for(Method::post, "/api/v1/ddi/gateways"), Role::admin);
  EXPECT_EQ(role_for(Method::get, "/api/v1/ddi/gateways"), Role::viewer);
  EXPECT_EQ(role_for(Method::put, "/api/v1/ddi/settings"), Role::admin);
  EXPECT_EQ(role_for(Method::post, "/api/v1/ddi/devices"), Role::operate);
  EXPECT_EQ(role_for(Method::get, "/api/v1/tenants"), Role::admin);
  EXPECT_EQ(role_for(Method::post, "/api/v1/tenants"), Role::admin);
  EXPECT_EQ(role_for(Method::get, "/api/v1/tenant-metrics"), Role::admin);
  EXPECT_EQ(role_for(Method::put, "/api/v1/anything-new"), Role::operate) << "what nobody thought of is not for lookers";
}

TEST(Permissions, AnAdminMayAllAndWhoMayNothingLooksAtNothing) {
  for (const Role role : {Role::viewer, Role::operate, Role::releaser, Role::approver, Role::admin}) {
    EXPECT_TRUE(fleet::allows(static_cast<fleet::Roles>(Role::admin), role));
    EXPECT_TRUE(fleet::allows(static_cast<fleet::Roles>(role), Role::viewer));
    EXPECT_EQ(fleet::allows(static_cast<fleet::Roles>(Role::viewer), role), role == Role::viewer);
    EXPECT_FALSE(fleet::allows(0, role));
  }
}

TEST(Permissions, ChangesAreAudited) {
  EXPECT_TRUE(is_audited(Method::post, "/api/v1/login"));
  EXPECT_TRUE(is_audited(Method::del, "/api/v1/devices/x"));
  EXPECT_FALSE(is_audited(Method::get, "/api/v1/devices"));
  EXPECT_FALSE(is_audited(Method::post, "/api/v1/filter-check"));
  EXPECT_FALSE(is_audited(Method::post, "/api/device/v1/reports"));
}

}  // namespace
}  // namespace aloft::server
