#include "base/fresh_file.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>

#include "base/errors.hpp"
#include "base/random.hpp"

namespace aloft {
namespace {

// PATH.new may be somebody's file, and even the one that is read for this.
std::filesystem::path name_beside(std::filesystem::path path) {
  std::array<std::byte, 4> random;
  SystemRandom().fill(random);
  return path += "." + to_hex(random) + ".new";
}

// By which a file without a name gets one (linkat(2)); a chroot may have no /proc.
std::string name_in_proc(const Fd& fd) { return "/proc/self/fd/" + std::to_string(fd.get()); }

}  // namespace

Result<> check_replaceable(const std::filesystem::path& path) {
  std::error_code ignored;
  const auto there = std::filesystem::status(path, ignored);
  if (!std::filesystem::exists(there) || std::filesystem::is_regular_file(there)) return {};
  return fail(kBadArgument, path.string() + " is a folder, a pipe or a device, which is not replaced by a file; give the name of a file");
}

Result<> check_apart(const std::filesystem::path& output, const std::vector<std::filesystem::path>& inputs) {
  for (const auto& input : inputs) {
    std::error_code not_there;
    if (std::filesystem::equivalent(output, input, not_there))
      return fail(kBadArgument,
                  output.string() + " would take the place of " + input.string() + ", which it is made from; give another name");
  }
  return {};
}

Result<FreshFile> FreshFile::create(const std::filesystem::path& path) {
  TRY(check_replaceable(path));
  std::error_code dangling;
  auto real = std::filesystem::canonical(path, dangling);
  if (dangling) real = path;
  Fd nameless(::open(folder_of(real).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666));
  if (nameless && ::access(name_in_proc(nameless).c_str(), F_OK) == 0) return FreshFile(std::move(real), {}, std::move(nameless));
  auto named = name_beside(real);
  Fd fd = TRY(open_file(named, O_RDWR | O_CREAT | O_EXCL));
  return FreshFile(std::move(real), std::move(named), std::move(fd));
}

FreshFile::~FreshFile() {
  std::error_code ignored;
  if (!named_.empty()) std::filesystem::remove(named_, ignored);
}

Result<> FreshFile::publish() {
  if (named_.empty()) {
    if (::fsync(fd_.get()) != 0) return fail(system_error("cannot flush", path_, errno));
    auto name = name_beside(path_);  // link() replaces nothing, rename() does
    if (::linkat(AT_FDCWD, name_in_proc(fd_).c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return fail(system_error("cannot name", path_, errno));
    named_ = std::move(name);
  }
  TRY(publish_file(fd_.get(), named_, path_));
  named_.clear();
  return {};
}

Result<> write_fresh(const std::filesystem::path& path, std::string_view content) {
  FreshFile fresh = TRY(FreshFile::create(path));
  TRY(write_all(fresh.fd(), as_bytes(content)));
  return fresh.publish();
}

Result<Fd> nameless_file(const std::filesystem::path& folder) {
  std::string name = (folder / ".aloft-XXXXXX").string();
  Fd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return fail(system_error("cannot make a temporary file in", folder, errno));
  ::unlink(name.c_str());
  return fd;
}

}  // namespace aloft
