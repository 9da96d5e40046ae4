// A tar archive onto a new file system.
#pragma once

#include <memory>
#include <thread>

#include "storage/target.hpp"
#include "storage/tree_writer.hpp"
#include "storage/volume.hpp"

namespace aloft::storage {

// begin() makes the file system, append() unpacks on a thread of its own, finish() flushes, unmounts, mounts read-only and compares the sum
// of all that is there with the sum of what was unpacked. Errors: the volume's, unpack_tree's, kReadBack.
class TreeTarget final : public StreamTarget {
 public:
  TreeTarget(std::unique_ptr<Volume> volume, const TreePolicy& policy) : volume_(std::move(volume)), policy_(policy) {}
  ~TreeTarget() override { abort(); }
  Result<> begin(const bundle::Image& image) override;
  Result<> append(ByteView content) override;
  Result<> finish() override;
  void abort() override;

 private:
  Result<TreeSum> unpacked();
  Result<> verify(const TreeSum& written);
  std::unique_ptr<Volume> volume_;
  const TreePolicy policy_;
  std::string image_;
  Fd root_;
  std::unique_ptr<ByteQueue> queue_;
  Result<TreeSum> sum_;
  std::jthread worker_;
};

}  // namespace aloft::storage
