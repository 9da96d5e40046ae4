#include "base/process.hpp"

#include "base/child.hpp"

namespace aloft {
namespace {

constexpr std::size_t kMaxLastLineBytes = 500;

}  // namespace

Result<ProcessEnd> run_process(const std::vector<std::string>& argv, std::chrono::milliseconds time_limit, const std::atomic<bool>* stop) {
  ChildSpec spec{.argv = argv};
  Child child = TRY(Child::start(std::move(spec)));
  return child.wait(time_limit, stop);
}

std::string last_line(std::string_view text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  text = text.substr(0, end + 1);
  const auto start = text.find_last_of("\r\n");
  if (start != std::string_view::npos) text.remove_prefix(start + 1);
  return std::string(text.substr(0, kMaxLastLineBytes));
}

}  // namespace aloft
