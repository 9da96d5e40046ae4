#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>
#include <set>
#include <sstream>

#include "base/errors.hpp"
#include "base/fresh_file.hpp"
#include "bundle/manifest.hpp"
#include "bundle/reader.hpp"
#include "cli/commands.hpp"
#include "cli/progress.hpp"
#include "cli/terminal.hpp"
#include "patch/apply.hpp"
#include "patch/make.hpp"

namespace aloft::cli {
namespace {

struct DeltaOptions {
  std::string old_file;
  std::string new_file;
  std::string patch;
  std::string output;
  unsigned threads = 0;
  bool json = false;
};

std::string share(std::uint64_t part, std::uint64_t whole) {
  std::ostringstream out;
  out.precision(2);
  out << std::fixed << 100.0 * static_cast<double>(part) / static_cast<double>(whole) << " %";
  return out.str();
}

std::string version_of(const delta::BlockCoding& coding) {
  return std::string(delta::name_of(coding.compressor)) + " " + delta::version_text(coding);
}

// How an image was taken apart, and what a device must have for that.
void print_report(const delta::ImagePlan& image, const delta::PairReport& report) {
  if (!report.why_not.empty()) std::cout << "  image " << image.name << " is differenced as it stands: " << report.why_not << "\n";
  if (image.is_of_tree())
    std::cout << "  image " << image.name << ": from the files of a tree, " << image.files.count()
              << " runs of them; devices must have unpacked the old image, and read deltas of version 5\n";
  if (report.file_system.empty()) return;
  std::cout << "  image " << image.name << ": " << report.file_system << ", " << report.blocks_copied
            << " compressed blocks are in the old image, " << report.blocks_remade << " are made again from their content";
  if (report.blocks_stored > 0) std::cout << ", " << report.blocks_stored << " travel as they are (nothing here makes them again)";
  std::cout << "\n";
  std::set<std::string> versions;
  for (const auto& coding : image.codings)
    if (coding.version != 0) versions.insert(version_of(coding));
  for (const auto& version : versions) std::cout << "  devices need " << version << " for it; others take the full image\n";
}

Result<> create(const DeltaOptions& options) {
  TRY(check_apart(options.output, {options.old_file, options.new_file}));
  Progress progress("comparing");
  const delta::PairOptions pair{.limits = {}, .threads = options.threads};
  const auto made = TRY(patch::make_delta(options.old_file, options.new_file, options.output, pair,
                                          [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); }));
  std::cout << options.output << ": " << readable_size(made.size_bytes) << ", " << share(made.size_bytes, made.full_bytes) << " of "
            << options.new_file << "\n";
  for (std::size_t i = 0; i < made.reports.size(); ++i) print_report(made.plan.images[i], made.reports[i]);
  for (const auto& image : made.plan.images) {
    if (made.unknown_encoder.contains(image.name))
      std::cout << "  image " << image.name
                << ": its stored frames cannot be made again here, so `aloft delta apply` will refuse; devices do not need them\n";
  }
  if (made.frames_as_stored > 0) std::cout << "  " << made.frames_as_stored << " frames travel as the bundle stores them\n";
  return {};
}

Result<> apply(const DeltaOptions& options) {
  TRY(check_apart(options.output, {options.patch}));  // the old image may be replaced by the new one
  const auto source = TRY(bundle::open_source(options.patch));
  auto patch = TRY(delta::Patch::open(*source));
  Progress progress("putting together");
  TRY(patch::apply_delta(options.old_file, patch, options.output,
                         [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); }));
  std::cout << options.output << ": " << readable_size(std::filesystem::file_size(options.output)) << "\n";
  return {};
}

// "zstd 1.5.4 level 19"; of an image that is not taken apart, "none".
std::string blocks_made_by(const delta::ImagePlan& image) {
  std::string text;
  for (const auto& coding : image.codings)
    if (coding.version != 0) text += (text.empty() ? "" : ", ") + version_of(coding) + " level " + std::to_string(coding.level);
  return text.empty() ? "none" : text;
}

std::uint64_t sum_of(const delta::ImagePlan& image) {
  std::uint64_t sum = 0;
  for (const std::uint32_t size : image.record_bytes) sum += size;
  return sum;
}

