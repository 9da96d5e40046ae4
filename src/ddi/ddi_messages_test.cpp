#include <gtest/gtest.h>

#include "ddi/answers.hpp"
#include "ddi/config_data.hpp"
#include "ddi/errors.hpp"
#include "ddi/feedback.hpp"
#include "ddi/lenient_json.hpp"
#include "ddi/local_hour.hpp"
#include "protocol/messages.hpp"

namespace aloft::ddi {
namespace {

using protocol::UpdateState;

std::string feedback_text(const std::string& execution, const std::string& finished, const std::string& details = "[\"x\"]") {
  return R"({"id":7,"time":"20261125T120000","status":{"result":{"finished":")" + finished +
         R"(","progress":{"cnt":1,"of":4}},"execution":")" + execution + R"(","details":)" + details + "}}";
}

Verdict judged(const std::string& execution, const std::string& finished, Channel channel = Channel::deployment, bool skipped = false) {
  return judge(read_feedback(feedback_text(execution, finished)).value(), channel, skipped);
}

TEST(Feedback, EndsOnlyWithClosedAndCanceled) {
  struct Case {
    const char* execution;
    const char* finished;
    std::optional<UpdateState> state;
    Closing closing;
  };
  const Case cases[] = {{"closed", "success", UpdateState::committed, Closing::closed},
                        {"closed", "none", UpdateState::committed, Closing::closed},
                        {"closed", "failure", UpdateState::failed, Closing::closed},
                        {"canceled", "success", UpdateState::cancelled, Closing::closed},
                        {"proceeding", "none", UpdateState::installing, Closing::open},
                        {"proceeding", "failure", UpdateState::installing, Closing::open},
                        {"scheduled", "none", UpdateState::installing, Closing::open},
                        {"resumed", "none", UpdateState::installing, Closing::open},
                        {"download", "none", UpdateState::downloading, Closing::open},
                        {"downloaded", "success", UpdateState::downloading, Closing::open},
                        {"rejected", "none", std::nullopt, Closing::open}};
  for (const Case& one : cases) {
    const Verdict verdict = judged(one.execution, one.finished);
    EXPECT_EQ(verdict.state, one.state) << one.execution << one.finished;
    EXPECT_EQ(verdict.closing, one.closing) << one.execution << one.finished;
  }
  EXPECT_EQ(judged("closed", "failure").error, kReportedFailure.number);
}

TEST(Feedback, OfADeviceThatWasToldToSkipIsNoSuccess) {
  const Verdict verdict = judged("closed", "success", Channel::deployment, true);
  EXPECT_EQ(verdict.state, UpdateState::deferred);
  EXPECT_EQ(verdict.closing, Closing::open);
  EXPECT_EQ(judged("closed", "failure", Channel::deployment, true).state, UpdateState::failed);
}

TEST(Feedback, OnACancellationOnlyClosedConfirms) {
  EXPECT_EQ(judged("closed", "success", Channel::cancellation).closing, Closing::closed);
  EXPECT_EQ(judged("closed", "success", Channel::cancellation).state, UpdateState::cancelled);
  EXPECT_EQ(judged("closed", "failure", Channel::cancellation).state, UpdateState::failed);
  EXPECT_EQ(judged("rejected", "success", Channel::cancellation).closing, Closing::goes_on);
  EXPECT_EQ(judged("canceled", "success", Channel::cancellation).closing, Closing::open);
  EXPECT_EQ(judged("proceeding", "none", Channel::cancellation).state, std::nullopt);
}

