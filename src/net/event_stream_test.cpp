#include "net/event_stream.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/errors.hpp"

namespace aloft::net {
namespace {

// The events of a text given in pieces of that size, each as "id type data".
std::vector<std::string> events_of(std::string_view text, std::size_t piece) {
  std::vector<std::string> events;
  EventStream stream([&](const StreamEvent& event) -> Result<> {
    events.push_back(event.id + " " + event.type + " " + event.data);
    return {};
  });
  for (std::size_t at = 0; at < text.size(); at += piece) EXPECT_TRUE(stream.feed(as_bytes(text.substr(at, piece))));
  return events;
}

TEST(EventStream, ReadsTheSameHoweverItIsCut) {
  const std::string_view text =
      ": hello\n\nid: 1\nevent: transition\ndata: {\"a\":1}\n\nid:2\rdata:one\rdata: two\r\rdata\r\n\r\n:\r\nevent: end\r\nretry: "
      "5\r\ndata: x\r\n\r\n"
      "event: nothing\n\ndata: cut off\n";
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U})
    EXPECT_THAT(events_of(text, piece), testing::ElementsAre("1 transition {\"a\":1}", "2 message one\ntwo", "2 message ", "2 end x"))
        << piece;
}

TEST(EventStream, StopsAtTheReceiversErrorAndAtItsLimit) {
  EventStream refuses([](const StreamEvent&) -> Result<> { return fail(kCancelled, "enough"); });
  EXPECT_EQ(refuses.feed(as_bytes("data: x\n\n")).error().message, "enough");
  EventStream bounded([](const StreamEvent&) -> Result<> { return {}; });
  EXPECT_EQ(bounded.feed(as_bytes(std::string(2U << 20, 'x'))).error().code.number, kBadReply.number);
}

}  // namespace
}  // namespace aloft::net
