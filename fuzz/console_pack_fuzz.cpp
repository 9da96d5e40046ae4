// The packed web console, whose files lie within it, and the header Accept-Encoding, which chooses among their encodings.
#include <string>
#include <string_view>

#include "require.hpp"
#include "server/console_pack.hpp"

extern "C" int console_pack_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto pack = server::ConsolePack::read(text)) {
    if (const auto* const index = pack->find("/index.html"); index != nullptr)
      for (const std::string_view piece : {index->plain, index->gzip, index->brotli})
        require(piece.empty() || (piece.data() >= text.data() && piece.data() + piece.size() <= text.data() + text.size()));
  }
  for (const char* const encoding : {"br", "gzip"}) {
    if (!server::accepts_encoding(text, encoding)) continue;
    require(text.contains('*') || server::accepts_encoding(text + ", identity", encoding));
    // Who names it first has decided.
    require(!server::accepts_encoding(std::string(encoding) + ";q=0, " + text, encoding));
  }
  return 0;
}
