#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"
#include "bundle/content.hpp"
#include "bundle/reader.hpp"
#include "cli/bundle_options.hpp"
#include "cli/bundle_show.hpp"
#include "cli/progress.hpp"

namespace aloft::cli {
namespace {

struct InspectOptions {
  std::string input;
  std::string trust;
  std::string folder;
  bool json = false;
  bool unverified = false;
};

struct Opened {
  std::unique_ptr<bundle::ByteSource> source;
  bundle::Reader reader;
};

Result<Opened> open(const InspectOptions& options) {
  auto source = options.input == "-" ? bundle::stream_source(STDIN_FILENO) : TRY(bundle::open_source(options.input));
  if (options.trust.empty()) {
    auto reader = TRY(bundle::Reader::open_unverified(*source));
    return Opened{std::move(source), std::move(reader)};
  }
  const auto trust = TRY(crypto::TrustStore::load(options.trust));
  auto reader = TRY(bundle::Reader::open(*source, trust, SystemClock().now()));
  return Opened{std::move(source), std::move(reader)};
}

Result<> verify(const InspectOptions& options) {
  auto opened = TRY(open(options));
  {
    Progress progress("verifying");
    TRY(bundle::read_contents(opened.reader, nullptr, [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); }));
  }
  std::cout << options.input << ": good: " << opened.reader.manifest().product << " " << opened.reader.manifest().version
            << ", signed by\n";
  for (const auto& signer : opened.reader.signers()) std::cout << "  " << signer.subject << " (" << signer.algorithm << ")\n";
  return {};
}

Result<> show(const InspectOptions& options) {
  const auto opened = TRY(open(options));
  std::cout << (options.json ? show_json(opened.reader) : show_text(opened.reader));
  return {};
}

// An image file under its final name only once all of the bundle was good.
struct Output {
  std::filesystem::path path;
  FreshFile file;
};

Result<std::vector<Output>> make_outputs(const bundle::Manifest& manifest, const InspectOptions& options) {
  const std::filesystem::path folder = options.folder;
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return fail(kIo, "cannot make the folder " + folder.string() + ": " + problem.message());
  std::vector<Output> outputs;
  for (const auto& image : manifest.images) {
    auto path = folder / image.name;  // names hold no slash and do not begin with a dot
    TRY(check_apart(path, {options.input}));
    FreshFile file = TRY(FreshFile::create(path));
    if (::ftruncate(file.fd(), static_cast<off_t>(image.size_bytes)) != 0) return fail(system_error("cannot make", path, errno));
    outputs.push_back({std::move(path), std::move(file)});
  }
  return outputs;
}

Result<> fill(bundle::Reader& reader, const std::vector<Output>& outputs) {
  Progress progress("unpacking");
  const auto sink = [&](std::size_t image, std::uint64_t offset, ByteView content) -> Result<> {
    if (std::ranges::all_of(content, [](std::byte b) { return b == std::byte{0}; })) return {};  // a hole
    return write_all_at(outputs[image].file.fd(), content, offset);
  };
  return bundle::read_contents(reader, sink, [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); });
}

Result<> unpack(const InspectOptions& options) {
  if (options.trust.empty() && !options.unverified)
    return fail(kBadArgument, "give --trust FOLDER, or --unverified to unpack what nobody has vouched for");
  auto opened = TRY(open(options));
  auto outputs = TRY(make_outputs(opened.reader.manifest(), options));
  TRY(fill(opened.reader, outputs));
  for (Output& output : outputs) {
    TRY(output.file.publish());
    std::cout << output.path.string() << "\n";
  }
  return {};
}

CLI::Option* add_trust_option(CLI::App& command, InspectOptions& options) {
  return command.add_option("--trust", options.trust, "Folder with trust anchors (*.pem) and revocation lists (*.crl)")
      ->check(CLI::ExistingDirectory);
}

}  // namespace

void add_inspect_commands(CLI::App& bundle, Run& run) {
  const auto options = std::make_shared<InspectOptions>();
  auto* verify_command = bundle.add_subcommand("verify", "Check signature and content of a bundle as a device would, to the last byte");
  verify_command->add_option("BUNDLE", options->input, "The bundle; -: standard input")->required();
  add_trust_option(*verify_command, *options)->required();
  verify_command->callback([options, &run] { run = [options] { return verify(*options); }; });

  auto* show_command = bundle.add_subcommand("show", "Show what a bundle is for and what is in it, without reading the payload");
  show_command->add_option("BUNDLE", options->input, "The bundle; -: standard input")->required();
  add_trust_option(*show_command, *options);
  show_command->add_flag("--json", options->json, "As JSON");
  show_command->callback([options, &run] { run = [options] { return show(*options); }; });

  auto* unpack_command = bundle.add_subcommand("unpack", "Write a bundle's images to files, each checked");
  unpack_command->add_option("BUNDLE", options->input, "The bundle; -: standard input")->required();
  unpack_command->add_option("-C,--directory", options->folder, "Where to put the images; made if missing")->required();
  add_trust_option(*unpack_command, *options);
  unpack_command->add_flag("--unverified", options->unverified, "Do not check who signed it");
  unpack_command->callback([options, &run] { run = [options] { return unpack(*options); }; });
}

}  // namespace aloft::cli
