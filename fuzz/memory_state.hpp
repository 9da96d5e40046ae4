#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "update/state_files.hpp"

// A state folder in which every file is the same one.
class MemoryState final : public aloft::update::StateFiles {
 public:
  explicit MemoryState(std::string text) : text_(std::move(text)) {}
  aloft::Result<std::optional<std::string>> read(std::string_view) override { return std::optional(text_); }
  aloft::Result<> replace(std::string_view, std::string_view content) override {
    text_ = content;
    return {};
  }
  aloft::Result<> append(std::string_view, std::string_view content) override {
    text_ += content;
    return {};
  }
  aloft::Result<> set_aside(std::string_view) override {
    text_.clear();
    return {};
  }

 private:
  std::string text_;
};
