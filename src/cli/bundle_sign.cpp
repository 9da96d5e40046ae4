#include <CLI/CLI.hpp>
#include <iostream>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"
#include "bundle/reader.hpp"
#include "bundle/writer.hpp"
#include "cli/bundle_options.hpp"
#include "crypto/trust.hpp"

namespace aloft::cli {
namespace {

struct SignOptions {
  std::string input;
  std::string output;
  SignerOptions signers;
  std::vector<std::string> signatures;
  bool replace = false;
  std::string manifest_file = "-";
  std::string signature_file;
};

// Writes the bundle with the further signature beside, or instead of, those it has.
Result<> rewrite(const SignOptions& options, bundle::ByteSource& source, bundle::Reader& reader, std::vector<Bytes> signatures) {
  TRY(reader.check_end());
  if (!options.replace && !reader.signature().empty()) signatures.push_back(reader.signature());
  const Bytes signature = signatures.size() == 1 ? signatures.front() : TRY(crypto::merge_signatures(signatures));
  const auto signers = TRY(crypto::claimed_signers(signature, as_bytes(reader.manifest_text())));
  const std::string output = options.output.empty() ? options.input : options.output;
  TRY(check_output(output, {options.signatures.begin(), options.signatures.end()}, options.signers));
  const auto payload = reader.stored_extent(0, 0).offset_bytes;
  TRY(bundle::write_bundle(output, reader.manifest_text(), signature, source,
                           {.offset_bytes = payload, .size_bytes = reader.size_bytes() - payload}));
  std::cout << output << ": signed by\n";
  for (const auto& signer : signers) std::cout << "  " << signer.subject << " (" << signer.algorithm << ")\n";
  return {};
}

Result<> sign(const SignOptions& options) {
  const auto signers = TRY(load_signers(options.signers));
  if (signers.empty()) return fail(kBadArgument, "give --key and --cert to sign with");
  const auto source = TRY(bundle::open_source(options.input));
  auto reader = TRY(bundle::Reader::open_unverified(*source));
  return rewrite(options, *source, reader, {TRY(crypto::sign_detached(as_bytes(reader.manifest_text()), signers))});
}

Result<> attach(const SignOptions& options) {
  const auto source = TRY(bundle::open_source(options.input));
  auto reader = TRY(bundle::Reader::open_unverified(*source));
  std::vector<Bytes> signatures;
  for (const auto& file : options.signatures) {
    const auto text = TRY(read_file(file, bundle::kMaxSignatureBytes));
    const auto bytes = as_bytes(text);
    const auto claimed = crypto::claimed_signers(bytes, as_bytes(reader.manifest_text()));
    if (!claimed) return fail(Error(claimed.error()).within(file));
    signatures.emplace_back(bytes.begin(), bytes.end());
  }
  return rewrite(options, *source, reader, std::move(signatures));
}

Result<> extract(const SignOptions& options) {
  const auto source = TRY(bundle::open_source(options.input));
  const auto reader = TRY(bundle::Reader::open_unverified(*source));
  for (const std::string& output : {options.manifest_file, options.signature_file}) TRY(check_apart(output, {options.input}));
  if (options.manifest_file == "-")
    std::cout << reader.manifest_text() << std::flush;
  else
    TRY(write_fresh(options.manifest_file, reader.manifest_text()));
  if (!options.signature_file.empty()) TRY(write_fresh(options.signature_file, as_text(reader.signature())));
  return {};
}

void add_rewrite_options(CLI::App& command, SignOptions& options) {
  command.add_option("BUNDLE", options.input, "The bundle")->required()->check(CLI::ExistingFile);
  command.add_option("-o,--output", options.output, "Where to write the signed bundle; without it, BUNDLE is replaced");
  command.add_flag("--replace", options.replace, "Drop the signatures that the bundle has, instead of adding to them");
}

}  // namespace

void add_sign_commands(CLI::App& bundle, Run& run) {
  const auto options = std::make_shared<SignOptions>();
  auto* sign_command = bundle.add_subcommand("sign", "Sign a bundle, or add a signer to it");
  add_rewrite_options(*sign_command, *options);
  add_signer_options(*sign_command, options->signers);
  sign_command->callback([options, &run] { run = [options] { return sign(*options); }; });

  auto* extract_command = bundle.add_subcommand("extract-manifest", "Write out the manifest: exactly the bytes that a signature is over");
  extract_command->footer(
      "To sign with a key kept elsewhere:\n  aloft bundle extract-manifest b.aloft -o manifest.json\n"
      "  openssl cms -sign -binary -noattr -md sha256 -in manifest.json -signer cert.pem -inkey key.pem -outform DER -out b.p7s\n"
      "  aloft bundle attach b.aloft --signature b.p7s");
  extract_command->add_option("BUNDLE", options->input, "The bundle")->required()->check(CLI::ExistingFile);
  extract_command->add_option("-o,--output", options->manifest_file, "Where to; -: standard output")->capture_default_str();
  extract_command->add_option("--signature", options->signature_file, "Also write the signature (DER CMS) to this file");
  extract_command->callback([options, &run] { run = [options] { return extract(*options); }; });

  auto* attach_command = bundle.add_subcommand("attach", "Attach signatures that were made elsewhere over the extracted manifest");
  add_rewrite_options(*attach_command, *options);
  attach_command->add_option("--signature", options->signatures, "Detached CMS in DER, its certificate included; may be given again")
      ->required()
      ->allow_extra_args(false)
      ->check(CLI::ExistingFile);
  attach_command->callback([options, &run] { run = [options] { return attach(*options); }; });
}

}  // namespace aloft::cli
