// An image onto raw NOR or NAND flash.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/flash.hpp"
#include "storage/flash_content.hpp"
#include "storage/target.hpp"

namespace aloft::storage {

// Block after block from the first on: erased, then its pages written, but for those that are all 0xff, which stay erased (UBI and UBIFS
// images need that on NAND). Bad blocks are passed over; a NAND block that fails to be erased or written is marked bad and the next one
// takes its content. What is left of the flash is erased. In the end everything is read back, bad blocks looked for anew, against the
// image's digest. Memory: two blocks. Errors: kFlashFull when good blocks run out, kFlashFailing when far more blocks fail than do on a
// chip that is sound (so that a broken controller does not mark the whole chip bad), kFlashEcc, kReadBack, and the device's.
class FlashTarget final : public StreamTarget {
 public:
  // `name` is for messages.
  FlashTarget(std::unique_ptr<Flash> flash, std::string name) : flash_(std::move(flash)), name_(std::move(name)) {}
  Result<> begin(const bundle::Image& image) override;
  Result<> append(ByteView content) override;
  Result<> finish() override;
  void abort() override {}
  bundle::ReadContent written() override;

 private:
  Result<bool> next_block();
  Result<> write_block();
  Result<Flash::Done> fill(std::uint64_t block);
  Result<> retire(std::uint64_t block);
  Result<> erase_rest();
  Result<> read_back();
  std::unique_ptr<Flash> flash_;
  const std::string name_;
  crypto::Digest expected_{};
  std::uint64_t size_bytes_ = 0;
  std::uint64_t next_ = 0;   // the first block that was not looked at yet
  std::uint64_t block_ = 0;  // the one that next_block() found
  std::uint64_t retired_ = 0;
  Bytes content_;  // of the block to come
  std::optional<FlashContent> written_;
};

}  // namespace aloft::storage
