#include "storage/grown_target.hpp"

#include "base/errors.hpp"
#include "base/process.hpp"
#include "storage/file_device.hpp"

namespace aloft::storage {
namespace {

constexpr std::chrono::minutes kLimit{30};

Result<> run(const std::vector<std::string>& command, int highest_good_status) {
  const ProcessEnd end = TRY(run_process(command, kLimit));
  if (!end.timed_out && end.exit_status <= highest_good_status) return {};
  return fail(kProcess, command.front() + " " + command.back() +
                            (end.timed_out ? " took too long" : " ended with status " + std::to_string(end.exit_status)) + ": " +
                            last_line(end.output));
}

}  // namespace

// The tools open the device themselves and want it unused, so ours is let go before.
Result<> GrownTarget::finish(const bundle::Image& image) {
  if (image.verity) return {};  // not a byte of it may change
  close_device();
  TRY(run({"e2fsck", "-f", "-p", path_.string()}, 1));  // 1: something was mended, such as an unclean journal
  TRY(run({"resize2fs", path_.string()}, 0));
  TRY(run({"e2fsck", "-f", "-n", path_.string()}, 0));
  return TRY(FileDevice::open(path_))->flush();
}

}  // namespace aloft::storage
