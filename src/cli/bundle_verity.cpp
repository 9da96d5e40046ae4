#include <CLI/CLI.hpp>
#include <iostream>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"
#include "bundle/writer.hpp"
#include "cli/bundle_options.hpp"

namespace aloft::cli {
namespace {

struct VerityOptions {
  std::string image;
  std::string output;
  SignerOptions signers;
};

// What an initramfs needs to know, as a shell can read it; and the signature that Linux checks, over the root's hexadecimal digits.
Result<> verity(const VerityOptions& options) {
  const auto signers = TRY(load_signers(options.signers));
  if (!signers.empty() && options.output.empty()) return fail(kBadArgument, "give -o as well: the signature goes to a file beside it");
  const bundle::Verity made = TRY(bundle::verity_of(options.image));
  const std::string root = to_hex(made.root);
  const std::string text = "ALOFT_VERITY_ROOT=" + root + "\nALOFT_VERITY_OFFSET=" + std::to_string(made.data_bytes) + "\n";
  if (options.output.empty()) {
    std::cout << text;
    return {};
  }
  for (const char* const ending : {"", ".p7s"}) TRY(check_output(options.output + ending, {options.image}, options.signers));
  TRY(write_fresh(options.output, text));
  if (signers.empty()) return {};
  const Bytes signature = TRY(crypto::sign_detached(as_bytes(root), signers));
  return write_fresh(options.output + ".p7s", as_text(signature));
}

}  // namespace

void add_verity_command(CLI::App& bundle, Run& run) {
  const auto options = std::make_shared<VerityOptions>();
  auto* command = bundle.add_subcommand("verity", "Say the dm-verity root that `create --verity` gives an image");
  command->footer(
      "The same image gives the same root, so that a boot image can be built with it before the bundle is made.\n"
      "With --key the root's digits are signed as well, to OUTPUT.p7s, for `veritysetup open --root-hash-signature`.");
  command->add_option("image", options->image, "The image file, without a hash tree")->required()->check(CLI::ExistingFile);
  command->add_option("-o,--output", options->output, "Where to write it (standard output)");
  add_signer_options(*command, options->signers);
  command->callback([options, &run] { run = [options] { return verity(*options); }; });
}

}  // namespace aloft::cli
