#include "agent/doctor.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>

#include "agent/test_doctor.hpp"
#include "boot/uboot_env.hpp"
#include "crypto/public_key.hpp"
#include "net/fake_server.hpp"

namespace aloft::agent {
namespace {

namespace fs = std::filesystem;
using test::SoundDevice;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Everything that is not good, "name" once for each finding.
std::vector<std::string> complaints(const std::vector<Finding>& findings) {
  std::vector<std::string> names;
  for (const Finding& finding : findings)
    if (finding.verdict != Verdict::good) names.emplace_back(finding.name);
  return names;
}

std::string told(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings)
    if (finding.verdict != Verdict::good) text += std::string(finding.name) + ": " + finding.what + "\n";
  return text;
}

TEST(Doctor, FindsNothingOnASoundDevice) {
  SoundDevice device;
  const auto findings = device.examined();
  EXPECT_THAT(complaints(findings), IsEmpty()) << told(findings);
  EXPECT_TRUE(is_sound(findings));
  EXPECT_GT(findings.size(), 12U);
}

TEST(Doctor, TellsTheSameAsJson) {
  SoundDevice device;
  fs::remove(device.at("dev/sda5"));
  const Json json = findings_json(device.examined());
  EXPECT_FALSE(json["sound"].get<bool>());
  bool found = false;
  for (const Json& finding : json["findings"]) {
    if (finding["name"] != "slot-missing") continue;
    found = true;
    EXPECT_EQ(finding["verdict"], "bad");
    EXPECT_THAT(finding["what"].get<std::string>(), testing::HasSubstr("B.rootfs"));
    EXPECT_FALSE(finding["mend"].get<std::string>().empty());
  }
  EXPECT_TRUE(found);
}

struct Seed {
  const char* name;  // of the test
  Verdict verdict;
  const char* finding;
  void (*plant)(SoundDevice&);
};
void PrintTo(const Seed& seed, std::ostream* out) { *out << seed.name; }

class Seeded : public ::testing::TestWithParam<Seed> {};

// Exactly what was planted, and with the mend.
TEST_P(Seeded, IsFoundAndNothingElse) {
  SoundDevice device;
  GetParam().plant(device);
  if (HasFatalFailure()) return;
  const auto findings = device.examined();
  EXPECT_THAT(complaints(findings), ElementsAre(GetParam().finding)) << told(findings);
  for (const Finding& finding : findings) {
    if (finding.verdict == Verdict::good) continue;
    EXPECT_EQ(finding.verdict, GetParam().verdict) << finding.what;
    EXPECT_FALSE(finding.mend.empty());
  }
}

constexpr auto kBad = Verdict::bad;
constexpr auto kWarning = Verdict::warning;
constexpr auto kUnknown = Verdict::unknown;

constexpr Seed kConfigSeeds[] = {
    {"UnknownKey", kBad, "config", [](SoundDevice& d) { d.add("system.toml", "typo = 1"); }},
    {"NobodySaysWhatBooted", kBad, "booted-group", [](SoundDevice& d) { d.write("proc/cmdline", "quiet panic=5 softlockup_panic=1\n"); }},
    {"TheRootDeviceIsTheOtherGroups", kBad, "booted-group",
     [](SoundDevice& d) { d.edit("proc/cmdline", "PARTLABEL=rootfs-a", "/dev/sda5"); }},
    {"NoVersion", kWarning, "version-missing", [](SoundDevice& d) { fs::remove(d.at("etc/version")); }},
};

constexpr Seed kBootSeeds[] = {
    {"NoEnvironment", kBad, "boot-state", [](SoundDevice& d) { fs::remove(d.at("esp/grubenv")); }},
    {"DamagedEnvironment", kBad, "boot-state", [](SoundDevice& d) { d.write("esp/grubenv", std::string(1024, '\0')); }},
    {"BootLoaderDoesNotCount", kBad, "boot-not-counting",
     [](SoundDevice& d) { d.write("state/not-counting", "E5005 not-counting: still counts 3"); }},
    {"NeverTried", kUnknown, "boot-counting", [](SoundDevice& d) { fs::remove(d.at("state/journal")); }},
    {"RunningGroupOnTrial", kWarning, "boot-not-committed", [](SoundDevice& d) { crypto::test::must(d.boot_control().arm("A", 2)); }},
    {"OnlyOneCommitted", kWarning, "boot-no-fallback", [](SoundDevice& d) { crypto::test::must(d.boot_control().mark_bad("B")); }},
    {"StrangeGrubCfg", kBad, "boot-script", [](SoundDevice& d) { d.write("esp/grub.cfg", "linux /vmlinuz\nboot\n"); }},
    {"GrubCfgOutOfReach", kUnknown, "boot-script", [](SoundDevice& d) { fs::remove(d.at("esp/grub.cfg")); }},
};

constexpr Seed kSlotSeeds[] = {
    {"SlotGone", kBad, "slot-missing", [](SoundDevice& d) { fs::remove(d.at("dev/sda4")); }},
    {"SlotSizesDiffer", kWarning, "slot-sizes", [](SoundDevice& d) { fs::resize_file(d.at("dev/sda5"), 2 << 20); }},
    {"TwoSlotsOnOneDevice", kBad, "slot-same-device",
     [](SoundDevice& d) {
       fs::remove(d.at("dev/sda5"));
       d.link("sda4", "dev/sda5");
     }},
    {"OtherGroupMounted", kBad, "slot-mounted",
     [](SoundDevice& d) { d.add("proc/self/mountinfo", "23 21 8:5 / /mnt rw - ext4 /dev/sda5 rw"); }},
    {"OtherGroupMountedReadOnly", kBad, "slot-mounted",
     [](SoundDevice& d) { d.add("proc/self/mountinfo", "23 21 8:4 / /boot ro - ext4 /dev/sda4 ro"); }},
    {"BootedSlotMountedTwice", kWarning, "slot-mounted-twice",
     [](SoundDevice& d) { d.add("proc/self/mountinfo", "23 21 8:3 / /mnt rw - ext4 /dev/sda3 rw"); }},
    {"RootByALabelOfTwo", kBad, "slot-duplicate-id",
     [](SoundDevice& d) { d.edit("proc/cmdline", "root=PARTLABEL=rootfs-a", "root=LABEL=rootfs"); }},
    {"FstabByAnIdOfTwo", kBad, "slot-duplicate-id",
     [](SoundDevice& d) { d.add("etc/fstab", "UUID=62626262-6262-6262-6262-626262626262 /boot ext4 ro 0 2"); }},
    {"ClonedDisk", kBad, "partition-duplicate-name",
     [](SoundDevice& d) { d.write("sys/class/block/sdb3/uevent", "DEVNAME=sdb3\nPARTNAME=rootfs-a\n"); }},
};

constexpr Seed kStateSeeds[] = {
    {"StateOnASlot", kBad, "state-on-slot", [](SoundDevice& d) { d.edit("proc/self/mountinfo", "/dev/sda6", "/dev/sda2"); }},
    {"StateOnRoot", kWarning, "state-on-root",
     [](SoundDevice& d) { d.write("proc/self/mountinfo", "21 1 8:9 / / rw - ext4 /dev/sda9 rw\n"); }},
    {"StateInMemory", kBad, "state-in-memory", [](SoundDevice& d) { d.edit("proc/self/mountinfo", "ext4 /dev/sda6", "tmpfs tmpfs"); }},
    {"StateReadOnly", kBad, "state-read-only", [](SoundDevice& d) { d.edit("proc/self/mountinfo", "sda6 rw", "sda6 ro"); }},
    {"StateFull", kBad, "state-full", [](SoundDevice& d) { d.space.free_bytes = 1 << 20; }},
    {"StateOutOfInodes", kBad, "state-inodes", [](SoundDevice& d) { d.space.free_inodes = 3; }},
    {"StateThatCannotBeLookedAt", kBad, "state-unwritable",
     [](SoundDevice& d) {
       d.places.space = [](const fs::path&) -> Result<Space> { return fail(ErrorCode{1, ErrorKind::ask, "test"}, "not allowed"); };
     }},
    {"NoRoomForLogs", kWarning, "state-space-low", [](SoundDevice& d) { d.space.free_bytes = 8 << 20; }},
    {"FloorDamaged", kBad, "floor",
     [](SoundDevice& d) {
       d.write("state/floor.0", "x");
       d.write("state/floor.1", "y");
     }},
    {"FloorNotRaisedAfterACommit", kBad, "floor-behind",
     [](SoundDevice& d) {
       update::State committed{.phase = update::Phase::committed, .update = 1, .time_ms = 1'600'000'000'000};
       committed.security_version = 4;
       d.write("state/journal", update::journal_line(committed) + update::journal_line({.phase = update::Phase::failed, .update = 2}));
     }},
    {"SharedSlotThatRefuses", kWarning, "shared-slot-behind",
     [](SoundDevice& d) {
       d.write("state/switches", R"({"loader":{"sha256":")" + std::string(64, '0') +
                                     R"(","size":1,"due":1,"error":4026,"message":"E4026 emmc-refuses: it does not switch"}})");
     }},
    {"SharedSlotsAreForgotten", kWarning, "shared-slot-behind", [](SoundDevice& d) { d.write("state/switches", "{\"loader\""); }},
};

