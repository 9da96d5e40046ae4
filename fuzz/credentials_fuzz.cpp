// The file that keeps an operator's session: what is read is written so that it reads the same again.
#include <string_view>

#include "cli/credentials.hpp"
#include "require.hpp"

extern "C" int credentials_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const auto credentials = cli::parse_credentials({reinterpret_cast<const char*>(data), size});
  if (credentials) require(cli::parse_credentials(cli::to_text(*credentials)).value() == *credentials);
  return 0;
}
