// The database and the matcher in memory must name the same devices for every filter. Devices and filters are random, by seed.
#include <gtest/gtest.h>

#include <random>

#include "fleet/sqlite_store.hpp"
#include "fleet/store_contract.hpp"
#include "fleet/test_store_folder.hpp"

namespace aloft::fleet {
namespace {

constexpr std::uint64_t kNow = 2'000'000;

class RandomFleet {
 public:
  explicit RandomFleet(std::uint64_t seed) : engine_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  const char* one_of(std::initializer_list<const char*> texts) { return *(texts.begin() + below(texts.size())); }
  std::string word() {
    return one_of({"a", "A", "ab", "b", "1.9", "1.10", "01.9", "x_y", "50%", "a*b", "back\\slash", "", "rev-b", "Ü", "north side"});
  }

  void make_device(Store& store, std::size_t number) {
    const std::string name = std::string(one_of({"cam-", "Gate-", "x_"})) + std::to_string(number);
    Enrolment enrolment{.now_ms = 1'000'000 + below(4) * 500'000};
    enrolment.device = {.name = name,
                        .public_key = name,
                        .key_sha256 = crypto::sha256(as_bytes(name)),
                        .product = word(),
                        .hardware = word(),
                        .version = word()};
    // Not waited for: what queues up shares a commit.
    const auto good = [](const auto& result) { EXPECT_TRUE(result); };
    if (below(3) == 0) {
      store.register_ddi_device({.name = name, .product = word(), .hardware = word(), .now_ms = enrolment.now_ms}, good);
    } else {
      store.enrol(enrolment, good);
    }
    store.set_device_status(name, static_cast<DeviceStatus>(below(3)), good);
    Attributes attributes;
    for (std::uint64_t i = below(4); i > 0; --i) attributes[one_of({"k", "K", "long.key"})] = word();
    store.set_attributes(name, attributes, good);
    for (std::uint64_t i = below(3); i > 0; --i) store.change_tag(one_of({"beta", "North", "50%"}), {.add = {name}, .remove = {}}, good);
    if (below(2) == 0) store.change_members("hand", {.add = {name}, .remove = {}}, good);
    names_.push_back(name);
  }

  std::string value(bool time) {
    if (time) return one_of({"1000000", "1500000", "2000000", "${NOW_TS}", "${OVERDUE_TS}"});
    std::string text =
        below(4) == 0 ? one_of({"*", "a*", "*b", "*1*", "c*-*", "\\*", "*\\\\*", "in_sync", "accepted", "hand", "beta", "hawkbit", "Aloft"})
                      : word();
    std::string quoted = "'";
    for (const char c : text) {
      if (c == '\'') quoted += '\\';
      quoted += c;
    }
    return quoted + "'";
  }

  std::string term() {
    const std::string field = one_of({"name", "product", "hardware", "version", "protocol", "status", "updatestatus", "tag", "group",
                                      "attribute.k", "attribute.K", "attribute.long.key", "created", "lastseen"});
    const bool time = field == "created" || field == "lastseen";
    const std::string sign = one_of({"==", "!=", "<", "<=", ">", ">=", "=in=", "=out=", "=is=", "=not="});
    if (sign == "=is=" || sign == "=not=") return field + sign + "null";
    if (sign != "=in=" && sign != "=out=") return field + sign + value(time);
    return field + sign + "(" + value(time) + "," + value(time) + ")";
  }

  std::string filter(int depth) {
    std::string text = depth > 0 && below(3) == 0 ? "(" + filter(depth - 1) + ")" : term();
    while (below(3) == 0) text += std::string(one_of({";", ",", " and ", " or "})) + (depth > 0 ? filter(depth - 1) : term());
    return text;
  }

  const std::vector<std::string>& names() const { return names_; }

 private:
  std::mt19937_64 engine_;
  std::vector<std::string> names_;
};

std::set<std::string> by_database(Store& store, const Filter& filter) {
  const auto found = store.devices({.limit = 100'000, .filter = &filter, .now_ms = kNow});
  EXPECT_TRUE(found) << (found ? "" : found.error().text());
  std::set<std::string> names;
  if (found)
    for (const Device& device : *found) names.insert(device.name);
  return names;
}

class FilterAgreement : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(FilterAgreement, DatabaseAndMatcherNameTheSameDevices) {
  const TestStoreFolder folder;
  const auto store = SqliteStore::open(folder.file()).value();
  ASSERT_TRUE(wait<Group>([&](auto done) { store->add_group({.name = "hand"}, done); }));
  const Group draft = wait<Group>([&](auto done) {
                        store->add_group({.name = "by-filter", .filter = "product==a*;protocol==hawkbit,tag==beta"}, done);
                      }).value();
  ASSERT_TRUE(wait<>([&](auto done) { store->fill_group(draft.id, store->group_candidates(draft).value(), done); }));
  ASSERT_TRUE(wait<Group>([&](auto done) { store->finish_group(draft, done); }));
  RandomFleet fleet(GetParam());
  for (std::size_t i = 0; i < 40; ++i) fleet.make_device(*store, i);
  ASSERT_TRUE(wait<>([&](auto done) { store->check_writable(done); }));
  std::vector<DeviceFacts> facts;
  for (const std::string& name : fleet.names()) facts.push_back(store->device_facts(name).value());
  std::size_t hits = 0;
  for (int round = 0; round < 300; ++round) {
    const std::string text = fleet.filter(3);
    const Result<Filter> filter = Filter::parse(text);
    ASSERT_TRUE(filter) << "seed " << GetParam() << ": " << text << ": " << filter.error().text();
    std::set<std::string> expected;
    for (const DeviceFacts& device : facts)
      if (filter->matches(device, kNow)) expected.insert(device.name);
    ASSERT_EQ(by_database(*store, *filter), expected) << "seed " << GetParam() << ": " << text;
    ASSERT_EQ(*store->count_devices(*filter, kNow), expected.size());
    if (!expected.empty() && expected.size() < facts.size()) ++hits;
  }
  EXPECT_GT(hits, 80U) << "most filters should tell devices apart, or this proves little";
  // Membership in the group by filter was set by events, device by device: it must be what a search finds now.
  EXPECT_EQ(by_database(*store, *Filter::parse("group==by-filter")),
            by_database(*store, *Filter::parse("product==a*;protocol==hawkbit,tag==beta")));
}

INSTANTIATE_TEST_SUITE_P(Seeds, FilterAgreement, ::testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace aloft::fleet