constexpr Seed kTrustSeeds[] = {
    {"NoAnchor", kBad, "trust-missing", [](SoundDevice& d) { fs::remove(d.at("trust/root.pem")); }},
    {"DamagedAnchor", kBad, "trust-unreadable", [](SoundDevice& d) { d.write("trust/root.pem", "-----BEGIN CERTIFICATE-----\n"); }},
    {"AnchorExpired", kBad, "trust-expired", [](SoundDevice& d) { d.clock.advance(8 * test::kYear); }},
    {"AnchorExpiresSoon", kWarning, "trust-expires-soon", [](SoundDevice& d) { d.clock.advance(7 * test::kYear - std::chrono::days(30)); }},
    {"CrlExpired", kBad, "crl-expired",
     [](SoundDevice& d) {
       const auto issuer = d.authority.issuer();
       d.write("trust/root.crl",
               crypto::test::must(crypto::make_crl(issuer, {}, "", d.clock.now() - std::chrono::days(100), std::chrono::days(30))));
     }},
    {"CrlExpiresSoon", kWarning, "crl-expires-soon",
     [](SoundDevice& d) {
       const auto issuer = d.authority.issuer();
       d.write("trust/root.crl", crypto::test::must(crypto::make_crl(issuer, {}, "", d.clock.now(), std::chrono::days(30))));
     }},
    {"AnchorWritableByAll", kBad, "trust-writable", [](SoundDevice& d) { fs::permissions(d.at("trust/root.pem"), fs::perms(0666)); }},
    {"KeyReadableByAll", kBad, "key-mode", [](SoundDevice& d) { d.write("state/device-key.pem", "secret", 0644); }},
};

