// What the device reads of a hawkBit-compatible server, and what it tells it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/errors.hpp"
#include "ddi/client_answers.hpp"
#include "ddi/client_feedback.hpp"
#include "ddi/errors.hpp"

namespace aloft::ddi {
namespace {

using protocol::Report;
using protocol::UpdateState;
using std::chrono::seconds;

constexpr std::uint64_t kHeldNumber = 8064;

TEST(Sleep, IsHoursMinutesSeconds) {
  EXPECT_EQ(seconds_of_sleep("00:05:00"), seconds(300));
  EXPECT_EQ(seconds_of_sleep("23:59:59"), seconds(86'399));
  EXPECT_EQ(seconds_of_sleep("00:00:00"), seconds(1)) << "never without a pause";
  for (const char* wrong : {"", "5", "0:05:00", "00:60:00", "00:05:0x", "25:00:00", "-1:00:00", "00-05-00", "00:05:000"})
    EXPECT_FALSE(seconds_of_sleep(wrong)) << wrong;
}

TEST(ReadPoll, FindsTheLinksByTheirAction) {
  const auto poll = read_poll(R"({"config":{"polling":{"sleep":"00:01:00"}},"_links":{
    "deploymentBase":{"href":"http://internal:8080/DEFAULT/controller/v1/deploymentBase/deploymentBase/17?c=-2135"},
    "installedBase":{"href":"https://h/t/controller/v1/d/installedBase/16"},"configData":{"href":"https://h/x"}},"more":[1]})");
  ASSERT_TRUE(poll);
  EXPECT_EQ(poll->sleep, seconds(60));
  EXPECT_EQ(poll->deployment, (ActionLink{"17", "?c=-2135"}));
  EXPECT_EQ(poll->installed, (ActionLink{"16", ""}));
  EXPECT_TRUE(poll->attributes_wanted);
  EXPECT_FALSE(poll->cancellation);
}

TEST(ReadPoll, TakesNoLinkThatCouldLeadElsewhere) {
  for (const char* href : {"https://h/x/deploymentBase/", "https://h/x/deploymentBase/../../admin", "https://h/x/deploymentBase/1 HTTP/1.1",
                           "https://h/x/deploymentBase/1/feedback", "https://h/x?y=/deploymentBase/7", "17"}) {
    const auto poll = read_poll(R"({"_links":{"deploymentBase":{"href":")" + std::string(href) + "\"}}}");
    ASSERT_TRUE(poll) << href;
    EXPECT_FALSE(poll->deployment) << href;
  }
}

TEST(ReadPoll, IsLenientAboutWhatItDoesNotNeed) {
  for (const char* text :
       {"{}", R"({"config":7,"_links":[]})", R"({"config":{"polling":{"sleep":300}},"_links":{"deploymentBase":"x"}})"}) {
    const auto poll = read_poll(text);
    ASSERT_TRUE(poll) << text;
    EXPECT_EQ(poll->sleep, kPollWithoutWord);
    EXPECT_FALSE(poll->deployment);
  }
  EXPECT_FALSE(read_poll("[]"));
  EXPECT_FALSE(read_poll("<html>it works</html>"));
}

std::string deployment_text(const std::string& artifacts, const std::string& more = R"("download":"forced","update":"forced",)") {
  return R"({"id":"8","deployment":{)" + more + R"("chunks":[{"part":"os","version":"2","name":"fw","artifacts":[)" + artifacts + "]}]}}";
}
const std::string kNotes = R"({"filename":"notes.txt","hashes":{},"size":3,"_links":{"download":{"href":"https://h/notes.txt"}}})";
const std::string kBundle =
    R"({"filename":"fw.aloft","hashes":{"sha1":"aa","sha256":"bb"},"size":3000000000,"_links":{"download-http":{"href":"http://h/fw.aloft#frag"}}})";

TEST(ReadDeployment, FindsTheBundleAmongTheFiles) {
  const auto deployment = read_deployment(deployment_text(kNotes + "," + kBundle), false);
  ASSERT_TRUE(deployment);
  EXPECT_EQ(deployment->update, Handling::forced);
  EXPECT_FALSE(deployment->window_open);
  const auto file = bundle_among(deployment->files);
  ASSERT_TRUE(file) << file.error().text();
  EXPECT_EQ(file->href, "http://h/fw.aloft");
  EXPECT_EQ(file->size_bytes, 3'000'000'000U);
  EXPECT_EQ(identity_of(*file), "bb");
}

TEST(ReadDeployment, PrefersTheSafeLink) {
  const auto deployment = read_deployment(
      deployment_text(R"({"filename":"a.aloft","_links":{"download-http":{"href":"http://h/a"},"download":{"href":"https://h/a"}}})"),
      false);
  EXPECT_EQ(bundle_among(deployment.value().files).value().href, "https://h/a");
}

TEST(ReadDeployment, KnowsHandlingAndWindow) {
  const auto held =
      read_deployment(deployment_text(kBundle, R"("download":"forced","update":"skip","maintenanceWindow":"unavailable",)"), false);
  EXPECT_EQ(held.value().update, Handling::skip);
  EXPECT_EQ(held.value().window_open, false);
  const auto soft =
      read_deployment(deployment_text(kBundle, R"("download":"attempt","update":"a later word","maintenanceWindow":"available",)"), false);
  EXPECT_EQ(soft.value().update, Handling::attempt);
  EXPECT_EQ(soft.value().window_open, true);
  EXPECT_FALSE(read_deployment(deployment_text(kBundle), true)) << "it is no confirmation";
  EXPECT_TRUE(read_deployment(R"({"confirmation":{"chunks":7}})", true).value().files.empty());
}

TEST(BundleAmong, RefusesNoneSeveralAndOneWithoutALink) {
  const auto number_of = [](const std::string& artifacts) {
    const auto file = bundle_among(read_deployment(deployment_text(artifacts), false).value().files);
    return file ? std::string() : std::string(file.error().code.name) + ": " + file.error().message;
  };
  EXPECT_THAT(number_of(""),
              testing::StartsWith("no-single-bundle: an update is one file that ends in .aloft; the deployment has no file;"));
  EXPECT_THAT(number_of(kNotes), testing::HasSubstr("has 0 among \"notes.txt\""));
  EXPECT_THAT(number_of(kBundle + "," + kBundle), testing::HasSubstr("has 2 among"));
  EXPECT_THAT(number_of(R"({"filename":"a.aloft","_links":{}})"), testing::StartsWith("no-download-link"));
  EXPECT_THAT(number_of(R"({"filename":"a.aloft","_links":{"download":{"href":"http://h/a b\r\nX: y"}}})"),
              testing::StartsWith("no-download-link"));
}

TEST(ReadStop, TakesNumbersAndText) {
  EXPECT_EQ(read_stop(R"({"id":"11","cancelAction":{"stopId":"12"}})"), "12");
  EXPECT_EQ(read_stop(R"({"cancelAction":{"stopId":12}})"), "12");
  for (const char* text : {"{}", "[", R"({"cancelAction":{"stopId":"../1"}})", R"({"cancelAction":{"stopId":-1}})"})
    EXPECT_FALSE(read_stop(text)) << text;
}

Report report(UpdateState state, std::uint64_t error = 0, const std::string& message = "") {
  return {.deployment = 7,
          .sequence = 1,
          .time_ms = 1'800'000'000'000,
          .state = state,
          .error = error,
          .message = message,
          .progress_permille = {}};
}

struct Mapping {
  UpdateState state;
  std::uint64_t error;
  Execution execution;
  Finished finished;
};

class Told : public ::testing::TestWithParam<Mapping> {};

// Both sides of the protocol are of this project: what the device says is what its own server reads.
TEST_P(Told, AsTheServerReadsIt) {
  const Mapping& expected = GetParam();
  const auto said = utterance_of(report(expected.state, expected.error, "why"), kHeldNumber, std::nullopt);
  ASSERT_TRUE(said);
  EXPECT_EQ(said->execution, expected.execution);
  EXPECT_EQ(said->finished, expected.finished);
  EXPECT_EQ(said->closes(), protocol::is_final(expected.state)) << "closed is said at the end, and then only";
  const auto heard = read_feedback(feedback_json("7", *said).dump());
  ASSERT_TRUE(heard);
  EXPECT_EQ(heard->execution, expected.execution);
  EXPECT_EQ(heard->finished, expected.finished);
  EXPECT_THAT(heard->message, testing::HasSubstr("why"));
  EXPECT_EQ(heard->code, expected.error == 0 ? std::nullopt : std::optional(static_cast<std::int64_t>(expected.error)));
}

using E = Execution;
using F = Finished;
using S = UpdateState;
INSTANTIATE_TEST_SUITE_P(
    States, Told,
    ::testing::Values(Mapping{S::offered, 0, E::proceeding, F::none}, Mapping{S::accepted, 0, E::proceeding, F::none},
                      Mapping{S::downloading, 0, E::download, F::none}, Mapping{S::installing, 0, E::proceeding, F::none},
                      Mapping{S::verified, 0, E::downloaded, F::none}, Mapping{S::armed, 0, E::proceeding, F::none},
                      Mapping{S::rebooting, 0, E::proceeding, F::none}, Mapping{S::on_trial, 0, E::proceeding, F::none},
                      Mapping{S::committed, 0, E::closed, F::success}, Mapping{S::rolled_back, 6003, E::closed, F::failure},
                      Mapping{S::failed, 3001, E::closed, F::failure}, Mapping{S::deferred, 8042, E::scheduled, F::none},
                      Mapping{S::deferred, kHeldNumber, E::downloaded, F::none}, Mapping{S::cancelled, 0, E::closed, F::failure}));

TEST(UtteranceOf, WhatGoesOnIsResumed) {
  EXPECT_EQ(utterance_of(report(S::accepted), kHeldNumber, S::deferred)->execution, E::resumed);
  EXPECT_EQ(utterance_of(report(S::accepted), kHeldNumber, S::offered)->execution, E::proceeding);
  EXPECT_FALSE(utterance_of(report(S::offered), kHeldNumber, S::offered)) << "said already";
}

TEST(UtteranceOf, ProgressIsCountedInHundreds) {
  Report half = report(S::installing);
  half.progress_permille = 505;
  const Json json = feedback_json("7", *utterance_of(half, kHeldNumber, S::installing));
  EXPECT_EQ(json["status"]["result"]["progress"], (Json{{"cnt", 50}, {"of", 100}}));
  EXPECT_EQ(json["timestamp"], 1'800'000'000'000U);
  EXPECT_EQ(json["time"], "20270115T080000");
  half.time_ms = 3000;
  EXPECT_FALSE(feedback_json("7", *utterance_of(half, kHeldNumber, S::installing)).contains("timestamp")) << "no clock that was never set";
}

TEST(DetailsOf, FitWhatServersTake) {
  EXPECT_EQ(details_of("a\n\nb"), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(details_of("<b>\tx"), std::vector<std::string>{"(b) x"});
  const auto parts = details_of(std::string(511, 'x') + "\xc3\xa4" + std::string(10, 'y'));
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(parts[0], std::string(511, 'x')) << "no character is cut in two";
  EXPECT_LE(details_of(std::string(100'000, 'x')).size(), kMaxDetails);
  EXPECT_LE(details_of(std::string(1000, '\x80')).size(), kMaxDetails) << "what is no UTF-8 comes to an end too";
}

TEST(ConfigDataJson, KeepsToTheLimits) {
  std::map<std::string, std::string> many{{"key", std::string(127, 'x') + "\xc3\xa4"}};
  for (int i = 0; i < 200; ++i) many["z" + std::to_string(i)] = "v";
  const Json json = config_data_json(many, true);
  EXPECT_EQ(json["mode"], "replace");
  EXPECT_EQ(json["data"].size(), kMaxSentAttributes);
  EXPECT_EQ(json["data"]["key"], std::string(127, 'x'));
}

TEST(AnswerToStop, StopsUntilItIsTooLate) {
  EXPECT_EQ(answer_to_stop(std::nullopt, false, false), StopAnswer::stopped);
  EXPECT_EQ(answer_to_stop(std::nullopt, false, true), StopAnswer::not_yet);
  EXPECT_EQ(answer_to_stop(S::installing, true, true), StopAnswer::not_yet);
  EXPECT_EQ(answer_to_stop(S::cancelled, false, true), StopAnswer::stopped);
  for (const auto state : {S::verified, S::armed, S::rebooting, S::on_trial, S::committed, S::rolled_back, S::failed})
    EXPECT_EQ(answer_to_stop(state, false, true), StopAnswer::too_late);
}

}  // namespace
}  // namespace aloft::ddi
