#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/backoff.hpp"
#include "agent/client.hpp"
#include "agent/command_line.hpp"
#include "agent/deferral.hpp"
#include "agent/errors.hpp"
#include "agent/identity.hpp"
#include "agent/idle_memory.hpp"
#include "agent/log_ring.hpp"
#include "agent/test_folder.hpp"
#include "agent/trial.hpp"
#include "base/file.hpp"

namespace aloft::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, DoublesWithJitterUpToItsLimit) {
  SeededRandom random(1);
  Backoff backoff(random, milliseconds(1000), milliseconds(8000));
  for (const int step : {1000, 2000, 4000, 8000, 8000, 8000}) {
    const auto delay = backoff.next();
    EXPECT_GE(delay, milliseconds(step / 2));
    EXPECT_LE(delay, milliseconds(step));
  }
  backoff.reset();
  EXPECT_LE(backoff.next(), milliseconds(1000));
}

TEST(Deferral, OutlivesARestartAndEnds) {
  const test::Folder folder;
  FakeClock clock;
  {
    Deferral deferral(folder / "until", clock);
    EXPECT_EQ(deferral.left(), milliseconds(0));
    ASSERT_TRUE(deferral.set(clock.now() + seconds(60)));
  }
  Deferral deferral(folder / "until", clock);
  EXPECT_EQ(deferral.left(), seconds(60));
  clock.advance(seconds(61));
  EXPECT_EQ(deferral.left(), milliseconds(0));
}

TEST(Deferral, OneFromAWrongClockIsNone) {
  const test::Folder folder;
  FakeClock clock;
  Deferral deferral(folder / "until", clock);
  ASSERT_TRUE(deferral.set(clock.now() + std::chrono::hours(24 * 365)));
  EXPECT_EQ(deferral.left(), milliseconds(0));
}

// Under the sanitizers: nothing is subtracted from it that leads out of its type.
TEST(Deferral, OneAtTheEndOfTimeIsNone) {
  const test::Folder folder;
  FakeClock clock;
  for (const char* time : {"-9223372036854775808", "9223372036854775807"}) {
    ASSERT_TRUE(replace_file(folder / "until", time));
    EXPECT_EQ(Deferral(folder / "until", clock).left(), milliseconds(0)) << time;
  }
}

TEST(LogRing, KeepsTheLatestWithinItsBounds) {
  LogRing ring;
  for (int line = 0; line < 5000; ++line) ring.add("line " + std::to_string(line) + std::string(40, '.'));
  EXPECT_LE(ring.text().size(), kLogRingBytes);
  EXPECT_THAT(ring.text(), testing::HasSubstr("line 4999."));
  EXPECT_THAT(ring.text(), testing::Not(testing::HasSubstr("line 10.")));
  ring.add(std::string(kLogRingBytes * 2, 'x'));
  EXPECT_LE(ring.text().size(), kLogRingBytes);
}

TEST(Identity, TokensAreParsedStrictlyAndNeverShown) {
  const std::string digest(64, 'a');
  const auto token = parse_enrol_token("  c2VjcmV0." + digest + "\n");
  ASSERT_TRUE(token);
  EXPECT_EQ(token->secret, "c2VjcmV0");
  for (const std::string& bad :
       {std::string(), std::string("c2VjcmV0"), "c2VjcmV0." + digest.substr(1), "." + digest, "se cret." + digest}) {
    const auto refused = parse_enrol_token(bad);
    ASSERT_FALSE(refused) << bad;
    EXPECT_THAT(refused.error().message, testing::Not(testing::HasSubstr("c2VjcmV0")));
  }
}

TEST(Identity, TheTokensCertificateIsKeptBeyondTheToken) {
  const test::Folder folder;
  ServerConfig server{.url = "https://x"};
  server.enrol_token_file = folder / "token";
  EXPECT_TRUE(std::holds_alternative<net::SystemTrust>(server_trust(server, folder.path()).value()));
  const crypto::Digest pin = net::parse_fingerprint(std::string(64, 'a')).value();
  ASSERT_TRUE(keep_pin(folder.path(), pin));
  EXPECT_EQ(std::get<net::PinnedCertificate>(server_trust(server, folder.path()).value()).sha256, pin);
  ASSERT_TRUE(replace_file(folder / "token", "c2VjcmV0." + std::string(64, 'b') + "\n"));
  EXPECT_EQ(std::get<net::PinnedCertificate>(server_trust(server, folder.path()).value()).sha256,
            net::parse_fingerprint(std::string(64, 'b')).value());
  server.ca_file = "/ca.pem";
  EXPECT_TRUE(std::holds_alternative<net::CaFile>(server_trust(server, folder.path()).value()));
}