TEST(Feedback, ReadsWhatClientsLeaveOutOrWriteInTheirOwnWay) {
  EXPECT_EQ(read_feedback(R"({"status":{"execution":"proceeding"}})")->finished, Finished::none);
  EXPECT_EQ(read_feedback(R"({"id":"7","status":{"execution":"closed","result":{"finished":"success"},"details":"one text","code":-3}})")
                ->message,
            "one text");
  const auto progress = [](const std::string& text) {
    return read_feedback(R"({"status":{"execution":"proceeding","result":{"progress":)" + text + "}}}")->progress_permille;
  };
  EXPECT_EQ(progress(R"({"cnt":1,"of":4})"), 250U);
  EXPECT_EQ(progress(R"({"cnt":5,"of":0})"), std::nullopt);
  EXPECT_EQ(progress(R"({"cnt":5,"of":2})"), std::nullopt);
  EXPECT_EQ(progress(R"({"cnt":-1,"of":2})"), std::nullopt);
  EXPECT_FALSE(read_feedback("{}"));
  EXPECT_FALSE(read_feedback(R"({"status":{"execution":"exploded"}})"));
  EXPECT_FALSE(read_feedback("[]"));
  EXPECT_FALSE(read_feedback(""));
}

TEST(Feedback, ReadsStringsThatNobodyEscaped) {
  const std::string raw = feedback_text("closed", "failure", "[\"cannot open \"/dev/sda\" now\nline two\", \"C:\\dir\\\x01\xff\"]");
  const Feedback feedback = read_feedback(raw).value();
  EXPECT_EQ(feedback.finished, Finished::failure);
  EXPECT_EQ(feedback.message, "cannot open \"/dev/sda\" now\nline two\nC:\\dir\\ ?");
}

TEST(Feedback, SeesWhereAStringCannotEnd) {
  const std::string raw = feedback_text("closed", "failure", R"(["cannot open "/dev/mtd3": busy, "x", y", "two"])");
  EXPECT_EQ(read_feedback(raw)->message, "cannot open \"/dev/mtd3\": busy, \"x\", y\ntwo");
}

TEST(Feedback, TellsHowItEndedEvenWhenTheDetailsAreBeyondRepair) {
  const Feedback feedback = read_feedback(feedback_text("closed", "failure", "[\"a\"b\":\" {\", \"c]")).value();
  EXPECT_EQ(feedback.execution, Execution::closed);
  EXPECT_EQ(feedback.finished, Finished::failure);
}

TEST(Feedback, KeepsLongDetailsShort) {
  std::string lines = "[";
  for (int i = 0; i < 1000; ++i) lines += "\"äöü a line of a log\",";
  const Feedback feedback = read_feedback(feedback_text("proceeding", "none", lines + "\"end\"]")).value();
  EXPECT_LE(feedback.message.size(), kMaxMessageBytes);
  EXPECT_TRUE(feedback.message.ends_with("..."));
}

TEST(LenientJson, LeavesGoodJsonAsItIs) {
  const std::string good = R"({"a": "x\"y\\z\u00e9", "b": [1, "", "ä"]})";
  EXPECT_EQ(parse_json(mended(good)).value(), parse_json(good).value());
}

TEST(ConfigData, MergesReplacesAndRemoves) {
  const std::map<std::string, std::string> before{{"a", "1"}, {"b", "2"}};
  const auto after = [&before](const std::string& text) { return applied(read_config_data(text).value(), before); };
  using Map = std::map<std::string, std::string>;
  EXPECT_EQ(after(R"({"data":{"a":"3","c":"4"}})"), (Map{{"a", "3"}, {"b", "2"}, {"c", "4"}}));
  EXPECT_EQ(after(R"({"mode":"merge","data":{"c":"4"}})"), (Map{{"a", "1"}, {"b", "2"}, {"c", "4"}}));
  EXPECT_EQ(after(R"({"id":"","time":"x","status":{},"mode":"replace","data":{"c":"4"}})"), (Map{{"c", "4"}}));
  EXPECT_EQ(after(R"({"mode":"remove","data":{"a":""}})"), (Map{{"b", "2"}}));
  EXPECT_FALSE(read_config_data(R"({"mode":"forget","data":{}})"));
  EXPECT_FALSE(read_config_data(R"({"mode":"merge"})"));
}

