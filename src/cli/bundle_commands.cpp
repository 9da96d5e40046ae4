#include <CLI/CLI.hpp>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"
#include "cli/bundle_options.hpp"

namespace aloft::cli {

void add_signer_options(CLI::App& command, SignerOptions& options) {
  command.add_option("--key", options.keys, "Signing key (PEM); again for each further signer")
      ->allow_extra_args(false)
      ->check(CLI::ExistingFile);
  command.add_option("--cert", options.certificates, "Its certificate (PEM), intermediate ones after it in the same file")
      ->allow_extra_args(false)
      ->check(CLI::ExistingFile);
}

Result<std::vector<crypto::SigningIdentity>> load_signers(const SignerOptions& options) {
  if (options.keys.size() != options.certificates.size()) return fail(kBadArgument, "give one --cert for each --key, in the same order");
  std::vector<crypto::SigningIdentity> signers;
  for (std::size_t i = 0; i < options.keys.size(); ++i)
    signers.push_back(TRY(crypto::load_identity(options.keys[i], options.certificates[i])));
  return signers;
}

Result<> check_output(const std::filesystem::path& output, std::vector<std::filesystem::path> inputs, const SignerOptions& signers) {
  inputs.insert(inputs.end(), signers.keys.begin(), signers.keys.end());
  inputs.insert(inputs.end(), signers.certificates.begin(), signers.certificates.end());
  return check_apart(output, inputs);
}

void add_bundle_commands(CLI::App& app, Run& run) {
  auto* bundle = app.add_subcommand("bundle", "Make, sign, verify, show and unpack bundles");
  bundle->require_subcommand(1);
  add_create_command(*bundle, run);
  add_verity_command(*bundle, run);
  add_sign_commands(*bundle, run);
  add_inspect_commands(*bundle, run);
}

}  // namespace aloft::cli