TEST(Identity, AHawkbitServerIsNotKnownByTheOtherServersPin) {
  const test::Folder folder;
  ASSERT_TRUE(keep_pin(folder.path(), net::parse_fingerprint(std::string(64, 'a')).value()));
  const ServerConfig server{.url = "https://x", .hawkbit = HawkbitConfig{}};
  EXPECT_TRUE(std::holds_alternative<net::SystemTrust>(server_trust(server, folder.path()).value()));
  ServerConfig named = server;
  named.name = "00:11/\xc3\xa4";
  EXPECT_EQ(device_name(named, "machine").value(), named.name) << "controller ids are freer";
  EXPECT_EQ(device_name(server, "machine").value(), "machine");
  named.name = "a\nb";
  EXPECT_FALSE(device_name(named, "machine"));
}

TEST(Identity, TheKeyIsMadeOnceAndPrivate) {
  const test::Folder folder;
  const auto first = load_or_make_device_key(folder.path());
  ASSERT_TRUE(first);
  EXPECT_EQ(load_or_make_device_key(folder.path()).value().public_pem(), first->public_pem());
  EXPECT_EQ(std::filesystem::status(folder / "device-key.pem").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(IdleMemory, OnlyCleanPagesOfFilesAreGivenBack) {
  const auto found = clean_mappings(
      "55d0-55d8 r--p 00000000 fe:01 12  /usr/bin/aloftd\nRss: 4 kB\nPrivate_Dirty: 0 kB\nAnonymous: 0 kB\n"
      "55d8-55e0 r--p 00000000 fe:01 12  /usr/bin/aloftd\nRss: 4 kB\nPrivate_Dirty: 8 kB\nAnonymous: 8 kB\n"  // relocated
      "55e0-55e8 rw-p 00000000 fe:01 12  /usr/bin/aloftd\nPrivate_Dirty: 0 kB\nAnonymous: 0 kB\n"
      "55e8-55f0 rw-p 00000000 00:00 0  [heap]\nPrivate_Dirty: 0 kB\n"
      "55f0-55f8 r--s 00000000 fe:01 12  /shared\nPrivate_Dirty: 0 kB\n"
      "55f8-5600 r-xp 00000000 fe:01 12  /gone (deleted)\nPrivate_Dirty: 0 kB\n"
      "5600-5608 r--p 00000000 fe:01 12  /swapped\nSwap: 4 kB\n"
      "7f00-7f10 r-xp 00000000 fe:01 13  /usr/lib/libc.so.6\nPrivate_Dirty: 0 kB\nAnonymous: 0 kB\n");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].start, 0x55d0U);
  EXPECT_EQ(found[1].end, 0x7f10U);
  EXPECT_TRUE(clean_mappings("").empty());
  EXPECT_TRUE(clean_mappings("zz\n-\n12-\n12-34\n").empty());
  EXPECT_TRUE(clean_mappings("34-12 r-xp 0 fe:01 1 /lib\nAnonymous: 0 kB\n").empty());
}

TEST(IdleMemory, TheProgramRunsOn) {
  release_idle_memory();
  EXPECT_GT(resident_bytes(), 0U);
  EXPECT_EQ(std::to_string(12345), "12345");
}

TEST(Trial, AServerReachedOnceIsEnough) {
  ServerReach reach;
  reach.note(fail(Error{{1, ErrorKind::retry, "x"}, "no route"}));
  EXPECT_THAT(reach.problem(), testing::HasSubstr("no route"));
  EXPECT_FALSE(reach.wait_until(std::chrono::steady_clock::now()));
  reach.note({});
  reach.note(fail(Error{{1, ErrorKind::retry, "x"}, "no route"}));
  EXPECT_TRUE(reach.wait_until(std::chrono::steady_clock::now()));
  EXPECT_FALSE(reach.now());
}

