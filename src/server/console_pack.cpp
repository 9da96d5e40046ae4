#include "server/console_pack.hpp"

#include <algorithm>
#include <charconv>

#include "base/errors.hpp"
#include "base/json.hpp"

#ifdef ALOFT_CONSOLE
extern "C" const char _binary_console_pack_start[];
extern "C" const char _binary_console_pack_end[];
#endif

namespace aloft::server {
namespace {

std::unexpected<Error> broken(const std::string& what) { return fail(kBadArgument, "the packed console is broken: " + what); }

// The member [offset, size] of a file, as the bytes that it stands for; empty when there is none.
Result<std::string_view> piece(JsonObject& file, const char* name, std::string_view bytes) {
  const Json* place = TRY(file.optional_array(name, 2));
  if (place == nullptr) return std::string_view{};
  if (place->size() != 2 || !(*place)[0].is_number_unsigned() || !(*place)[1].is_number_unsigned()) return broken("a place is no place");
  const auto offset = (*place)[0].get<std::uint64_t>();
  const auto size = (*place)[1].get<std::uint64_t>();
  if (offset > bytes.size() || size > bytes.size() - offset) return broken("a file lies beyond its end");
  return bytes.substr(offset, size);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

bool same_word(std::string_view given, std::string_view lower) {
  return std::ranges::equal(given, lower, [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; });
}

// "q=0", "q=0.0" and so on: not wanted.
bool refused(std::string_view parameters) {
  const std::size_t at = parameters.find("q=0");
  return at != std::string_view::npos && parameters.find_first_of("123456789", at) == std::string_view::npos;
}

}  // namespace

Result<ConsolePack> ConsolePack::embedded() {
#ifdef ALOFT_CONSOLE
  return read({_binary_console_pack_start, static_cast<std::size_t>(_binary_console_pack_end - _binary_console_pack_start)});
#else
  return ConsolePack{};
#endif
}

Result<ConsolePack> ConsolePack::read(std::string_view bytes) {
  const std::size_t line = std::min(bytes.find('\n'), bytes.size());
  std::size_t index_size = 0;
  const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + line, index_size);
  if (line == bytes.size() || error != std::errc{} || end != bytes.data() + line || index_size > bytes.size() - line - 1)
    return broken("it has no index");
  const Json index = TRY(parse_json(bytes.substr(line + 1, index_size)));
  const std::string_view content = bytes.substr(line + 1 + index_size);
  ConsolePack pack;
  auto object = TRY(JsonObject::of(index, "index"));
  for (const Json& entry : *TRY(object.array("files", 10'000))) {
    auto file = TRY(JsonObject::of(entry, "file"));
    std::string path = TRY(file.text("path"));
    File one;
    one.type = TRY(file.text("type"));
    one.etag = TRY(file.text("etag"));
    one.immutable = TRY(file.boolean("immutable"));
    one.plain = TRY(piece(file, "plain", content));
    one.gzip = TRY(piece(file, "gzip", content));
    one.brotli = TRY(piece(file, "brotli", content));
    pack.files_.emplace(std::move(path), std::move(one));
  }
  return pack;
}

const ConsolePack::File* ConsolePack::find(std::string_view path) const {
  const auto found = files_.find(path);
  return found == files_.end() ? nullptr : &found->second;
}

bool accepts_encoding(std::string_view accept_encoding, std::string_view encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    const std::size_t end = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view item = accept_encoding.substr(0, end);
    accept_encoding.remove_prefix(std::min(end + 1, accept_encoding.size()));
    const std::size_t semicolon = std::min(item.find(';'), item.size());
    const std::string_view name = trimmed(item.substr(0, semicolon));
    const bool wanted = !refused(item.substr(semicolon));
    if (same_word(name, encoding)) return wanted;
    if (name == "*") any = wanted;
  }
  return any;
}

}  // namespace aloft::server
