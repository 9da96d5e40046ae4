#include <cstdlib>
#include <vector>

#include "crypto/sign.hpp"
#include "crypto/trust.hpp"

// The corpus holds signatures over this text, by keys that were thrown away.
extern "C" int cms_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const auto content = as_bytes("what is signed");
  const auto cms = std::as_bytes(std::span(data, size));
  const auto signers = crypto::claimed_signers(cms, content);
  const std::vector<Bytes> twice(2, Bytes(cms.begin(), cms.end()));
  const auto merged = crypto::merge_signatures(twice);
  // A good signature merged with itself stays good, and has signers.
  if (signers && merged && crypto::claimed_signers(*merged, content).value_or(std::vector<crypto::Signer>{}).empty()) std::abort();
  return 0;
}
