#include "fleet/intake.hpp"

#include "bundle/reader.hpp"
#include "crypto/certificate.hpp"
#include "crypto/signed_data.hpp"

namespace aloft::fleet {
namespace {

Result<std::vector<std::string>> claimed_signers(const Bytes& signature) {
  crypto::SignedData data = TRY(crypto::SignedData::parse(signature));
  std::vector<std::string> subjects;
  for (int i = 0; i < data.signer_count(); ++i) {
    X509* certificate = TRY(data.certificate_of(i));
    X509_up_ref(certificate);
    subjects.push_back(crypto::Certificate(std::shared_ptr<x509_st>(certificate, X509_free)).subject());
  }
  return subjects;
}

Result<> check_content(bundle::Reader& reader) {
  Bytes buffer;
  const auto& images = reader.manifest().images;
  for (std::size_t image = 0; image < images.size(); ++image)
    for (std::uint64_t frame = 0; frame < images[image].frame_count(); ++frame) TRY(reader.fetch_frame(image, frame, buffer));
  for (std::size_t image = 0; image < images.size(); ++image) TRY(reader.fetch_blocks(image, buffer));
  return reader.check_end();
}

}  // namespace

Result<Release> inspect_bundle(const std::filesystem::path& file, const crypto::TrustStore* trust, WallTime now) {
  const auto source = TRY(bundle::open_source(file.string()));
  bundle::Reader reader =
      trust != nullptr ? TRY(bundle::Reader::open(*source, *trust, now)) : TRY(bundle::Reader::open_unverified(*source));
  Release release{.product = reader.manifest().product,
                  .hardware = reader.manifest().hardware,
                  .version = reader.manifest().version,
                  .security_version = reader.manifest().security_version,
                  .description = reader.manifest().description,
                  .manifest_sha256 = reader.manifest_sha256(),
                  .verified = trust != nullptr};
  release.signers = TRY(claimed_signers(reader.signature()));
  TRY(check_content(reader));
  return release;
}

}  // namespace aloft::fleet
