// The few small files on the state partition: the seam through which the power-cut test forgets and tears.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace aloft::update {

class StateFiles {
 public:
  virtual ~StateFiles() = default;
  // Nothing where there is no such file. Errors: files' own.
  virtual Result<std::optional<std::string>> read(std::string_view name) = 0;
  // After a power cut the old or the new content stands; once this has returned, the new.
  virtual Result<> replace(std::string_view name, std::string_view content) = 0;
  // Durable once returned. A power cut before that may leave any part of `content` (but never changes what stood before it).
  virtual Result<> append(std::string_view name, std::string_view content) = 0;
  // Gives the file the name "NAME.bad", whatever it holds, in place of an earlier one: for a person to look at. Durable once returned.
  virtual Result<> set_aside(std::string_view name) = 0;
};

// Files in a folder of a journaling file system (ext4 and its like), readable by the owner only.
class StateFolder final : public StateFiles {
 public:
  // Of a folder that may be missing or broken: then reads find nothing, or fail, and writes fail.
  explicit StateFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}
  // Of one that is there; made if missing.
  static Result<StateFolder> open(const std::filesystem::path& folder);
  Result<std::optional<std::string>> read(std::string_view name) override;
  Result<> replace(std::string_view name, std::string_view content) override;
  Result<> append(std::string_view name, std::string_view content) override;
  Result<> set_aside(std::string_view name) override;

 private:
  std::filesystem::path folder_;
};

}  // namespace aloft::update
