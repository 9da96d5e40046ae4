// What several of the bundle commands take, and the commands themselves, put together by bundle_commands.cpp.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/commands.hpp"
#include "crypto/sign.hpp"

namespace CLI {
class App;
}

namespace aloft::cli {

// --key and --cert, once for each signer, in the same order.
struct SignerOptions {
  std::vector<std::string> keys;
  std::vector<std::string> certificates;
};
void add_signer_options(CLI::App& command, SignerOptions& options);
Result<std::vector<crypto::SigningIdentity>> load_signers(const SignerOptions& options);
// What is made takes the place of none of its inputs, nor of the keys it is signed with. Errors: kBadArgument.
Result<> check_output(const std::filesystem::path& output, std::vector<std::filesystem::path> inputs, const SignerOptions& signers);

void add_create_command(CLI::App& bundle, Run& run);
void add_verity_command(CLI::App& bundle, Run& run);
void add_sign_commands(CLI::App& bundle, Run& run);     // sign, extract-manifest, attach
void add_inspect_commands(CLI::App& bundle, Run& run);  // verify, show, unpack

}  // namespace aloft::cli
