#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

#include "base/file.hpp"
#include "delta/errors.hpp"
#include "delta/rebuilder.hpp"
#include "delta/view_source.hpp"

// The input as all that the confined program ever says: as an answer to one frame, of an image that it asks for too, to a packed part, and
// to a content with a gap.
extern "C" int rebuild_answer_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  constexpr std::size_t kMost = 16 << 10;  // what a socket takes at once
  constexpr std::size_t kFrame = 64;
  enum class Ask : std::uint8_t { make, make_of_tree, unpack, fill };
  for (const Ask ask : {Ask::make, Ask::make_of_tree, Ask::unpack, Ask::fill}) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) std::abort();
    const Fd program(ends[1]);
    if (!write_all(program.get(), std::as_bytes(std::span(data, std::min(size, kMost))))) std::abort();
    ::shutdown(program.get(), SHUT_WR);
    delta::Rebuilder rebuilder({}, Fd(ends[0]), std::nullopt);
    const Bytes record(10);
    const Bytes old(1000);
    delta::ViewSource tree(old);
    if (ask == Ask::make_of_tree && !rebuilder.begin({.source_bytes = old.size(), .target_bytes = kFrame}, &tree)) continue;
    Bytes content(kFrame);
    const auto made = ask == Ask::fill     ? rebuilder.fill(content, std::vector<delta::Gap>{{10, 20, record}})
                      : ask != Ask::unpack ? rebuilder.make(40, record, content,
                                                            [](std::uint64_t earlier, Bytes& out) -> Result<> {
                                                              if (earlier >= 40 || earlier < 9) std::abort();
                                                              if (earlier == 20) return fail(delta::kDeltaTruncated, "gone");
                                                              out.resize(5);
                                                              return {};
                                                            })
                                           : rebuilder.unpack(record, 1000, content);
    if (content.size() > 1000 || (ask != Ask::unpack && content.size() != kFrame)) std::abort();
    if (made && rebuilder.is_lost()) std::abort();
    if (rebuilder.is_lost() && !rebuilder.begin({.target_bytes = 1})) continue;
    if (rebuilder.is_lost()) std::abort();
  }
  return 0;
}
