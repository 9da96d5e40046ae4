// What every Store must do with attributes, tags, groups and device types.
#include "fleet/errors.hpp"
#include "fleet/store_contract.hpp"

namespace aloft::fleet {
namespace {

TEST_P(StoreContract, AttributesAreReplacedAsAWhole) {
  EXPECT_TRUE(enrol("a"));
  EXPECT_TRUE(*attributes("a", {{"modem", "x"}, {"sim", "1"}}));
  EXPECT_FALSE(*attributes("a", {{"modem", "x"}, {"sim", "1"}})) << "the same again is no change";
  EXPECT_TRUE(*attributes("a", {{"modem", "y"}}));
  EXPECT_EQ(store_->device_facts("a")->attributes, (Attributes{{"modem", "y"}}));
  EXPECT_ERROR(attributes("b", {}), kDeviceUnknown);
}

TEST_P(StoreContract, AGroupByHandHasWhomItWasGiven) {
  EXPECT_TRUE(enrol("a", "a"));
  EXPECT_TRUE(enrol("b", "b"));
  EXPECT_TRUE(group("pilots"));
  EXPECT_ERROR(group("Pilots"), kGroupExists);
  const auto change = [&](MemberChange devices) {
    return wait<Group>([&](auto done) { store_->change_members("pilots", std::move(devices), done); });
  };
  EXPECT_EQ(change({.add = {"a", "b", "a"}, .remove = {}})->device_count, 2U);
  EXPECT_ERROR(change({.add = {}, .remove = {"a", "nobody"}}), kDeviceUnknown);
  EXPECT_EQ(store_->group("pilots")->device_count, 2U) << "all or none";
  EXPECT_EQ(change({.add = {}, .remove = {"a"}})->device_count, 1U);
  EXPECT_EQ(store_->device_facts("b")->groups, std::set<std::string>{"pilots"});
  EXPECT_TRUE(wait<std::uint64_t>([&](auto done) { store_->delete_device("b", done); }));
  EXPECT_EQ(store_->group("pilots")->device_count, 0U);
}

TEST_P(StoreContract, AGroupByFilterFollowsItsDevices) {
  EXPECT_TRUE(enrol("a", "a"));
  EXPECT_TRUE(attributes("a", {{"modem", "ec25"}}));
  EXPECT_EQ(group("modems", "attribute.modem==*,tag==beta,version==9")->device_count, 1U) << "those that are there already";
  EXPECT_TRUE(enrol("b", "b"));
  EXPECT_EQ(store_->group("modems")->device_count, 1U);
  EXPECT_TRUE(attributes("b", {{"modem", "x"}}));
  EXPECT_EQ(store_->group("modems")->device_count, 2U);
  EXPECT_TRUE(attributes("b", {}));
  EXPECT_TRUE(tag("beta", {.add = {"b"}, .remove = {}}));
  EXPECT_EQ(store_->group("modems")->device_count, 2U);
  EXPECT_TRUE(tag("BETA", {.add = {}, .remove = {"b"}}));
  EXPECT_EQ(store_->group("modems")->device_count, 1U);
  EXPECT_TRUE(wait<ReportOutcome>([&](auto done) { store_->apply_reports({"b", {{}, "9", {}}, 3000}, done); })->version_changed);
  EXPECT_EQ(store_->group("modems")->device_count, 2U);
  EXPECT_TRUE(change({.name = "modems", .filter = "name==a"}));
  EXPECT_EQ(store_->group("modems")->device_count, 1U);
}

TEST_P(StoreContract, AGroupByFilterIsMadeInPiecesThatNobodySees) {
  for (const char* name : {"a", "b", "c"}) EXPECT_TRUE(enrol(name, name));
  EXPECT_TRUE(group("g", "name==a"));
  const Group draft = wait<Group>([&](auto done) { store_->change_group({.name = "g", .filter = "version==1"}, done); }).value();
  ASSERT_TRUE(draft.draft);
  const std::vector<std::uint64_t> all = store_->group_candidates(draft).value();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_TRUE(wait<>([&](auto done) { store_->fill_group(draft.id, {all[0]}, done); }));
  EXPECT_EQ(store_->groups()->size(), 1U);
  EXPECT_EQ(store_->group("g")->filter, "name==a") << "the old one holds until the new one is complete";
  EXPECT_EQ(store_->count_devices(Filter::parse("group==*").value(), 0), 1U);
  EXPECT_EQ(store_->device_facts("a")->groups, std::set<std::string>{"g"});
  EXPECT_TRUE(store_->device_facts("b")->groups.empty());
  // b stops to match after it was found, c after it was taken.
  EXPECT_TRUE(wait<ReportOutcome>([&](auto done) { store_->apply_reports({"b", {{}, "2", {}}, 3000}, done); }));
  EXPECT_TRUE(wait<>([&](auto done) { store_->fill_group(draft.id, {all[1], all[2]}, done); }));
  EXPECT_TRUE(wait<ReportOutcome>([&](auto done) { store_->apply_reports({"c", {{}, "2", {}}, 3000}, done); }));
  EXPECT_EQ(wait<Group>([&](auto done) { store_->finish_group(draft, done); })->device_count, 1U);
  EXPECT_EQ(store_->group("g")->filter, "version==1");
  EXPECT_EQ(store_->group_remnants()->gone.size(), 1U) << "of the old one";
  EXPECT_TRUE(clear_remnants());
  EXPECT_TRUE(store_->group_remnants()->gone.empty());
  EXPECT_EQ(store_->group("g")->device_count, 1U);
}

TEST_P(StoreContract, ADraftOfAGroupTakesNobodysPlace) {
  EXPECT_TRUE(enrol("a", "a"));
  const auto draft = [&](const std::string& name) {
    return wait<Group>([&](auto done) { store_->add_group({.name = name, .filter = "name==a"}, done); }).value();
  };
  const Group first = draft("g");
  const Group second = draft("g");
  EXPECT_TRUE(finished(first));
  EXPECT_ERROR(finished(second), kGroupExists);
  const Group other = wait<Group>([&](auto done) { store_->change_group({.name = "g", .filter = "name==b"}, done); }).value();
  EXPECT_TRUE(wait<>([&](auto done) { store_->delete_group("g", done); }));
  EXPECT_ERROR(finished(other), kGroupUnknown) << "it was deleted meanwhile";
  EXPECT_ERROR(store_->group("g"), kGroupUnknown);
  EXPECT_TRUE(store_->device_facts("a")->groups.empty());
  EXPECT_EQ(store_->group_remnants()->gone.size(), 1U);
  EXPECT_EQ(store_->group_remnants()->drafts.size(), 2U);
  EXPECT_TRUE(clear_remnants());
  EXPECT_TRUE(store_->group_remnants()->drafts.empty());
  EXPECT_TRUE(group("g"));
}

TEST_P(StoreContract, GroupsByFilterRefuseWhatMakesNoSense) {
  EXPECT_ERROR(group("x", "lastseen<5"), kFilterUnsteady);
  EXPECT_ERROR(group("x", "group==y"), kFilterUnsteady);
  EXPECT_ERROR(group("x", "name=="), kFilterSyntax);
  EXPECT_ERROR(store_->group("x"), kGroupUnknown);
  EXPECT_TRUE(group("by-filter", "name==a"));
  EXPECT_ERROR(wait<Group>([&](auto done) { store_->change_members("by-filter", {}, done); }), kGroupByFilter);
  EXPECT_ERROR(wait<Group>([&](auto done) { store_->change_group({.name = "by-filter"}, done); }), kGroupByFilter);
  EXPECT_ERROR(wait<>([&](auto done) { store_->delete_group("nobody", done); }), kGroupUnknown);
}

TEST_P(StoreContract, DeviceTypesAreWhatIsDescribedAndWhatIsThere) {
  EXPECT_TRUE(enrol("a", "a"));
  DeviceType type{.product = "p", .description = "gateway", .hardware = {{.hardware = "h2", .description = "with modem"}}};
  EXPECT_TRUE(wait<>([&](auto done) { store_->put_device_type(type, done); }));
  const auto types = store_->device_types().value();
  ASSERT_EQ(types.size(), 1U);
  EXPECT_EQ(types[0].description, "gateway");
  ASSERT_EQ(types[0].hardware.size(), 2U);
  EXPECT_EQ(types[0].hardware[0].device_count, 1U);
  EXPECT_FALSE(types[0].hardware[0].described);
  EXPECT_TRUE(types[0].hardware[1].described);
}

}  // namespace
}  // namespace aloft::fleet
