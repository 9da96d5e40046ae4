#include "cli/bundle_show.hpp"

#include <sstream>

#include "base/json.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

std::uint64_t stored_bytes(const bundle::Image& image) {
  std::uint64_t sum = 0;
  for (const auto& frame : image.stored) sum += frame.size_bytes;
  return sum;
}

const char* name_of(bundle::Encoding encoding) { return encoding == bundle::Encoding::zstd ? "zstd" : "none"; }

struct Signature {
  const char* state;  // "verified", "not-verified", "unsigned", "bad"
  std::vector<crypto::Signer> signers;
  std::string problem;
};

Signature signature_of(const bundle::Reader& reader) {
  if (!reader.signers().empty()) return {"verified", reader.signers(), {}};
  if (reader.signature().empty()) return {"unsigned", {}, {}};
  auto claimed = crypto::claimed_signers(reader.signature(), as_bytes(reader.manifest_text()));
  if (!claimed) return {"bad", {}, claimed.error().text()};
  return {"not-verified", *std::move(claimed), {}};
}

std::string sentence_of(const Signature& signature) {
  const std::string state = signature.state;
  if (state == "verified") return "verified";
  if (state == "unsigned") return "NONE: devices will refuse this bundle";
  if (state == "bad") return "BAD: " + signature.problem;
  return "NOT VERIFIED: who signed is only claimed; give --trust FOLDER to check";
}

// A line of the description is not to pass for one that the program says.
std::string indented(const std::string& text) {
  std::string lines;
  for (const char c : text) lines += c == '\n' ? "\n                   " : std::string(1, c);
  return lines;
}

}  // namespace

std::string show_text(const bundle::Reader& reader) {
  const auto& manifest = reader.manifest();
  const auto signature = signature_of(reader);
  std::ostringstream out;
  out << "Product:           " << manifest.product << "\nHardware:         ";
  for (const auto& revision : manifest.hardware) out << " " << revision;
  out << "\nVersion:           " << manifest.version << "\nSecurity version:  " << manifest.security_version << "\n";
  if (!manifest.description.empty()) out << "Description:       " << indented(manifest.description) << "\n";
  out << "Bundle size:       " << readable_size(reader.size_bytes()) << " (" << reader.size_bytes() << " bytes)\n"
      << "Manifest digest:   " << to_hex(reader.manifest_sha256()) << "\n"
      << "Signature:         " << sentence_of(signature) << "\n";
  for (const auto& signer : signature.signers)
    out << "  " << signer.subject << " (" << signer.algorithm << ", certificate " << signer.fingerprint.substr(0, 16) << "...)\n";
  for (const auto& image : manifest.images) {
    out << "Image " << image.name << "\n"
        << "  Slot class:      " << image.slot_class << " (" << image.type << ")\n"
        << "  Size:            " << readable_size(image.size_bytes) << " (" << image.size_bytes << " bytes), stored in "
        << readable_size(stored_bytes(image)) << " (" << name_of(image.encoding) << ")\n"
        << "  Frames:          " << image.frame_count() << " of " << readable_size(image.frame_size_bytes)
        << (image.blocks ? ", packed by blocks" : "") << "\n"
        << "  Digest:          " << to_hex(image.sha256) << "\n";
    if (image.verity) out << "  dm-verity root:  " << to_hex(image.verity->root) << "\n";
  }
  return out.str();
}

std::string show_json(const bundle::Reader& reader) {
  const auto& manifest = reader.manifest();
  const auto signature = signature_of(reader);
  Json signers = Json::array();
  for (const auto& signer : signature.signers)
    signers.push_back({{"subject", signer.subject}, {"fingerprint", signer.fingerprint}, {"algorithm", signer.algorithm}});
  Json images = Json::array();
  for (const auto& image : manifest.images)
    images.push_back({{"name", image.name},
                      {"slot_class", image.slot_class},
                      {"type", image.type},
                      {"size", image.size_bytes},
                      {"stored_size", stored_bytes(image)},
                      {"encoding", name_of(image.encoding)},
                      {"frame_size", image.frame_size_bytes},
                      {"frames", image.frame_count()},
                      {"blocks", image.blocks.has_value()},
                      {"sha256", to_hex(image.sha256)}});
  const Json json = {{"product", manifest.product},
                     {"hardware", manifest.hardware},
                     {"version", manifest.version},
                     {"security_version", manifest.security_version},
                     {"description", manifest.description},
                     {"size", reader.size_bytes()},
                     {"manifest_sha256", to_hex(reader.manifest_sha256())},
                     {"signature", {{"state", signature.state}, {"signers", signers}}},
                     {"images", images}};
  return json.dump(2) + "\n";
}

}  // namespace aloft::cli
