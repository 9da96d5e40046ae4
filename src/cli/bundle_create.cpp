#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <optional>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"
#include "base/json.hpp"
#include "bundle/writer.hpp"
#include "cli/bundle_description.hpp"
#include "cli/bundle_options.hpp"
#include "cli/progress.hpp"
#include "cli/terminal.hpp"

namespace aloft::cli {
namespace {

struct CreateOptions {
  std::string output;
  std::string description_file;
  std::optional<std::string> product;
  std::vector<std::string> hardware;
  std::optional<std::string> version;
  std::optional<std::uint64_t> security_version;
  std::optional<std::string> description;
  std::vector<std::string> images;  // NAME=FILE or NAME:CLASS=FILE
  std::vector<std::string> types;   // NAME=TYPE
  std::vector<std::string> verity;  // NAME
  bool blocks = false;
  std::optional<std::string> encoding;
  std::optional<std::uint32_t> frame_kib;
  int level = bundle::Recipe{}.level;
  unsigned threads = 0;
  SignerOptions signers;
  bool is_unsigned = false;
};

Result<bundle::ImageFile> image_of(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals + 1 == text.size()) return fail(kBadArgument, "--image needs NAME=FILE, not " + text);
  const std::string names = text.substr(0, equals);
  const auto colon = names.find(':');
  bundle::ImageFile image;
  image.name = names.substr(0, colon);
  image.slot_class = colon == std::string::npos ? image.name : names.substr(colon + 1);
  image.path = text.substr(equals + 1);
  return image;
}

Result<> set_types(const std::vector<std::string>& types, bundle::Recipe& recipe) {
  for (const std::string& text : types) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const auto image = std::ranges::find(recipe.images, name, &bundle::ImageFile::name);
    if (equals == std::string::npos || image == recipe.images.end())
      return fail(kBadArgument, "--type needs NAME=TYPE with the NAME of an image, not " + text);
    image->type = text.substr(equals + 1);
  }
  return {};
}

// The description file, and over it what the command line says.
Result<bundle::Recipe> recipe_of(const CreateOptions& options) {
  bundle::Recipe recipe;
  if (!options.description_file.empty()) recipe = TRY(load_description(options.description_file));
  if (options.product) recipe.product = *options.product;
  if (!options.hardware.empty()) recipe.hardware = options.hardware;
  if (options.version) recipe.version = *options.version;
  if (options.security_version) recipe.security_version = *options.security_version;
  if (options.description) recipe.description = TRY(utf8(*options.description, "--description"));
  if (!options.images.empty()) recipe.images.clear();
  for (const auto& image : options.images) recipe.images.push_back(TRY(image_of(image)));
  for (auto& image : recipe.images) {
    if (options.encoding) image.encoding = *options.encoding == "none" ? bundle::Encoding::none : bundle::Encoding::zstd;
    if (options.frame_kib) image.frame_size_bytes = *options.frame_kib * 1024;
    if (options.blocks) image.blocks = bundle::BlockNames::include;
  }
  TRY(set_types(options.types, recipe));
  for (const std::string& name : options.verity) {
    const auto image = std::ranges::find(recipe.images, name, &bundle::ImageFile::name);
    if (image == recipe.images.end()) return fail(kBadArgument, "--verity needs the NAME of an image, not " + name);
    image->verity = true;
  }
  recipe.level = options.level;
  recipe.threads = options.threads;
  return recipe;
}

Result<> create(const CreateOptions& options) {
  const auto signers = TRY(load_signers(options.signers));
  if (signers.empty() && !options.is_unsigned)
    return fail(kBadArgument,
                "give --key and --cert to sign with, or --unsigned to sign later (`aloft bundle sign`, `aloft bundle attach`)");
  const auto recipe = TRY(recipe_of(options));
  const std::filesystem::path output = options.output;
  const auto folder = folder_of(output);
  TRY(check_replaceable(output));
  std::vector<std::filesystem::path> inputs{options.description_file};
  for (const auto& image : recipe.images) inputs.emplace_back(image.path);
  TRY(check_output(output, std::move(inputs), options.signers));
  Progress progress("packing");
  auto packed = bundle::pack(recipe, folder, [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); });
  if (!packed && packed.error().code.number == kNoSpace.number) return fail(std::move(packed).error().within("making " + options.output));
  const auto package = TRY(std::move(packed));
  const Bytes signature = signers.empty() ? Bytes{} : TRY(crypto::sign_detached(as_bytes(package.manifest_text), signers));
  TRY(bundle::write_bundle(output, package, signature));
  std::cout << options.output << ": " << recipe.product << " " << recipe.version << ", "
            << readable_size(std::filesystem::file_size(output)) << (signers.empty() ? ", not signed" : "") << "\n";
  return {};
}

}  // namespace

void add_create_command(CLI::App& bundle, Run& run) {
  const auto options = std::make_shared<CreateOptions>();
  auto* command = bundle.add_subcommand("create", "Make a bundle from image files");
  command->footer(
      "Example:\n  aloft bundle create -o gateway-2.0.aloft --product gateway --hardware rev-a --version 2.0 \\\n"
      "    --image rootfs=rootfs.ext4 --key keys/signer.key --cert keys/signer.pem\n"
      "A description file holds the same as TOML: product, hardware, version, security_version, description, and\n"
      "[[image]] tables with name, slot_class, type, file, blocks, verity, encoding, frame_size. The command line goes over it.");
  command->add_option("-o,--output", options->output, "The bundle to make")->required();
  command->add_option("-d,--description-file", options->description_file, "TOML file that describes the bundle")->check(CLI::ExistingFile);
  command->add_option("--product", options->product, "Product that it is for");
  command->add_option("--hardware", options->hardware, "Hardware revision that it is for; may be given again")->allow_extra_args(false);
  command->add_option("--version", options->version, "Version of what is in it");
  command->add_option("--security-version", options->security_version, "Rollback floor: devices never go below the highest they committed");
  command->add_option("--description", options->description, "A note for people");
  command->add_option("--image", options->images, "NAME=FILE or NAME:SLOTCLASS=FILE; may be given again")->allow_extra_args(false);
  command->add_option("--type", options->types, "NAME=raw, tar, file, payload or ubifs: what an image is (raw); may be given again")
      ->allow_extra_args(false);
  command->add_option("--verity", options->verity, "NAME of an image that gets a dm-verity tree behind its data; may be given again")
      ->allow_extra_args(false);
  command->add_flag("--blocks", options->blocks,
                    "Name every 4 KiB block and pack it by itself, so that devices fetch only those that they lack");
  command->add_option("--encoding", options->encoding, "How the frames of all images are stored (zstd)")
      ->check(CLI::IsMember({"zstd", "none"}));
  command->add_option("--frame-size", options->frame_kib, "KiB of content in a frame of any image: a power of two from 64 to 4096 (256)")
      ->check(CLI::IsMember({"64", "128", "256", "512", "1024", "2048", "4096"}));
  command->add_option("--level", options->level, "zstd level, 1 (fast) to 19 (small)")->check(CLI::Range(1, 19))->capture_default_str();
  command->add_option("--threads", options->threads, "Threads to compress with; 0: one per core")->check(CLI::Range(0U, 64U));
  add_signer_options(*command, options->signers);
  command->add_flag("--unsigned", options->is_unsigned, "Do not sign; devices refuse it until it is signed")->excludes("--key");
  command->callback([options, &run] { run = [options] { return create(*options); }; });
}

}  // namespace aloft::cli
