// A program of the integrator that takes an image: the protocol of docs/slots.md, "Handlers".
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

#include "base/child.hpp"
#include "storage/target.hpp"

namespace aloft::storage {

struct HandlerSpec {
  std::filesystem::path program;
  std::string slot_class;
  std::string device;  // for its environment; may be empty
  std::chrono::seconds timeout{3600};
};

// begin() starts `PROGRAM install` with the image on its standard input; finish() closes that and waits for status 0. A program that has
// not got the whole image is killed before its input ends, and `PROGRAM abort` is run. Errors: kHandler (reject), kHandlerBusy for status
// 75 (retry).
class HandlerTarget final : public StreamTarget {
 public:
  explicit HandlerTarget(HandlerSpec spec) : spec_(std::move(spec)) {}
  ~HandlerTarget() override { abort(); }
  Result<> begin(const bundle::Image& image) override;
  Result<> append(ByteView content) override;
  Result<> finish() override;
  void abort() override;

 private:
  HandlerSpec spec_;
  std::optional<Child> child_;
  std::string said_;  // its last "error ..." line
};

// `PROGRAM commit` or `PROGRAM rollback`, which may come more than once.
Result<> call_handler(const HandlerSpec& spec, std::string_view verb);

}  // namespace aloft::storage
