#include "storage/tree_target.hpp"

#include "base/errors.hpp"
#include "base/log.hpp"
#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

constexpr std::size_t kTreeQueueBytes = 4U << 20;

}  // namespace

Result<> TreeTarget::begin(const bundle::Image& image) {
  image_ = image.name;
  TRY(volume_->format());
  root_ = TRY(volume_->mount(Access::read_write));
  queue_ = std::make_unique<ByteQueue>(kTreeQueueBytes);
  worker_ = std::jthread([this] {
    sum_ = unpack_tree(*queue_, root_.get(), policy_);
    queue_->give_up();
  });
  return {};
}

Result<TreeSum> TreeTarget::unpacked() {
  worker_.join();
  if (!sum_ && sum_.error().code.number == kNoSpace.number)
    return fail(kSlotFull, "image '" + image_ + "' does not fit: " + sum_.error().message);
  return sum_;
}

Result<> TreeTarget::append(ByteView content) {
  if (queue_->push(content)) return {};
  TRY(unpacked());
  return fail(kBadArchive, "image '" + image_ + "' goes on behind the archive's end");
}

Result<> TreeTarget::finish() {
  queue_->close();
  const TreeSum written = TRY(unpacked());
  TRY(volume_->release(std::move(root_)));
  return verify(written);
}

Result<> TreeTarget::verify(const TreeSum& written) {
  Fd root = TRY(volume_->mount(Access::read_only));
  const auto read = sum_tree(root.get(), policy_);
  TRY(volume_->release(std::move(root)));
  const TreeSum found = TRY(read);
  if (found == written) return {};
  return fail(kReadBack, "the file system of image '" + image_ + "' reads back differently than it was written (" +
                             std::to_string(found.entries()) + " entries of " + std::to_string(written.entries()) +
                             "); the slot's device may be failing");
}

void TreeTarget::abort() {
  if (queue_) queue_->cut();
  if (worker_.joinable()) worker_.join();
  if (!root_) return;
  if (auto released = volume_->release(std::move(root_)); !released) log::warning("slot: " + released.error().text());
}

}  // namespace aloft::storage