constexpr Seed kResetSeeds[] = {
    {"PanicStopsForEver", kBad, "panic-timeout", [](SoundDevice& d) { d.write("proc/sys/kernel/panic", "0\n"); }},
    {"EarlyPanicStopsForEver", kWarning, "panic-early", [](SoundDevice& d) { d.edit("proc/cmdline", "panic=5 ", ""); }},
    {"PanicOutOfReach", kUnknown, "panic-timeout", [](SoundDevice& d) { fs::remove(d.at("proc/sys/kernel/panic")); }},
    {"StuckProcessorStaysStuck", kWarning, "lockup-panic", [](SoundDevice& d) { d.write("proc/sys/kernel/softlockup_panic", "0\n"); }},
    {"NobodyLooksForStuckProcessors", kWarning, "lockup-panic", [](SoundDevice& d) { d.write("proc/sys/kernel/soft_watchdog", "0\n"); }},
    {"ProcessorStuckEarlyStaysStuck", kWarning, "lockup-early", [](SoundDevice& d) { d.edit("proc/cmdline", "softlockup_panic=1 ", ""); }},
    {"WatchdogGone", kWarning, "watchdog-missing", [](SoundDevice& d) { fs::remove(d.at("dev/watchdog")); }},
    {"NoWatchdogConfigured", kWarning, "watchdog-none", [](SoundDevice& d) { d.add("system.toml", "[watchdog]\ndevice = \"\""); }},
    {"WatchdogHeldBySystemd", kWarning, "watchdog-held", [](SoundDevice& d) { d.link("/dev/watchdog0", "proc/1/fd/7"); }},
    {"WatchdogSlowerThanTheTrial", kWarning, "watchdog-timeout",
     [](SoundDevice& d) { d.add("system.toml", "[watchdog]\ntimeout_s = 120"); }},
    {"WatchdogBeyondItsDriver", kWarning, "watchdog-timeout",
     [](SoundDevice& d) { d.write("sys/class/watchdog/watchdog0/max_timeout", "30\n"); }},
    {"WatchdogTooQuick", kWarning, "watchdog-timeout", [](SoundDevice& d) { d.add("system.toml", "[watchdog]\ntimeout_s = 5"); }},
    {"WatchdogWithoutAWayOut", kWarning, "watchdog-nowayout",
     [](SoundDevice& d) { d.write("sys/class/watchdog/watchdog0/nowayout", "1\n"); }},
    {"WatchdogThatIsLocked", kWarning, "watchdog-nowayout", [](SoundDevice& d) { d.add("system.toml", "[watchdog]\nlocked = true"); }},
    {"WatchdogWithoutMagicClose", kWarning, "watchdog-no-magic-close",
     [](SoundDevice& d) { d.write("sys/class/watchdog/watchdog0/options", "0x8080\n"); }},
};

