// Mender's update modules, protocol version 3, as they are: an executable, one state a call, a file tree to work in.
// Source: docs.mender.io, "Create a custom Update Module", and the file-api page of mender's update-modules documentation.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/child.hpp"
#include "storage/byte_queue.hpp"
#include "storage/target.hpp"

namespace aloft::storage {

struct ModuleSpec {
  std::filesystem::path module;            // such as /usr/share/mender/modules/v3/single-file
  std::filesystem::path tree;              // its work folder, ours alone; on the state partition, since it outlives restarts
  std::string device_type;                 // for the tree's current_device_type
  std::string artifact_name;               // for current_artifact_name
  std::chrono::seconds timeout{4 * 3600};  // for each state
};

// One module and its tree. The state that it is in stands in the tree, so that after a restart the right one follows.
class Module {
 public:
  explicit Module(ModuleSpec spec) : spec_(std::move(spec)) {}
  const ModuleSpec& spec() const { return spec_; }
  // A new tree, with what it says of the device and of the image. The old one is gone.
  Result<> make_tree(const bundle::Image& image) const;
  // Calls the module for a state that must succeed. kModule with its last line.
  Result<> call(const std::string& state) const;
  // For a state that asks: the first line that it prints.
  Result<std::string> ask(const std::string& state) const;

  // ArtifactInstall and the question whether it needs a restart of its own.
  Result<> install() const;
  // [ArtifactReboot, ArtifactVerifyReboot,] ArtifactCommit, Cleanup. May be called again after a restart at any point. A failure is rolled
  // back first, and then returned. Without a tree there is nothing to do.
  Result<> commit() const;
  // [ArtifactRollback, ArtifactRollbackReboot, ArtifactVerifyRollbackReboot,] ArtifactFailure, Cleanup; likewise.
  Result<> give_up() const;

 private:
  Result<> roll_back() const;
  Result<> clean_up() const;
  Result<> note(const std::string& state) const;
  std::string noted() const;
  const ModuleSpec spec_;
};

// The image is a tar archive of the payload's files, in their order; members below header/ (type-info, meta-data) go to the tree's header
// folder and must come first. finish() returns after ArtifactInstall. abort() calls ArtifactFailure and Cleanup, after a rollback where
// that is due.
class ModuleTarget final : public StreamTarget {
 public:
  explicit ModuleTarget(ModuleSpec spec) : module_(std::move(spec)) {}
  ~ModuleTarget() override { abort(); }
  Result<> begin(const bundle::Image& image) override;
  Result<> append(ByteView content) override;
  Result<> finish() override;
  void abort() override;

 private:
  Module module_;
  std::unique_ptr<ByteQueue> queue_;
  Result<> downloaded_;
  std::jthread worker_;
  bool begun_ = false;
};

}  // namespace aloft::storage