TEST(ConfigData, TakesWhatIsNoAttributeOfOurs) {
  const ConfigData change = read_config_data(R"({"data":{"a b":"x","n":5,"":"y","t":"1\n2"}})").value();
  EXPECT_EQ(change.data, (std::map<std::string, std::string>{{"a_b", "x"}, {"n", "5"}, {"t", "1 2"}}));
  const ConfigData longer =
      read_config_data(R"({"data":{")" + std::string(300, 'k') + R"(":")" + std::string(5000, 'v') + R"("}})").value();
  for (const auto& [key, value] : longer.data) {
    EXPECT_TRUE(protocol::is_attribute_key(key));
    EXPECT_TRUE(protocol::is_attribute_value(value));
  }
}

TEST(Answers, SleepAlwaysHasEightCharacters) {
  EXPECT_EQ(sleep_of(0), "00:00:01");
  EXPECT_EQ(sleep_of(300), "00:05:00");
  EXPECT_EQ(sleep_of(1'000'000), "23:59:59");
}

TEST(Answers, APollShowsOneThingToDo) {
  const PollAnswer answer{.sleep_s = 5, .todo = {.what = Todo::What::cancellation, .action = 7}, .attributes_wanted = true};
  EXPECT_EQ(to_json(answer, "http://h/default/controller/v1/d").dump(),
            R"({"_links":{"cancelAction":{"href":"http://h/default/controller/v1/d/cancelAction/7"},)"
            R"("configData":{"href":"http://h/default/controller/v1/d/configData"}},"config":{"polling":{"sleep":"00:00:05"}}})");
}

TEST(Answers, ADeploymentHasWhatTheStrictestClientWants) {
  const DeploymentAnswer answer{.action = 8,
                                .software = {.module = 3, .name = "fw", .version = "2", .artifact = {"fw.swu", "aa", "bb", "cc", 12}}};
  const Json json = to_json(answer, "http://h/DEFAULT/controller/v1/d");
  EXPECT_EQ(json["id"], "8");
  const Json& deployment = json["deployment"];
  EXPECT_EQ(deployment["update"], "forced");
  ASSERT_EQ(deployment["chunks"].size(), 1U);
  const Json& artifact = deployment["chunks"][0]["artifacts"][0];
  EXPECT_EQ(artifact["size"], 12);
  EXPECT_EQ(artifact["hashes"], (Json{{"sha1", "aa"}, {"md5", "bb"}, {"sha256", "cc"}}));
  for (const char* name : {"download", "download-http"})
    EXPECT_EQ(artifact["_links"][name]["href"], "http://h/DEFAULT/controller/v1/d/softwaremodules/3/artifacts/fw.swu");
}

TEST(LocalHour, ReadsOffsets) {
  EXPECT_EQ(utc_offset_minutes("+02:00"), 120);
  EXPECT_EQ(utc_offset_minutes("-0330"), -210);
  EXPECT_EQ(utc_offset_minutes("+5"), 300);
  EXPECT_EQ(utc_offset_minutes("Z"), 0);
  for (const char* bad : {"", "+", "02:00", "+99", "+02:", "+02:99", "+2:0:0", "Europe/Berlin"})
    EXPECT_EQ(utc_offset_minutes(bad), std::nullopt) << bad;
}

TEST(LocalHour, KeepsTheDevicesOwnTime) {
  // Thursday, 1 January 1970, 21:30 UTC; the window is Thursdays from 23:00 to 01:00.
  const protocol::MaintenanceWindow window{.days = 1U << 3, .from_minute = 23 * 60, .until_minute = 60};
  const std::uint64_t time_ms = (21 * 60 + 30) * 60'000ULL;
  EXPECT_FALSE(is_open_at(window, time_ms, 0));
  EXPECT_TRUE(is_open_at(window, time_ms, 120));
  EXPECT_TRUE(is_open_at(window, time_ms + 2 * 3'600'000ULL, 0));
  EXPECT_TRUE(is_open_at(window, time_ms + 3'000'000ULL * 1, 120));
}

}  // namespace
}  // namespace aloft::ddi