constexpr Seed kClockSeeds[] = {
    {"ClockIn1970", kBad, "clock-past", [](SoundDevice& d) { d.clock.advance(-56 * test::kYear); }},
    {"ClockBeforeTheLastUpdate", kBad, "clock-past", [](SoundDevice& d) { d.clock.advance(-std::chrono::days(2)); }},
    {"ClockIn2099", kBad, "clock-future", [](SoundDevice& d) { d.clock.advance(73 * test::kYear); }},
    {"NoRealTimeClock", kWarning, "rtc-missing", [](SoundDevice& d) { fs::remove(d.at("sys/class/rtc/rtc0")); }},
};

constexpr Seed kServiceSeeds[] = {
    {"CheckNotExecutable", kWarning, "health-not-executable", [](SoundDevice& d) { d.write("health.d/20-camera", "#!/bin/sh\n"); }},
    {"NothingToJudgeATrialBy", kWarning, "health-nothing",
     [](SoundDevice& d) {
       fs::remove(d.at("health.d/10-ok"));
       fs::remove_all(d.at("run/systemd"));
     }},
    {"AgentNotEnabled", kBad, "unit-disabled",
     [](SoundDevice& d) { fs::remove(d.at("etc/systemd/system/multi-user.target.wants/aloftd.service")); }},
    {"NoUnitForAFailedAgent", kWarning, "unit-missing",
     [](SoundDevice& d) { fs::remove(d.at("etc/systemd/system/aloftd-failed.service")); }},
    {"AgentStopped", kWarning, "daemon-stopped", [](SoundDevice& d) { fs::remove(d.at("sock")); }},
};

std::string seed_name(const ::testing::TestParamInfo<Seed>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Config, Seeded, ::testing::ValuesIn(kConfigSeeds), seed_name);
INSTANTIATE_TEST_SUITE_P(Boot, Seeded, ::testing::ValuesIn(kBootSeeds), seed_name);
INSTANTIATE_TEST_SUITE_P(Slots, Seeded, ::testing::ValuesIn(kSlotSeeds), seed_name);
INSTANTIATE_TEST_SUITE_P(State, Seeded, ::testing::ValuesIn(kStateSeeds), seed_name);
INSTANTIATE_TEST_SUITE_P(Trust, Seeded, ::testing::ValuesIn(kTrustSeeds), seed_name);
INSTANTIATE_TEST_SUITE_P(Reset, Seeded, ::testing::ValuesIn(kResetSeeds), seed_name);
INSTANTIATE_TEST_SUITE_P(Clock, Seeded, ::testing::ValuesIn(kClockSeeds), seed_name);
INSTANTIATE_TEST_SUITE_P(Services, Seeded, ::testing::ValuesIn(kServiceSeeds), seed_name);

// With U-Boot's environment in place of GRUB's.
Verdict script_verdict(const std::string& convention, const boot::UbootVariables& variables) {
  SoundDevice device;
  const std::string env = crypto::test::must(boot::format_uboot_env({.flags = 1, .variables = variables}, true, 0x1000));
  device.write("env", env + env);
  device.write("fw_env.config", device.at("env").string() + " 0 0x1000\n" + device.at("env").string() + " 0x1000 0x1000\n");
  device.edit("system.toml", "loader = \"grub\"\n",
              "loader = \"uboot\"\nconvention = \"" + convention + "\"\nfw_env_config = \"" + device.at("fw_env.config").string() + "\"\n");
  device.edit("system.toml", "grubenv = ", "initial_env = ");
  if (convention == "bootcount") device.add("system.toml", "[boot.part]\nA = 2\nB = 3");
  for (const Finding& finding : device.examined())
    if (finding.name == "boot-script") return finding.verdict;
  return Verdict::warning;
}

