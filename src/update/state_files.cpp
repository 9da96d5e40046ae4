#include "update/state_files.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/errors.hpp"
#include "base/file.hpp"

namespace aloft::update {

Result<StateFolder> StateFolder::open(const std::filesystem::path& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return fail(system_error("making the state folder", folder, problem.value()));
  const Fd fd = TRY(open_file(folder, O_RDONLY | O_DIRECTORY));
  return StateFolder(folder);
}

Result<std::optional<std::string>> StateFolder::read(std::string_view name) {
  auto content = read_file(folder_ / name);
  if (content) return std::optional(*std::move(content));
  if (content.error().code.number == kNotFound.number) return std::optional<std::string>();
  return fail(std::move(content).error());
}

Result<> StateFolder::replace(std::string_view name, std::string_view content) { return replace_file(folder_ / name, content, 0600); }

Result<> StateFolder::append(std::string_view name, std::string_view content) {
  const std::filesystem::path path = folder_ / name;
  const Fd fd = TRY(open_file(path, O_WRONLY | O_APPEND | O_CREAT, 0600));
  TRY(write_all(fd.get(), as_bytes(content)));
  if (::fsync(fd.get()) != 0) return fail(system_error("syncing", path, errno));
  const Fd folder = TRY(open_file(folder_, O_RDONLY | O_DIRECTORY));
  if (::fsync(folder.get()) != 0) return fail(system_error("syncing", folder_, errno));
  return {};
}

Result<> StateFolder::set_aside(std::string_view name) { return set_file_aside(folder_ / name); }

}  // namespace aloft::update
