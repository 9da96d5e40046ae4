#include "agent/ddi_actions.hpp"

#include <algorithm>
#include <charconv>

#include "base/errors.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "base/log.hpp"

namespace aloft::agent {
namespace {

constexpr std::uint64_t kMaxNumber = 2'147'483'647;
constexpr std::size_t kMaxActionsBytes = 256 << 10;

Result<std::vector<DdiAction>> actions_in(const std::filesystem::path& file) {
  const auto text = read_file(file, kMaxActionsBytes);
  if (!text && text.error().code.number == kNotFound.number) return std::vector<DdiAction>();
  if (!text) return fail(text.error());
  const Json json = TRY(parse_json(*text));
  JsonObject object = TRY(JsonObject::of(json, "actions of the server"));
  std::vector<DdiAction> actions;
  for (const Json& one : *TRY(object.array("actions", kMaxDdiActions))) {
    JsonObject member = TRY(JsonObject::of(one, "action"));
    DdiAction& action = actions.emplace_back();
    action.number = TRY(member.number("number", kMaxNumber));
    action.server = TRY(member.text("server"));
    action.action = TRY(member.text("action"));
    action.content = TRY(member.text("content"));
  }
  return actions;
}

Result<> keep(const std::filesystem::path& file, const std::vector<DdiAction>& actions) {
  Json list = Json::array();
  for (const DdiAction& one : actions)
    list.push_back(Json{{"number", one.number}, {"server", one.server}, {"action", one.action}, {"content", one.content}});
  return replace_file(file, Json{{"actions", std::move(list)}}.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n", 0600);
}

}  // namespace

DdiActions::DdiActions(std::filesystem::path file, std::string server) : file_(std::move(file)), server_(std::move(server)) {
  auto kept = actions_in(file_);
  if (!kept) log::warning("the server's earlier actions are forgotten: " + kept.error().text());
  if (kept) actions_ = *std::move(kept);
}

std::uint64_t DdiActions::free_number(std::string_view action, const std::function<bool(std::uint64_t)>& taken) const {
  const auto is_free = [&](std::uint64_t number) { return number != 0 && number <= kMaxNumber && !numbered(number) && !taken(number); };
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(action.data(), action.data() + action.size(), number);
  if (problem == std::errc() && end == action.data() + action.size() && is_free(number)) return number;
  number = kMaxNumber;
  while (!is_free(number)) --number;  // at most as many as the journal and this table keep
  return number;
}

Result<std::uint64_t> DdiActions::number_of(std::string_view action, std::string_view content,
                                            const std::function<bool(std::uint64_t)>& taken) {
  const auto known = named(action);
  if (known && known->content == content) return known->number;
  std::vector<DdiAction> next = actions_;
  next.push_back({.number = free_number(action, taken), .server = server_, .action = std::string(action), .content = std::string(content)});
  if (next.size() > kMaxDdiActions) next.erase(next.begin());
  TRY(keep(file_, next));
  actions_ = std::move(next);
  return actions_.back().number;
}

std::optional<DdiAction> DdiActions::named(std::string_view action) const {
  const auto found =
      std::find_if(actions_.rbegin(), actions_.rend(), [&](const DdiAction& one) { return one.server == server_ && one.action == action; });
  return found == actions_.rend() ? std::nullopt : std::optional(*found);
}

std::optional<DdiAction> DdiActions::numbered(std::uint64_t number) const {
  const auto found = std::ranges::find(actions_, number, &DdiAction::number);
  return found == actions_.end() ? std::nullopt : std::optional(*found);
}

std::optional<DdiAction> DdiActions::latest() const {
  const auto found = std::find_if(actions_.rbegin(), actions_.rend(), [&](const DdiAction& one) { return one.server == server_; });
  return found == actions_.rend() ? std::nullopt : std::optional(*found);
}

}  // namespace aloft::agent