TEST(DoctorScript, OfUbootIsJudgedByTheEnvironmentWhereItIsThere) {
  EXPECT_EQ(script_verdict("boot-order", {{"BOOT_ORDER", "A B"}}), Verdict::unknown);
  EXPECT_EQ(script_verdict("boot-order", {{"bootcmd", "source ${scriptaddr}"}}), Verdict::unknown);
  EXPECT_EQ(script_verdict("boot-order", {{"bootcmd", "for s in ${BOOT_ORDER}; do run try; done"}}), Verdict::good);
  EXPECT_EQ(script_verdict("bootcount", {{"bootcmd", "run load"}}), Verdict::bad);
  EXPECT_EQ(script_verdict("bootcount", {{"bootcmd", "run load"}, {"altbootcmd", "setenv mender_boot_part 3; saveenv; run bootcmd"}}),
            Verdict::good);
}

// Beside a server of its own, which answers with a time.
class DoctorServer : public ::testing::Test {
 protected:
  DoctorServer() {
    SSL_CTX_use_PrivateKey(tls_.get(), key_.native());
    SSL_CTX_use_certificate(tls_.get(), certificate_.native());
    device_.write("state/enrolled", "");
    set_server(certificate_.fingerprint());
  }
  void set_server(const std::string& fingerprint) {
    device_.add("system.toml", "[server]\nurl = \"" + url() + "\"\nfingerprint = \"" + fingerprint + "\"");
  }
  std::string url() const { return server_.url(""); }
  void date(WallTime time) {
    const auto unix_s = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    std::array<char, 64> text{};
    std::tm parts{};
    ::gmtime_r(&unix_s, &parts);
    std::strftime(text.data(), text.size(), "Date: %a, %d %b %Y %H:%M:%S GMT", &parts);
    date_ = text.data();
  }

  SoundDevice device_;
  std::string date_;
  crypto::PrivateKey key_ = crypto::test::must(crypto::PrivateKey::generate(crypto::KeyType::p256));
  crypto::Certificate certificate_ =
      crypto::test::must(crypto::make_server_certificate(key_, {"127.0.0.1"}, SystemClock().now(), std::chrono::days(2)));
  std::unique_ptr<SSL_CTX, decltype([](SSL_CTX* context) { SSL_CTX_free(context); })> tls_{SSL_CTX_new(TLS_server_method())};
  net::FakeServer server_{[this](const net::Received&) { return net::Answer{.headers = {date_}, .body = "hello"}; }, tls_.get()};
};

TEST_F(DoctorServer, IsAskedForItsTimeAndMayBeSound) {
  date(device_.clock.now() + std::chrono::minutes(3));
  const auto findings = device_.examined();
  EXPECT_THAT(complaints(findings), IsEmpty()) << told(findings);
  date(device_.clock.now() + std::chrono::minutes(9));
  EXPECT_THAT(complaints(device_.examined()), ElementsAre("server-time"));
}

TEST_F(DoctorServer, DoesNotKnowThisDevice) {
  fs::remove(device_.at("state/enrolled"));
  EXPECT_THAT(complaints(device_.examined()), ElementsAre("server-not-enrolled"));
  ASSERT_TRUE(key_.save(device_.at("state/device-key.pem")));
  EXPECT_THAT(told(device_.examined()), testing::HasSubstr(to_hex(crypto::test::must(crypto::public_key_sha256(key_.native())))));
}

TEST_F(DoctorServer, IsAnother) {
  device_.edit("system.toml", certificate_.fingerprint(), std::string(64, 'a'));
  EXPECT_THAT(complaints(device_.examined()), ElementsAre("server-unreachable"));
}

TEST_F(DoctorServer, CannotBeKnownByADamagedToken) {
  device_.write("token", "nonsense", 0600);
  device_.edit("system.toml", "fingerprint = \"" + certificate_.fingerprint(), "enrol_token_file = \"" + device_.at("token").string());
  EXPECT_THAT(complaints(device_.examined()), ElementsAre("server-config"));
}

TEST_F(DoctorServer, NeedsANameForTheDevice) {
  device_.write("etc/machine-id", "");
  EXPECT_THAT(complaints(device_.examined()), ElementsAre("device-name"));
}

}  // namespace
}  // namespace aloft::agent