Json codings_json(const delta::ImagePlan& image) {
  Json codings = Json::array();
  for (const auto& coding : image.codings)
    if (coding.version != 0)
      codings.push_back({{"compressor", delta::name_of(coding.compressor)},
                         {"version", delta::version_text(coding)},
                         {"level", coding.level},
                         {"window", coding.window},
                         {"variant", coding.variant}});
  return codings;
}

Json info_json(const delta::Patch& patch, const std::optional<bundle::Manifest>& manifest) {
  Json images = Json::array();
  for (const auto& image : patch.images())
    images.push_back({{"name", image.name},
                      {"old_size", image.source_bytes},
                      {"old_sha256", to_hex(image.source_sha256)},
                      {"new_size", image.target_bytes},
                      {"new_sha256", to_hex(image.target_sha256)},
                      {"frame_size", image.frame_bytes()},
                      {"frames", image.frame_count()},
                      {"records_size", sum_of(image)},
                      {"zstd_version", image.encoder},
                      {"zstd_level", image.encoder_level},
                      {"old_files", image.files.count()},
                      {"blocks_made_by", codings_json(image)}});
  Json json = {{"format", patch.version()}, {"size", patch.size_bytes()}, {"header_size", patch.header_bytes()}, {"images", images}};
  if (manifest) json["bundle"] = {{"product", manifest->product}, {"version", manifest->version}};
  return json;
}

Result<> info(const DeltaOptions& options) {
  const auto source = TRY(bundle::open_source(options.patch));
  const auto patch = TRY(delta::Patch::open(*source, delta::PatchUse::look));
  std::optional<bundle::Manifest> manifest;
  if (patch.bundle()) manifest = TRY(bundle::parse_manifest(patch.bundle()->manifest_text));
  if (options.json) {
    print_json(info_json(patch, manifest));
    return {};
  }
  std::ostringstream out;
  out << "Delta size:        " << readable_size(patch.size_bytes()) << " (" << patch.size_bytes() << " bytes), " << patch.header_bytes()
      << " of them before the records\n";
  if (manifest) out << "Makes the bundle:  " << manifest->product << " " << manifest->version << " (its signature is not checked here)\n";
  for (const auto& image : patch.images()) {
    out << "Image " << image.name << "\n"
        << "  From:            " << readable_size(image.source_bytes) << ", digest " << to_hex(image.source_sha256) << "\n"
        << (image.is_of_tree() ? "  Read from:       files of a tree, " + std::to_string(image.files.count()) + " runs of them\n" : "")
        << "  To:              " << readable_size(image.target_bytes) << ", digest " << to_hex(image.target_sha256) << "\n"
        << "  Blocks made by:  " << blocks_made_by(image) << "\n"
        << "  Records:         " << image.frame_count() << " of frames of " << readable_size(image.frame_bytes()) << ", "
        << readable_size(sum_of(image)) << " (" << share(sum_of(image), image.target_bytes) << ")\n";
  }
  print(out.str());
  return {};
}

}  // namespace

void add_delta_commands(CLI::App& app, Run& run) {
  auto* delta = app.add_subcommand("delta", "Make, show and apply deltas between two images or two bundles");
  delta->require_subcommand(1);
  const auto options = std::make_shared<DeltaOptions>();

  auto* create_command = delta->add_subcommand("create", "Make the delta that leads from an old image or bundle to a new one");
  create_command->add_option("old", options->old_file, "The old image file or bundle")->required()->check(CLI::ExistingFile);
  create_command->add_option("new", options->new_file, "The new one")->required()->check(CLI::ExistingFile);
  create_command->add_option("-o,--output", options->output, "The delta to make")->required();
  create_command->add_option("--threads", options->threads, "Threads; 0: one per core")->check(CLI::Range(0U, 64U));
  create_command->callback([options, &run] { run = [options] { return create(*options); }; });

  auto* info_command = delta->add_subcommand("info", "Say what a delta leads from and to");
  info_command->add_option("delta", options->patch, "The delta")->required();
  info_command->add_flag("--json", options->json, "As JSON");
  info_command->callback([options, &run] { run = [options] { return info(*options); }; });

  auto* apply_command = delta->add_subcommand("apply", "Make the new image or bundle from the old one and a delta");
  apply_command->add_option("old", options->old_file, "The old image file or bundle")->required();
  apply_command->add_option("delta", options->patch, "The delta")->required();
  apply_command->add_option("-o,--output", options->output, "The new image or bundle")->required();
  apply_command->callback([options, &run] { run = [options] { return apply(*options); }; });
}

}  // namespace aloft::cli
