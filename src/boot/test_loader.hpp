// For tests: a boot loader as a device has it, that is what Linux sees of its state and what it does itself at a boot. The contract test
// runs each over plain memory; the power-cut tests over disks that forget.
#pragma once

#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "boot/boot_control.hpp"
#include "boot/region.hpp"

namespace aloft::boot::test {

// A folder on the FAT that the boot loader reads: the system calls of a program, or of a boot loader, which flushes nothing.
class TestFat {
 public:
  virtual ~TestFat() = default;
  virtual std::vector<std::string> names() = 0;
  virtual std::optional<std::string> read(std::string_view name) = 0;
  virtual void create(std::string_view name, std::string_view content) = 0;
  virtual void overwrite(std::string_view name, std::size_t offset, std::string_view bytes) = 0;
  virtual void move(std::string_view from, std::string_view to) = 0;
  virtual void remove(std::string_view name) = 0;
  virtual void sync(std::string_view name) = 0;
  virtual void sync_folder() = 0;
};

// What outlives a restart. Handles on the same name share the content.
class TestStorage {
 public:
  virtual ~TestStorage() = default;
  // A region of exactly size_bytes, zeros at first.
  virtual std::unique_ptr<Region> region(const std::string& name, std::size_t size_bytes) = 0;
  // What a boot loader writes: in place, and it flushes nothing.
  virtual void write_unflushed(const std::string& name, std::uint64_t offset, std::string_view bytes) = 0;
  // Variables of the firmware: what outlives a power cut and is in no region.
  virtual std::map<std::string, std::string>& variables() = 0;
  // One durable change of a variable; none: it goes. The power may go before and after it.
  virtual void set_variable(const std::string& name, const std::optional<std::string>& value) = 0;
  virtual std::unique_ptr<TestFat> fat() = 0;
};

// Whose boots a boot loader counts.
enum class Counts : std::uint8_t { trials, every_boot };

// For TestLoader::boot: every slot can be started.
inline bool always(const std::string& /*slot*/) { return true; }

// Holds nothing itself that outlives a restart: the power-cut search copies the storage, and makes a loader for each copy.
class TestLoader {
 public:
  virtual ~TestLoader() = default;
  // A fresh one, as after each start of the agent.
  virtual std::unique_ptr<BootControl> control() = 0;
  // A restart, with the argument that the control asked for; boot() comes next.
  virtual void restart(const std::optional<std::string>&) {}
  // What the boot loader does, from power-on to a slot's kernel, over resets if need be: it counts, passes over what does not load, and
  // says what it started. Nothing where no slot can be started.
  virtual std::optional<std::string> boot(const std::function<bool(const std::string&)>& loads) = 0;
  // Every copy of the state.
  virtual void corrupt() = 0;
};

// What becomes of what a control writes.
enum class Medium : std::uint8_t {
  sound,
  loses,    // says that it was written, and has the old bytes
  garbles,  // says that it was written, and has one byte wrong: the first, of a variable the last
};

class MemoryStorage : public TestStorage {
 public:
  std::unique_ptr<Region> region(const std::string& name, std::size_t size_bytes) override {
    contents[name].resize(size_bytes);
    return std::make_unique<Handle>(*this, name);
  }
  void write_unflushed(const std::string& name, std::uint64_t offset, std::string_view bytes) override {
    contents.at(name).replace(offset, bytes.size(), bytes);
  }
  std::map<std::string, std::string>& variables() override { return variables_; }
  void set_variable(const std::string& name, const std::optional<std::string>& value) override {
    ++writes;
    if (medium == Medium::loses) return;
    if (value) {
      variables_[name] = *value;
      if (medium == Medium::garbles) variables_[name].back() ^= 1;
    } else if (medium == Medium::sound) {
      variables_.erase(name);
    }
  }
  std::unique_ptr<TestFat> fat() override { return std::make_unique<Folder>(*this); }

  std::map<std::string, std::string> contents;
  Medium medium = Medium::sound;
  unsigned writes = 0;                                    // durable ones of controls, not of boot loaders
  std::map<std::string, std::string, std::less<>> files;  // on the FAT

 private:
  class Handle final : public Region {
   public:
    Handle(MemoryStorage& storage, std::string name) : storage_(storage), name_(std::move(name)) {}
    Result<std::string> read() override { return storage_.contents.at(name_); }
    Result<> write(std::uint64_t offset, std::string_view sectors) override {
      const std::size_t size = storage_.contents.at(name_).size();
      const std::uint64_t end = offset + sectors.size();
      if (offset % kSectorBytes != 0 || (sectors.size() % kSectorBytes != 0 && end != size) || end > size) std::abort();
      ++storage_.writes;
      if (storage_.medium != Medium::loses) storage_.write_unflushed(name_, offset, storage_.taken(sectors));
      return {};
    }
    Result<> create(std::string_view content) override {
      ++storage_.writes;
      if (storage_.medium != Medium::loses) storage_.contents.at(name_) = storage_.taken(content);
      return {};
    }
    Result<> check_writable() override { return {}; }

   private:
    MemoryStorage& storage_;
    std::string name_;
  };
  class Folder final : public TestFat {
   public:
    explicit Folder(MemoryStorage& storage) : storage_(storage) {}
    std::vector<std::string> names() override {
      std::vector<std::string> names;
      for (const auto& [name, content] : storage_.files) names.push_back(name);
      return names;
    }
    std::optional<std::string> read(std::string_view name) override {
      const auto found = storage_.files.find(name);
      return found == storage_.files.end() ? std::nullopt : std::optional(found->second);
    }
    void create(std::string_view name, std::string_view content) override { storage_.files[std::string(name)] = content; }
    void overwrite(std::string_view name, std::size_t offset, std::string_view bytes) override {
      if (storage_.medium != Medium::loses) storage_.files.at(std::string(name)).replace(offset, bytes.size(), storage_.taken(bytes));
    }
    void move(std::string_view from, std::string_view to) override {
      storage_.files[std::string(to)] = storage_.files.at(std::string(from));
      remove(from);
    }
    void remove(std::string_view name) override { storage_.files.erase(storage_.files.find(name)); }
    void sync(std::string_view) override { ++storage_.writes; }
    void sync_folder() override {}

   private:
    MemoryStorage& storage_;
  };
  // As the medium has it.
  std::string taken(std::string_view bytes) const {
    std::string has(bytes);
    if (medium == Medium::garbles) has.at(0) ^= 1;
    return has;
  }
  std::map<std::string, std::string> variables_;
};

// A value that must be there.
template <typename T>
T must(Result<T> result) {
  if (!result) std::abort();
  return *std::move(result);
}

}  // namespace aloft::boot::test
