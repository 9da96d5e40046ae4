// aloft-rebuild: makes a new image out of an old one and a delta. It has no more in it than that takes, so that it runs in little memory.
// It is also the program that aloftd has its frames made in, when it stands beside it.
#include <iostream>

#include "base/fresh_file.hpp"
#include "bundle/reader.hpp"
#include "delta/errors.hpp"
#include "delta/image_file.hpp"
#include "delta/rebuild_worker.hpp"

namespace {

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr std::string_view kUsage =
    "aloft-rebuild OLD DELTA NEW\n"
    "Makes the image NEW out of the image OLD and a delta that `aloft delta create` has made of two images. NEW is a file that gets its\n"
    "name only when its digest is the one that the delta promises. It does what `aloft delta apply` does, in less memory.\n";

aloft::Result<> rebuild(const std::string& old_file, const std::string& delta_file, const std::string& output) {
  TRY(aloft::check_apart(output, {delta_file}));
  const auto delta_bytes = TRY(aloft::bundle::open_source(delta_file));
  auto patch = TRY(aloft::delta::Patch::open(*delta_bytes));
  if (patch.bundle()) return aloft::fail(aloft::delta::kWrongSource, delta_file + " makes a bundle, not an image; use `aloft delta apply`");
  const auto old = TRY(aloft::bundle::open_source(old_file));
  return aloft::delta::apply_to_file(*old, old_file, patch, output, {});
}

}  // namespace

int main(int argc, char** argv) {
  if (aloft::delta::is_rebuild_worker(argc, argv)) return aloft::delta::run_rebuild_worker(argv);
  const std::string first = argc > 1 ? argv[1] : "";
  if (argc == 2 && (first == "--version" || first == "--help")) {
    std::cout << (first == "--help" ? kUsage : "aloft-rebuild " ALOFT_VERSION "\n");
    return 0;
  }
  if (argc != 4) {
    std::cerr << kUsage;
    return kWrongUsage;
  }
  const auto done = rebuild(argv[1], argv[2], argv[3]);
  if (done) return 0;
  std::cerr << done.error().text() << '\n';
  return kFailed;
}
