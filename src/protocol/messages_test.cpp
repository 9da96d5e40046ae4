#include "protocol/messages.hpp"

#include <gtest/gtest.h>

namespace aloft::protocol {
namespace {

TEST(UpdateState, NamesRoundTrip) {
  for (int i = 0; i <= static_cast<int>(UpdateState::cancelled); ++i) {
    const auto state = static_cast<UpdateState>(i);
    EXPECT_EQ(*update_state_of(to_string(state)), state);
  }
  EXPECT_FALSE(update_state_of("on_trial"));
}

TEST(Messages, SurviveTheWire) {
  const Assignment assignment{Assignment::Deployment{7, "2.0", std::string(64, 'a'), 1ULL << 40}};
  const auto read = from_json<Assignment>(*parse_json(to_json(assignment).dump()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->deployment->artifact_size_bytes, 1ULL << 40);
  EXPECT_FALSE(from_json<Assignment>(Json::object())->deployment);

  Reports reports{{Report{7, 1, 1700000000000, UpdateState::failed, 3004, "why", std::nullopt}}, "1.0", Problem{6011, "full"}};
  const auto back = from_json<Reports>(to_json(reports));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->reports[0].error, 3004U);
  EXPECT_EQ(back->reports[0].state, UpdateState::failed);
  EXPECT_EQ(back->problem->error, 6011U);
  EXPECT_EQ(back->problem->message, "full");
  EXPECT_FALSE(from_json<Reports>(*parse_json(R"({"reports":[],"version":"1"})"))->problem);
  EXPECT_FALSE(from_json<Reports>(*parse_json(R"({"reports":[],"version":"1","problem":{"error":"x","message":""}})")));
}

TEST(Messages, ADeltaIsOfferedAndItsCostTold) {
  Assignment assignment{Assignment::Deployment{7, "2.0", std::string(64, 'a'), 100}};
  assignment.deployment->delta = DeltaOffer{"/api/device/v1/artifacts/x", std::string(64, 'b'), 12, {{"rootfs", std::string(64, 'c')}}};
  const auto read = from_json<Assignment>(*parse_json(to_json(assignment).dump()));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->deployment->delta->size_bytes, 12U);
  EXPECT_EQ(read->deployment->delta->sources.at(0).sha256, std::string(64, 'c'));
  assignment.deployment->delta->url = "file:///etc/shadow";
  EXPECT_FALSE(from_json<Assignment>(to_json(assignment)));

  Reports reports{{Report{7, 1, 1, UpdateState::verified, 0, "", std::nullopt}}, "1.0", {}};
  reports.reports[0].download = Download{DownloadMethod::delta, 12, 88};
  const auto back = from_json<Reports>(to_json(reports));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->reports[0].download->method, DownloadMethod::delta);
  EXPECT_EQ(back->reports[0].download->saved_bytes, 88U);
  EXPECT_EQ(download_method_of("by-pigeon"), DownloadMethod::mixed);
}

TEST(Messages, NewerMembersAreIgnoredWrongOnesAreNot) {
  EXPECT_TRUE(from_json<EnrolReply>(*parse_json(R"({"accepted":true,"later":1})")));
  EXPECT_FALSE(from_json<EnrolReply>(*parse_json(R"({"accepted":"yes"})")));
  EXPECT_FALSE(from_json<Assignment>(
      *parse_json(R"({"deployment":{"id":1,"version":"1","artifact_sha256":"../etc/passwd","artifact_size_bytes":1}})")));
}

TEST(DeviceName, HasNoRoomForPaths) {
  EXPECT_TRUE(is_device_name("cam-01.roof_A"));
  for (const char* bad : {"", ".hidden", "a/b", "a b", "a\n", "\xc3\xa9"}) EXPECT_FALSE(is_device_name(bad)) << bad;
}

}  // namespace
}  // namespace aloft::protocol
