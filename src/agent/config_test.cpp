#include "agent/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/errors.hpp"

namespace aloft::agent {
namespace {

constexpr std::string_view kGood = R"(product = "lab-gateway"
hardware = "rev-a"
[boot]
grubenv = "/boot/efi/EFI/aloft/grubenv"
[group.A.rootfs]
device = "/dev/disk/by-partlabel/rootfs-a"
[group.B.rootfs]
device = "/dev/disk/by-partlabel/rootfs-b"
)";

TEST(Config, DefaultsStandWhereNothingIsSaid) {
  const auto config = parse_config(kGood, "system.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->product, "lab-gateway");
  EXPECT_EQ(config->state_dir, "/var/lib/aloft");
  EXPECT_EQ(config->boot.tries, 3U);
  EXPECT_EQ(config->groups.at("B").at("rootfs").device, "/dev/disk/by-partlabel/rootfs-b");
  EXPECT_EQ(config->health.deadline, std::chrono::seconds(120));
  EXPECT_EQ(config->watchdog.device, "/dev/watchdog");
  EXPECT_FALSE(config->server);
}

TEST(Config, EveryKeyIsRead) {
  const auto config = parse_config(R"(product = "p"
hardware = "h"
state_dir = "/data/aloft"
trust_dir = "/data/trust"
[boot]
loader = "grub"
grubenv = "/efi/grubenv"
tries = 2
[group.A.rootfs]
device = "/dev/a"
type = "raw"
[group.B.rootfs]
device = "/dev/b"
[server]
url = "https://updates.example.com:8443"
name = "cam-01"
enrol_token_file = "/etc/token"
fingerprint = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
ca_file = "/etc/ca.pem"
[health]
dir = "/etc/health"
deadline_s = 300
check_timeout_s = 30
require_server = false
require_units = false
[watchdog]
device = ""
timeout_s = 30
systemd_timeout_s = 20
locked = true
[download]
give_up_s = 60
ahead_kib = 1024
delta = false
delta_fallback_kib = 2048
ca_file = "/etc/other-ca.pem"
known_hosts = "/etc/aloft/known_hosts"
ssh_key = "/var/lib/aloft/ssh.key"
[agent]
socket = "/run/x.sock"
control_group = "operators"
reboot_command = ["/sbin/reboot", "-f"]
kernel_command_line = "/tmp/cmdline"
boot_id_file = "/tmp/boot-id"
version_file = "/tmp/version"
machine_id_file = "/tmp/machine-id"
)",
                                   "system.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->boot.loader, "grub");
  EXPECT_EQ(config->boot.settings.text("grubenv"), "/efi/grubenv");
  EXPECT_EQ(config->boot.tries, 2U);
  ASSERT_TRUE(config->server);
  EXPECT_EQ(config->server->url, "https://updates.example.com:8443");
  EXPECT_EQ(config->server->name, "cam-01");
  EXPECT_EQ(config->server->ca_file, "/etc/ca.pem");
  EXPECT_EQ(config->health.check_timeout, std::chrono::seconds(30));
  EXPECT_FALSE(config->health.require_server);
  EXPECT_FALSE(config->health.require_units);
  EXPECT_TRUE(config->watchdog.device.empty());
  EXPECT_EQ(config->watchdog.systemd_timeout, std::chrono::seconds(20));
  EXPECT_TRUE(config->watchdog.locked);
  EXPECT_EQ(config->download.give_up, std::chrono::seconds(60));
  EXPECT_EQ(config->download.ahead_kib, 1024U);
  EXPECT_TRUE(!config->download.delta && config->download.delta_fallback_kib == 2048);
  EXPECT_EQ(config->download.known_hosts, "/etc/aloft/known_hosts");
  EXPECT_EQ(config->download.ssh_key, "/var/lib/aloft/ssh.key");
  EXPECT_EQ(config->agent.control_group, "operators");
  EXPECT_EQ(config->agent.reboot_command, (std::vector<std::string>{"/sbin/reboot", "-f"}));
}

TEST(Config, SaysWhatAnUpdateMayCost) {
  const auto config =
      parse_config(std::string(kGood) + "[download]\nreuse = false\nbudget_kib = 30000\nmetered_interfaces = [\"wwan*\", \"ppp0\"]\n" +
                       "metered = \"wait\"\nmetered_budget_kib = 500\n",
                   "system.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_FALSE(config->download.reuse);
  EXPECT_EQ(config->download.budget_kib, 30000U);
  EXPECT_EQ(config->download.metered_interfaces, (std::vector<std::string>{"wwan*", "ppp0"}));
  EXPECT_TRUE(config->download.metered_wait);
  EXPECT_EQ(config->download.metered_budget_kib, 500U);
  EXPECT_FALSE(parse_config(std::string(kGood) + "[download]\nmetered = \"perhaps\"\n", "system.toml"));
}

TEST(Config, NamesAHawkbitServer) {
  const auto read = [](const std::string& server) { return parse_config(std::string(kGood) + "[server]\n" + server, "system.toml"); };
  const auto config = read(
      "protocol = \"hawkbit\"\nurl = \"http://h:8080\"\ntenant = \"acme\"\nname = \"00:11\"\ntarget_token_file = \"/t\"\n"
      "client_cert = \"/c.pem\"\nclient_key = \"/k.pem\"\nsoft = \"ask\"\n");
  ASSERT_TRUE(config) << config.error().text();
  ASSERT_TRUE(config->server && config->server->hawkbit);
  EXPECT_EQ(config->server->hawkbit->tenant, "acme");
  EXPECT_EQ(config->server->hawkbit->target_token_file, "/t");
  EXPECT_EQ(config->server->hawkbit->client_cert, "/c.pem");
  EXPECT_EQ(config->server->hawkbit->client_key, "/k.pem");
  EXPECT_TRUE(config->server->hawkbit->ask_if_soft);
  const auto other = read("protocol = \"hawkbit\"\nurl = \"https://h\"\ngateway_token_file = \"/g\"\n");
  ASSERT_TRUE(other) << other.error().text();
  EXPECT_EQ(other->server->hawkbit->gateway_token_file, "/g");
  EXPECT_EQ(other->server->hawkbit->tenant, "DEFAULT");
  EXPECT_FALSE(other->server->hawkbit->ask_if_soft);
  EXPECT_FALSE(read("protocol = \"aloft\"\nurl = \"https://h\"\n")->server->hawkbit);
  for (const char* wrong :
       {"url = \"http://h\"\n", "url = \"https://h\"\ntenant = \"x\"\n", "protocol = \"mender\"\nurl = \"https://h\"\n",
        "protocol = \"hawkbit\"\nurl = \"https://h\"\nenrol_token_file = \"/t\"\n",
        "protocol = \"hawkbit\"\nurl = \"https://h\"\nclient_cert = \"/c\"\n",
        "protocol = \"hawkbit\"\nurl = \"https://h\"\ntarget_token_file = \"/t\"\ngateway_token_file = \"/g\"\n",
        "protocol = \"hawkbit\"\nurl = \"https://h/path\"\n", "protocol = \"hawkbit\"\nurl = \"https://h\"\nsoft = \"x\"\n"})
    EXPECT_FALSE(read(wrong)) << wrong;
}

TEST(Config, SaysWhereTheInventoryComesFrom) {
  const auto config =
      parse_config(std::string(kGood) + "[inventory]\ndir = \"/etc/inventory\"\ninterval_s = 120\ntimeout_s = 5\n", "system.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->inventory.dir, "/etc/inventory");
  EXPECT_EQ(config->inventory.interval, std::chrono::seconds(120));
  EXPECT_EQ(config->inventory.timeout, std::chrono::seconds(5));
}

TEST(Config, SaysWhereMetricsAndPanicsComeFrom) {
  const auto config = parse_config(
      std::string(kGood) + "[metrics]\ndir = \"/etc/metrics\"\ninterval_s = 300\ntimeout_s = 5\n[agent]\npanic_dirs = [\"/data/panics\"]\n",
      "system.toml");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->metrics.dir, "/etc/metrics");
  EXPECT_EQ(config->metrics.interval, std::chrono::seconds(300));
  EXPECT_EQ(config->metrics.timeout, std::chrono::seconds(5));
  EXPECT_EQ(config->agent.panic_dirs, std::vector<std::filesystem::path>{"/data/panics"});
  EXPECT_EQ(parse_config(kGood, "system.toml")->agent.panic_dirs.size(), 2U);
}

struct BadCase {
  const char* name;
  std::string added;  // after kGood
  ErrorCode code;
  const char* message;  // a part of it
};

class BadConfig : public testing::TestWithParam<BadCase> {};

TEST_P(BadConfig, IsAnErrorWithFileLineAndKey) {
  const auto config = parse_config(std::string(kGood) + GetParam().added, "system.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code.number, GetParam().code.number) << config.error().text();
  EXPECT_THAT(config.error().message, testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadConfig,
    testing::Values(
        BadCase{"unknown_table", "[sever]\nurl = \"https://x\"\n", kConfigUnknownKey, "system.toml:9: unknown key \"sever\""},
        BadCase{"unknown_key", "[health]\ndir = \"/x\"\ndeadline = 3\n", kConfigUnknownKey,
                "system.toml:11: unknown key \"health.deadline\""},
        BadCase{"not_toml", "[health\n", kConfigSyntax, "system.toml:9"},
        BadCase{"key_twice", "[boot]\ntries = 2\n", kConfigSyntax, "system.toml:"},
        BadCase{"number_as_text", "[health]\ndeadline_s = \"9\"\n", kConfigValue,
                "system.toml:10: \"health.deadline_s\" must be a whole number from 1"},
        BadCase{"number_too_large", "[watchdog]\ntimeout_s = 99999\n", kConfigValue, "from 5 to 3600"},
        BadCase{"relative_path", "[health]\ndir = \"health.d\"\n", kConfigValue, "an absolute path"},
        BadCase{"http_server", "[server]\nurl = \"http://x\"\n", kConfigValue, "https://host"},
        BadCase{"server_with_path", "[server]\nurl = \"https://x/y\"\n", kConfigValue, "without a path"},
        BadCase{"server_without_url", "[server]\nname = \"x\"\n", kConfigMissing, "\"server.url\" is missing"},
        BadCase{"short_fingerprint", "[server]\nurl = \"https://x\"\nfingerprint = \"00\"\n", kConfigValue, "64 lower-case"},
        BadCase{"other_classes", "[group.C.boot]\ndevice = \"/dev/c\"\n", kConfigValue, "other slot classes"},
        BadCase{"same_device", "[group.C.rootfs]\ndevice = \"/dev/disk/by-partlabel/rootfs-a\"\n", kConfigValue, "same device"},
        BadCase{"slot_without_device", "[group.C.rootfs]\ntype = \"raw\"\n", kConfigMissing, "\"group.C.rootfs.device\" is missing"},
        BadCase{"unknown_slot_type", "[group.C.rootfs]\ndevice = \"/dev/c\"\ntype = \"tape\"\n", kConfigValue, "one of raw, ext4"},
        BadCase{"empty_command", "[agent]\nreboot_command = []\n", kConfigValue, "an array of words"}),
    [](const auto& row) { return std::string(row.param.name); });

// With another [boot] than kGood.
std::string boot_error(const std::string& boot) {
  const auto config = parse_config("product = \"p\"\nhardware = \"h\"\n[boot]\n" + boot +
                                       "\n[group.A.rootfs]\ndevice = \"/dev/a\"\n[group.B.rootfs]\ndevice = \"/dev/b\"\n",
                                   "f");
  return config ? "" : config.error().text();
}

TEST(Config, EachBootLoaderHasItsOwnKeys) {
  EXPECT_EQ(boot_error("grubenv = \"/x\""), "");
  EXPECT_THAT(boot_error("loader = \"grub\""), testing::HasSubstr("E8003 config-missing: f:3: \"boot.grubenv\" is missing"));
  EXPECT_THAT(boot_error("loader = \"lilo\""), testing::HasSubstr("f:4: \"boot.loader\" must be \"grub\""));
  EXPECT_THAT(boot_error("grubenv = \"x\""), testing::HasSubstr("f:4: \"boot.grubenv\" must be an absolute path"));
  EXPECT_THAT(boot_error("grubenv = \"/x\"\nfw_env = \"/y\""),
              testing::HasSubstr("f:5: unknown key \"boot.fw_env\"; known here: loader, grubenv, convention, tries"));
}

std::string with_slots(const std::string& a, const std::string& more = "") {
  return "product = \"p\"\nhardware = \"h\"\n[boot]\ngrubenv = \"/x\"\n[group.A.rootfs]\n" + a + "[group.B.rootfs]\ndevice = \"/dev/b\"\n" +
         more;
}

TEST(Config, SlotsHaveTheKeysOfTheirType) {
  const auto config =
      parse_config(with_slots("device = \"/dev/a\"\ntype = \"ext4\"\nmkfs_options = [\"-m\", \"0\"]\nresize = true\ndevice_nodes = true\n",
                              "[shared.app]\ntype = \"file\"\npath = \"/opt/app\"\nmode = 0o755\n"
                              "[shared.boot]\ntype = \"file\"\ndevice = \"/dev/c\"\nfilesystem = \"vfat\"\npath = \"/x.efi\"\n"),
                   "f");
  ASSERT_TRUE(config) << config.error().text();
  const SlotConfig& slot = config->groups.at("A").at("rootfs");
  EXPECT_EQ(slot.mkfs_options, (std::vector<std::string>{"-m", "0"}));
  EXPECT_TRUE(slot.resize && slot.device_nodes && !slot.single);
  EXPECT_EQ(config->shared.at("app").mode, 0755U);
  EXPECT_TRUE(config->shared.at("app").single);
  EXPECT_EQ(config->shared.at("boot").filesystem, "vfat");
}

TEST(Config, BootAreasAreSharedSlotsWithTwoPlaces) {
  const std::string shared =
      "[shared.loader]\ntype = \"boot-partition\"\ndevice = \"/dev/sda\"\npartitions = [1, 2]\n"
      "[shared.rom]\ntype = \"raw-pair\"\ndevice = \"/dev/sdb\"\noffsets = [32768, 8421376]\nsize = 8388608\nheader = 1024\n"
      "[shared.spl]\ntype = \"boot-emmc\"\ndevice = \"/dev/mmcblk0\"\n"
      "[[partition]]\ndisk = \"/dev/sda\"\nname = \"data\"\nsize_mib = 512\ngrow = true\n";
  const auto config = parse_config(with_slots("device = \"partlabel:rootfs-a\"\n", shared), "f");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->groups.at("A").at("rootfs").device, "partlabel:rootfs-a");
  EXPECT_EQ(config->shared.at("loader").partitions, (storage::TwoPartitions{1, 2}));
  EXPECT_EQ(config->shared.at("rom").copies.offsets_bytes[1], 8421376U);
  EXPECT_EQ(config->shared.at("rom").copies.header_bytes, 1024U);
  ASSERT_EQ(config->partitions.size(), 1U);
  EXPECT_EQ(config->partitions[0].wanted.size_bytes, 512ULL << 20);
  EXPECT_TRUE(config->partitions[0].wanted.grow);
}

TEST(Config, FlashSlotsAreNamedByPathOrName) {
  const auto config = parse_config(with_slots("device = \"mtd:kernel-a\"\ntype = \"mtd\"\n",
                                              "[shared.loader]\ntype = \"ubi-pair\"\ndevice = \"ubi0:loader\"\n"
                                              "[shared.app]\ntype = \"ubi\"\ndevice = \"/dev/ubi0_3\"\n"),
                                   "f");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->groups.at("A").at("rootfs").device, "mtd:kernel-a");
  EXPECT_EQ(config->shared.at("loader").device, "ubi0:loader");
  const auto error_of = [](const std::string& shared) {
    return parse_config(with_slots("device = \"/dev/a\"\n", shared), "f").error().message;
  };
  EXPECT_THAT(error_of("[shared.x]\ntype = \"ubi-pair\"\ndevice = \"/dev/ubi0_1\"\n"), testing::HasSubstr("\"ubi:NAME\""));
  EXPECT_THAT(parse_config(with_slots("device = \"ubi:a\"\ntype = \"ubi-pair\"\n"), "f").error().message,
              testing::HasSubstr("exists once: [shared.rootfs]"));
}

TEST(Config, HandlersAndModulesAreSharedPrograms) {
  const auto config =
      parse_config(with_slots("device = \"/dev/a\"\n",
                              "[shared.modem]\ntype = \"handler\"\nprogram = \"/usr/lib/modem\"\ntimeout_s = 30\ndevice = \"/dev/ttyS1\"\n"
                              "[shared.mcu]\ntype = \"handler\"\nprogram = \"/usr/lib/modem\"\n"
                              "[shared.app]\ntype = \"mender-module\"\nprogram = \"/usr/share/mender/modules/v3/deb\"\n"),
                   "f");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->shared.at("modem").timeout, std::chrono::seconds(30));
  EXPECT_EQ(config->shared.at("modem").slot_class, "modem");
  EXPECT_EQ(config->shared.at("app").work_folder, "/var/lib/aloft/modules/app");
  EXPECT_EQ(config->shared.at("app").device_type, "p");
  const auto error_of = [](const std::string& shared) {
    return parse_config(with_slots("device = \"/dev/a\"\n", shared), "f").error().message;
  };
  EXPECT_THAT(error_of("[shared.x]\ntype = \"handler\"\n"), testing::HasSubstr("\"shared.x.program\" is missing"));
  EXPECT_THAT(error_of("[shared.x]\ntype = \"handler\"\nprogram = \"modem\"\n"), testing::HasSubstr("an absolute path"));
  EXPECT_THAT(parse_config(with_slots("type = \"handler\"\nprogram = \"/x\"\n"), "f").error().message, testing::HasSubstr("exists once"));
}

TEST(Config, BadBootAreasAndPartitionsAreSaid) {
  const auto error_of = [](const std::string& shared) {
    return parse_config(with_slots("device = \"/dev/a\"\n", shared), "f").error().message;
  };
  EXPECT_THAT(error_of("[shared.x]\ntype = \"boot-partition\"\ndevice = \"/dev/sda\"\npartitions = [1, 1]\n"),
              testing::HasSubstr("two different numbers"));
  EXPECT_THAT(error_of("[shared.x]\ntype = \"boot-partition\"\ndevice = \"/dev/sda\"\npartitions = [1]\n"),
              testing::HasSubstr("array of two whole numbers"));
  EXPECT_THAT(error_of("[shared.x]\ntype = \"raw-pair\"\ndevice = \"/dev/sda\"\noffsets = [0, 4096]\nsize = 8192\n"),
              testing::HasSubstr("at least \"size\" apart"));
  EXPECT_THAT(error_of("[shared.x]\ntype = \"raw-pair\"\ndevice = \"/dev/sda\"\nsize = 8192\n"),
              testing::HasSubstr("\"shared.x.offsets\" is missing"));
  EXPECT_THAT(error_of("[shared.x]\ndevice = \"partlabel:\"\n"), testing::HasSubstr("partlabel:NAME"));
  EXPECT_THAT(error_of("[[partition]]\ndisk = \"/dev/sda\"\nname = \"x\"\n"), testing::HasSubstr("\"partition.size_mib\" is missing"));
  EXPECT_THAT(error_of("[[partition]]\ndisk = \"/dev/sda\"\nname = \"x\"\nsize_mib = 1\ntype = \"ext4\"\n"),
              testing::HasSubstr("linux, efi, or a GUID"));
  EXPECT_THAT(parse_config(with_slots("device = \"/dev/a\"\ntype = \"boot-emmc\"\n"), "f").error().message,
              testing::HasSubstr("exists once: [shared.rootfs]"));
}

TEST(Config, SlotsHaveNoOtherKeys) {
  const auto error_of = [](const std::string& text) { return parse_config(text, "f").error().message; };
  EXPECT_THAT(error_of(with_slots("device = \"/dev/a\"\nresize = true\n")), testing::HasSubstr("unknown key \"group.A.rootfs.resize\""));
  EXPECT_THAT(error_of(with_slots("device = \"/dev/a\"\ntype = \"vfat\"\ndevice_nodes = true\n")), testing::HasSubstr("device_nodes"));
  EXPECT_THAT(error_of(with_slots("device = \"/dev/a\"\n", "[shared.rootfs]\ndevice = \"/dev/c\"\n")),
              testing::HasSubstr("both shared and in the groups"));
  EXPECT_THAT(error_of(with_slots("device = \"/dev/a\"\n", "[shared.x]\ndevice = \"/dev/b\"\n")), testing::HasSubstr("same device"));
  EXPECT_THAT(error_of(with_slots("device = \"/dev/a\"\n", "[shared.x]\ntype = \"file\"\n")),
              testing::HasSubstr("\"shared.x.path\" is missing"));
  EXPECT_THAT(error_of(with_slots("device = \"/dev/a\"\n", "[shared.x]\ntype = \"file\"\npath = \"/a\"\ndevice = \"/dev/c\"\n")),
              testing::HasSubstr("\"shared.x.filesystem\" is missing"));
}

TEST(Config, OneGroupIsNotEnough) {
  const auto config =
      parse_config("product = \"p\"\nhardware = \"h\"\n[boot]\ngrubenv = \"/x\"\n[group.A.rootfs]\ndevice = \"/dev/a\"\n", "f");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code.number, kConfigMissing.number);
}

}  // namespace
}  // namespace aloft::agent