TEST(Trial, IsJudgedByEveryCondition) {
  const test::Folder folder;
  const std::atomic<bool> stop = false;
  TrialRules rules{.health = {.dir = folder.path()}, .systemd = false, .server = "https://x"};
  const auto judge = [&](ServerReach& reach, milliseconds time) {
    return judge_trial(rules, reach, std::chrono::steady_clock::now() + time, stop);
  };
  ServerReach unreached;
  const auto verdict = judge(unreached, milliseconds(50));
  EXPECT_FALSE(verdict.healthy);
  EXPECT_THAT(verdict.reason, testing::HasSubstr("server https://x was not reached"));
  ServerReach reached;
  reached.note({});
  EXPECT_TRUE(judge(reached, seconds(30)).healthy);
  ASSERT_TRUE(replace_file(folder / "bad", "#!/bin/sh\nexit 1\n", 0755));
  EXPECT_FALSE(judge(reached, seconds(30)).healthy);
  std::filesystem::remove(folder / "bad");
  rules.health.require_server = false;
  EXPECT_TRUE(judge(unreached, seconds(30)).healthy);
  EXPECT_THAT(judge(unreached, seconds(-1)).reason, testing::HasSubstr("trial-deadline")) << "an agent that was started again too late";
}

TEST(Client, Durations) {
  EXPECT_EQ(parse_duration("90").value(), seconds(90));
  EXPECT_EQ(parse_duration("15m").value(), seconds(900));
  EXPECT_EQ(parse_duration("2h").value(), seconds(7200));
  EXPECT_EQ(parse_duration("30d").value(), seconds(30 * 86400));
  for (const char* bad : {"", "m", "-1s", "31d", "1w", "1.5h", "9999999999999999999"}) EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Client, SaysHowAnUpdateEndedThatWasWaitedFor) {
  for (const char* state : {"downloading", "installing", "rebooting", "committed"}) EXPECT_TRUE(ending_of({{"state", state}})) << state;
  const std::vector<std::pair<const char*, ErrorCode>> endings{
      {"failed", kUpdateFailed}, {"rolled-back", kUpdateRolledBack}, {"deferred", kUpdateDeferred}, {"cancelled", kCancelled}};
  for (const auto& [state, code] : endings) EXPECT_EQ(ending_of({{"state", state}}).error().code.number, code.number) << state;
  const Json failed{{"state", "failed"},
                    {"progress_permille", 450},
                    {"version", "2"},
                    {"error", {{"number", 7011}, {"name", "server-busy"}}},
                    {"message", "503"}};
  EXPECT_EQ(ending_of(failed).error().message, "the update failed 45.0%, version 2, E7011 server-busy: 503");
}

Result<CommandLine> parse(std::vector<const char*> words) { return parse_command_line(words); }

TEST(CommandLine, EveryVerbHasItsOptions) {
  const auto install = parse({"install", "--wait", "-", "--config", "/x"});
  ASSERT_TRUE(install) << install.error().text();
  EXPECT_EQ(install->argument, "-");
  EXPECT_TRUE(install->wait);
  EXPECT_EQ(install->config, "/x");
  EXPECT_TRUE(parse({"status", "--json"})->json);
  EXPECT_TRUE(parse({"defer", "--help"})->help);
  EXPECT_EQ(parse({"--version"})->verb, "version");
}

TEST(CommandLine, MisuseSaysHowItIsDone) {
  for (const std::vector<const char*>& words : std::vector<std::vector<const char*>>{{},
                                                                                     {"instal"},
                                                                                     {"install"},
                                                                                     {"install", "a", "b"},
                                                                                     {"status", "--wait"},
                                                                                     {"--json"},
                                                                                     {"daemon", "--config"},
                                                                                     {"defer", "5x"},
                                                                                     {"check", "now"}}) {
    const auto line = parse(words);
    ASSERT_FALSE(line);
    EXPECT_THAT(line.error().message, testing::HasSubstr("--help"));
  }
  for (const char* verb : {"", "daemon", "status", "install", "check", "defer", "accept", "cancel", "history", "doctor", "factory-reset"})
    EXPECT_THAT(usage(verb), testing::HasSubstr("usage: aloftd"));
}

}  // namespace
}  // namespace aloft::agent
