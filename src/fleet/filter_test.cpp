#include "fleet/filter.hpp"

#include <gtest/gtest.h>

#include "fleet/errors.hpp"

namespace aloft::fleet {
namespace {

DeviceFacts camera() {
  return {.id = 1,
          .name = "cam-01",
          .status = DeviceStatus::accepted,
          .product = "camera",
          .hardware = "rev-b",
          .version = "2.9",
          .created_ms = 1000,
          .last_seen_ms = 5'000'000,
          .update_status = UpdateStatus::in_sync,
          .attributes = {{"modem", "EC25"}, {"site", "roof, north"}, {"free mib", "512"}},
          .tags = {"beta", "north"},
          .groups = {"pilots"}};
}

bool matches(std::string_view text) {
  const Result<Filter> filter = Filter::parse(text);
  EXPECT_TRUE(filter) << text << ": " << filter.error().text();
  return filter && filter->matches(camera(), 6'000'000);
}

struct FilterCase {
  const char* text;
  bool expected;
};
class FilterMatches : public ::testing::TestWithParam<FilterCase> {};
TEST_P(FilterMatches, AsHawkbitWould) { EXPECT_EQ(matches(GetParam().text), GetParam().expected) << GetParam().text; }

// clang-format off
INSTANTIATE_TEST_SUITE_P(Texts, FilterMatches, ::testing::Values(
    FilterCase{"name==cam-01", true}, FilterCase{"controllerId==CAM-01", true}, FilterCase{"id!=cam-01", false},
    FilterCase{"name==cam-*", true}, FilterCase{"name==*02", false}, FilterCase{"name=li=*-0*", true},
    FilterCase{"product==camera;hardware==rev-b", true}, FilterCase{"product==camera and hardware==rev-c", false},
    FilterCase{"product==x,hardware==rev-b", true}, FilterCase{"product==x or hardware==rev-c", false},
    FilterCase{"product==x,product==camera;hardware==rev-c", false},  // and binds tighter
    FilterCase{"(product==x,product==camera);hardware==rev-b", true},
    FilterCase{"version=lt=2.10", true}, FilterCase{"version<2.9", false}, FilterCase{"version=ge=2.9", true}, FilterCase{"version>2.8.99", true},
    FilterCase{"version=in=(1.0, 2.9 ,3)", true}, FilterCase{"version=out=(1.0,2.9)", false},
    FilterCase{"tag==beta", true}, FilterCase{"tag!=beta", false}, FilterCase{"tag!=gone", true}, FilterCase{"tag=in=(x,NORTH)", true}, FilterCase{"tag=is=null", false},
    FilterCase{"group==pilots", true}, FilterCase{"group=not=null", true},
    FilterCase{"attribute.modem==ec25", true}, FilterCase{"controllerAttributes.modem!=ec25", false}, FilterCase{"attribute.none!=x", true},
    FilterCase{"attribute.none=is=null", true}, FilterCase{"attribute.modem=not=null", true}, FilterCase{"attribute.none<5", false},
    FilterCase{"attribute.site=='roof, north'", true}, FilterCase{"attribute.site==\"roof, *\"", true}, FilterCase{"attribute.site==\"roof, \\*\"", false},
    FilterCase{"updatestatus==in_sync", true}, FilterCase{"status==accepted", true},
    FilterCase{"lastcontrollerrequestat=le=${OVERDUE_TS}", true}, FilterCase{"lastseen=gt=${NOW_TS}", false}, FilterCase{"created==1000", true}));
// clang-format on

struct Mistake {
  const char* text;
  ErrorCode code;
  const char* position;
};
class FilterMistake : public ::testing::TestWithParam<Mistake> {};
TEST_P(FilterMistake, IsNumberedAndHasAPosition) {
  const Result<Filter> filter = Filter::parse(GetParam().text);
  ASSERT_FALSE(filter) << GetParam().text;
  EXPECT_EQ(filter.error().code.number, GetParam().code.number) << filter.error().text();
  EXPECT_NE(filter.error().message.find(std::string("position ") + GetParam().position + ":"), std::string::npos) << filter.error().text();
}
INSTANTIATE_TEST_SUITE_P(Texts, FilterMistake,
                         ::testing::Values(Mistake{"", kFilterSyntax, "1"}, Mistake{"name", kFilterOperator, "5"},
                                           Mistake{"name==", kFilterSyntax, "7"}, Mistake{"nmae==x", kFilterField, "1"},
                                           Mistake{"name==x;", kFilterSyntax, "9"}, Mistake{"(name==x", kFilterSyntax, "9"},
                                           Mistake{"name==x)", kFilterSyntax, "8"}, Mistake{"name=='x", kFilterSyntax, "7"},
                                           Mistake{"name=in=x", kFilterSyntax, "9"}, Mistake{"name=in=(x", kFilterSyntax, "11"},
                                           Mistake{"name=like=x", kFilterOperator, "5"}, Mistake{"created==soon", kFilterValue, "10"},
                                           Mistake{"tag=is=empty", kFilterValue, "8"},
                                           Mistake{"name==*a*b*c*d*e*f*g*h*", kFilterValue, "7"},
                                           Mistake{"name==x\ny", kFilterSyntax, "8"}));

TEST(Filter, HasLimits) {
  EXPECT_EQ(Filter::parse(std::string(kMaxFilterBytes + 1, 'x')).error().code.number, kFilterTooLarge.number);
  EXPECT_EQ(Filter::parse(std::string(40, '(') + "name==x" + std::string(40, ')')).error().code.number, kFilterTooLarge.number);
  std::string many = "name=in=(a";
  for (int i = 0; i < 300; ++i) many += ",b";
  EXPECT_EQ(Filter::parse(many + ")").error().code.number, kFilterTooLarge.number);
}

TEST(Filter, KnowsWhatChangesWithTimeAlone) {
  EXPECT_TRUE(Filter::parse("name==x;tag==y")->check_steady());
  EXPECT_EQ(Filter::parse("name==x;lastseen<5")->check_steady().error().code.number, kFilterUnsteady.number);
  EXPECT_TRUE(Filter::parse("group==x")->check_steady());
  EXPECT_FALSE(Filter::parse("group==x")->check_for_group());
}

}  // namespace
}  // namespace aloft::fleet
