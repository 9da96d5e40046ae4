// Devices of hawkBit's protocol: a part of the contract that store_contract_test.cpp describes.
#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

TEST_P(StoreDdi, ADeviceIsRegisteredOnceAndIsNoDeviceOfOurs) {
  const Device device = add("d", "token").value();
  EXPECT_EQ(device.status, DeviceStatus::accepted);
  EXPECT_EQ(device.protocol, DeviceProtocol::hawkbit);
  EXPECT_EQ(device.key_sha256, digest("token"));
  EXPECT_EQ(add("d")->key_sha256, digest("token")) << "without a token the known one stays";
  EXPECT_ERROR(enrol("d", "key"), kDeviceNameTaken);
  EXPECT_TRUE(enrol("native"));
  EXPECT_ERROR(add("native"), kDeviceNameTaken);
  EXPECT_ERROR(wait<>([&](auto done) { store_->want_attributes("native", done); }), kOtherProtocol);
  EXPECT_TRUE(set_status("d", DeviceStatus::rejected));
  EXPECT_ERROR(add("d"), kDeviceRejected);
}

TEST_P(StoreDdi, FeedbackIsNumberedByTheServerAndTheEndIsKept) {
  EXPECT_TRUE(add("d"));
  const std::uint64_t id = assign();
  EXPECT_TRUE(say(id, UpdateState::accepted));
  EXPECT_TRUE(say(id, UpdateState::installing));
  EXPECT_TRUE(say(id, std::nullopt));
  const DdiOutcome end = finish(id, UpdateState::committed).value();
  EXPECT_TRUE(end.version_changed);
  EXPECT_EQ(end.deployment.state, UpdateState::committed);
  EXPECT_EQ(store_->device("d")->version, "2");
  EXPECT_EQ(store_->device("d")->deployment, std::nullopt);
  const auto transitions = store_->transitions(id, 0, 100).value();
  ASSERT_EQ(transitions.size(), 5U);
  EXPECT_EQ(transitions[3].sequence, 3U);
  EXPECT_EQ(transitions[3].state, UpdateState::installing);
  EXPECT_EQ(known().installed, id);
}

TEST_P(StoreDdi, TheSameEndAgainIsNoChangeAnotherIsRefused) {
  EXPECT_TRUE(add("d"));
  const std::uint64_t id = assign();
  EXPECT_TRUE(finish(id, UpdateState::failed)->changed);
  EXPECT_FALSE(finish(id, UpdateState::failed)->changed);
  EXPECT_ERROR(finish(id, UpdateState::committed), kDeploymentFinished);
  EXPECT_ERROR(say(id, UpdateState::installing), kDeploymentFinished);
  EXPECT_ERROR(say(99, UpdateState::installing), kDeploymentUnknown);
  EXPECT_TRUE(add("e"));
  const std::uint64_t of_another = deploy(add_release("3").id, {"e"}).value().front().id;
  EXPECT_ERROR(say(of_another, UpdateState::installing), kDeploymentUnknown);
}

TEST_P(StoreDdi, AWithdrawnDeploymentWaitsForTheDevicesLastWord) {
  EXPECT_TRUE(add("d"));
  const std::uint64_t id = assign();
  EXPECT_ERROR(say(id, UpdateState::cancelled, Closing::closed, true), kNotWithdrawn);
  EXPECT_TRUE(cancel(id));
  EXPECT_EQ(known().withdrawn, id);
  EXPECT_TRUE(say(id, UpdateState::installing));
  EXPECT_EQ(store_->deployment(id)->state, UpdateState::cancelled) << "what the device still does brings it not back";
  EXPECT_EQ(known().withdrawn, id);
  EXPECT_TRUE(say(id, UpdateState::cancelled, Closing::closed, true)->changed);
  EXPECT_EQ(known().withdrawn, std::nullopt);
  EXPECT_FALSE(say(id, UpdateState::cancelled, Closing::closed, true)->changed);
  EXPECT_ERROR(finish(id, UpdateState::committed), kDeploymentFinished);
}

TEST_P(StoreDdi, ADeviceThatIsTooLateToStopSaysHowItEnded) {
  EXPECT_TRUE(add("d"));
  const std::uint64_t id = assign();
  EXPECT_TRUE(cancel(id));
  EXPECT_TRUE(say(id, std::nullopt, Closing::goes_on, true));
  EXPECT_EQ(known().withdrawn, std::nullopt) << "it need not be told again";
  const std::uint64_t next = assign("3");
  EXPECT_EQ(finish(id, UpdateState::committed)->deployment.state, UpdateState::committed);
  EXPECT_EQ(store_->device("d")->version, "2");
  EXPECT_EQ(store_->device("d")->deployment, next);
  EXPECT_EQ(known().installed, id);
}

