#include "httpd/router.hpp"

#include <gtest/gtest.h>

#include "httpd/errors.hpp"

namespace aloft::httpd {
namespace {

Awaitable<Result<Response>> nothing(Request&) { co_return Response{}; }

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() : router_([](const Error&) { return 418U; }) {
    router_.add({Method::get, "/", nothing});
    router_.add({Method::get, "/things", nothing});
    router_.add({Method::post, "/things", nothing});
    router_.add({Method::get, "/things/{name}/log", nothing});
  }
  Result<const Route*> find(Method method, const char* target) {
    request_ = std::make_unique<Request>();
    request_->method = method;
    request_->target = *parse_target(target);
    return router_.find(*request_);
  }
  Router router_;
  std::unique_ptr<Request> request_;
};

TEST_F(RouterTest, FindsByMethodAndPath) {
  EXPECT_EQ((*find(Method::get, "/"))->pattern, "/");
  EXPECT_EQ((*find(Method::post, "/things"))->method, Method::post);
  EXPECT_EQ((*find(Method::head, "/things"))->method, Method::get);
}

TEST_F(RouterTest, TellsTheRequestItsPatternHoweverTheAddressIsWritten) {
  for (const char* target : {"/things/a/log", "/%74hings/%61/lo%67"}) {
    ASSERT_TRUE(find(Method::get, target));
    EXPECT_EQ(request_->pattern, "/things/{name}/log");
  }
  for (const char* target : {"/things", "/thing%73", "/things?x=1"}) {
    ASSERT_TRUE(find(Method::post, target));
    EXPECT_EQ(request_->pattern, "/things");
  }
  EXPECT_FALSE(find(Method::get, "/thing"));
  EXPECT_EQ(request_->pattern, "");
}

TEST_F(RouterTest, FillsInParameters) {
  ASSERT_TRUE(find(Method::get, "/things/a%20b/log"));
  EXPECT_EQ(request_->parameters.at("name"), "a b");
}

TEST_F(RouterTest, TellsAWrongPathFromAWrongMethod) {
  EXPECT_EQ(find(Method::get, "/thing").error().code.number, kNoSuchPath.number);
  EXPECT_EQ(find(Method::get, "/things/a").error().code.number, kNoSuchPath.number);
  EXPECT_EQ(find(Method::del, "/things").error().code.number, kMethodNotAllowed.number);
  EXPECT_EQ(router_.allowed(request_->target), "GET, HEAD, POST");
}

TEST_F(RouterTest, FallsBackOnlyWhereNoRouteHasThePathAndItIsWanted) {
  router_.set_fallback([](const Request& request) { return request.method == Method::get; }, nothing);
  EXPECT_EQ((*find(Method::get, "/thing"))->pattern, "");
  EXPECT_EQ((*find(Method::get, "/things"))->pattern, "/things");
  EXPECT_EQ(find(Method::del, "/things").error().code.number, kMethodNotAllowed.number);
  EXPECT_EQ(find(Method::post, "/thing").error().code.number, kNoSuchPath.number);
}

TEST_F(RouterTest, GivesItsOwnErrorsTheirStatusAndAsksForOthers) {
  EXPECT_EQ(router_.error_status({kTooSlow, ""}), 408U);
  EXPECT_EQ(router_.error_status({{1, ErrorKind::bug, "x"}, ""}), 418U);
}

}  // namespace
}  // namespace aloft::httpd