TEST_P(StoreDdi, MayTalkALotButNotForEver) {
  EXPECT_TRUE(add("d"));
  const std::uint64_t id = assign();
  for (std::uint64_t i = 0; i < kMaxFeedbacks + 10; ++i)
    store_->apply_feedback({.device = "d", .deployment = id, .message = "m"}, [](auto) {});
  EXPECT_TRUE(finish(id, UpdateState::committed));
  const auto transitions = store_->transitions(id, 0, 10'000).value();
  EXPECT_EQ(transitions.size(), 1 + kMaxFeedbacks + 1);
  EXPECT_EQ(transitions.back().state, UpdateState::committed);
}

TEST_P(StoreDdi, MayTalkALotOfWhatWasWithdrawnButNotForEver) {
  EXPECT_TRUE(add("d"));
  const std::uint64_t id = assign();
  EXPECT_TRUE(cancel(id));
  for (std::uint64_t i = 0; i < kMaxFeedbacks + 10; ++i)
    store_->apply_feedback({.device = "d", .deployment = id, .message = "m", .of_withdrawal = true}, [](auto) {});
  EXPECT_TRUE(say(id, std::nullopt, Closing::open, true));
  EXPECT_LE(store_->transitions(id, 0, 10'000)->size(), 2 + kMaxFeedbacks);
  EXPECT_TRUE(say(id, UpdateState::cancelled, Closing::closed, true)->changed);
  EXPECT_EQ(store_->transitions(id, 0, 10'000)->size(), 2 + kMaxFeedbacks + 1) << "its last word is kept";
}

TEST_P(StoreDdi, WebhooksAreToldOfAWithdrawalOnce) {
  EXPECT_TRUE(add("d"));
  const Webhook wanted{.url = "https://x", .topics = {false, true, false}, .secret = "s"};
  std::vector<Webhook> webhooks;
  for (int i = 0; i < 2; ++i) webhooks.push_back(wait<Webhook>([&](auto done) { store_->add_webhook(wanted, done); }).value());
  const auto told = [&](Webhook& webhook) -> std::string {
    const auto message = store_->next_message(webhook, 0).value();
    if (!message) return "";
    const auto taken = [&](auto done) {
      store_->record_attempt(webhook.id, *message, {.status = 200, .error = "", .took_ms = 1}, 1, done);
    };
    webhook = wait<Webhook>(taken).value();
    return message->content.at("state").get<std::string>();
  };
  const std::uint64_t id = assign();
  EXPECT_TRUE(cancel(id));
  EXPECT_EQ(told(webhooks[0]), "cancelled");
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(say(id, std::nullopt, Closing::goes_on, true));
    EXPECT_EQ(told(webhooks[0]), "");
  }
  EXPECT_TRUE(finish(id, UpdateState::committed));
  EXPECT_TRUE(cancel(assign("3")));
  EXPECT_EQ(told(webhooks[0]), "committed");
  EXPECT_EQ(told(webhooks[0]), "cancelled");
  EXPECT_EQ(told(webhooks[0]), "");
  for (const char* state : {"cancelled", "committed", "cancelled", ""}) EXPECT_EQ(told(webhooks[1]), state) << "each from its own place";
}

TEST_P(StoreDdi, SaysWhatItIs) {
  EXPECT_TRUE(add("d"));
  EXPECT_TRUE(group("modems", "attribute.modem==*"));
  EXPECT_FALSE(known().attributes_known);
  const auto describe = [this](DdiDescription said) { return wait<Device>([&](auto done) { store_->describe_ddi_device(said, done); }); };
  EXPECT_EQ(describe({.device = "d", .attributes = Attributes{{"modem", "x"}}})->product, "p");
  EXPECT_TRUE(known().attributes_known);
  EXPECT_EQ(store_->device_facts("d")->groups, (std::set<std::string>{"modems"}));
  EXPECT_EQ(describe({.device = "d", .attributes = {}, .hardware = "rev-b", .version = "7"})->hardware, "rev-b");
  EXPECT_EQ(store_->device_facts("d")->attributes.size(), 1U);
  EXPECT_TRUE(wait<>([&](auto done) { store_->want_attributes("d", done); }));
  EXPECT_FALSE(known().attributes_known);
  EXPECT_TRUE(wait<>([&](auto done) { store_->set_auto_confirm("d", "{}", done); }));
  EXPECT_EQ(known().auto_confirm, "{}");
  EXPECT_TRUE(wait<std::uint64_t>([&](auto done) { store_->delete_device("d", done); }));
  EXPECT_TRUE(store_->ddi_devices()->empty());
}

TEST_P(StoreDdi, FilesOfOthersGoOnlyToDevicesThatTakeThem) {
  EXPECT_TRUE(add("d"));
  EXPECT_TRUE(enrol("native"));
  EXPECT_TRUE(set_status("native", DeviceStatus::accepted));
  const Release swu = wait<Release>([&](auto done) {
                        store_->add_release({.product = "p",
                                             .hardware = {"h"},
                                             .version = "9",
                                             .sha256 = digest("swu"),
                                             .format = ReleaseFormat::swu,
                                             .file_name = "x.swu",
                                             .sha1 = "aa",
                                             .md5 = "bb",
                                             .contents = "{}"},
                                            done);
                      }).value();
  EXPECT_EQ(swu.format, ReleaseFormat::swu);
  EXPECT_EQ(swu.file_name + swu.sha1 + swu.md5 + swu.contents, "x.swuaabb{}");
  EXPECT_ERROR(deploy(swu.id, {"native"}), kReleaseDoesNotFit);
  EXPECT_TRUE(deploy(swu.id, {"d"}));
  RolloutPlan plan{.release = swu.id, .filter = "name==*", .waves = {{.permille = 1000, .count = {}}}};
  const RolloutPreview preview = store_->preview_rollout(plan).value();
  EXPECT_EQ(preview.members, 1U);
  ASSERT_EQ(preview.left_out.size(), 1U);
  EXPECT_EQ(preview.left_out[0].first, "runs aloftd, which does not take this file");
}

TEST_P(StoreDdi, GatewaysComeAndGo) {
  const auto gateway = wait<DdiGateway>([&](auto done) {
    store_->add_ddi_gateway({.hash = digest("g"), .note = "roof", .product = "p", .hardware = "h", .created_by = "op"}, done);
  });
  EXPECT_EQ(store_->ddi_gateways()->front().hash, digest("g"));
  const auto remove = [&] { return wait<>([&](auto done) { store_->delete_ddi_gateway(gateway->id, done); }); };
  EXPECT_TRUE(remove());
  EXPECT_ERROR(remove(), kGatewayUnknown);
}

}  // namespace
}  // namespace aloft::fleet
