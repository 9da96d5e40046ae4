#include "cli/bundle_description.hpp"

#include <algorithm>
#include <initializer_list>

#include "base/file.hpp"
#include "base/toml_table.hpp"
#include "cli/errors.hpp"

namespace aloft::cli {
namespace {

constexpr std::uint64_t kMaxDescriptionBytes = 1 << 20;

std::unexpected<Error> bad(const std::string& what) { return fail(kBadDescription, what); }

// One table of the file; knows which of its keys were read.
class Table {
 public:
  Table(const toml::table& table, std::string name) : table_(table), name_(std::move(name)) {}

  template <typename T>
  Result<> read(const char* key, T& value, const char* expected) {
    const auto* node = find(key);
    if (node == nullptr) return {};
    const auto found = node->value_exact<T>();
    if (!found) return wrong(key, expected);
    value = *found;
    return {};
  }
  Result<> read_texts(const char* key, std::vector<std::string>& values) {
    const auto* node = find(key);
    if (node == nullptr) return {};
    if (!node->is_array()) return wrong(key, "an array of texts");
    for (const auto& element : *node->as_array()) {
      if (!element.is_string()) return wrong(key, "an array of texts");
      values.push_back(element.as_string()->get());
    }
    return {};
  }
  const toml::node* find(const char* key) {
    known_.emplace_back(key);
    return table_.get(key);
  }
  std::unexpected<Error> wrong(const char* key, const char* expected) const { return bad(name_ + ": \"" + key + "\" must be " + expected); }
  Result<> no_more() const {
    for (const auto& [key, value] : table_)
      if (std::ranges::find(known_, key.str()) == known_.end()) return bad(name_ + ": unknown key \"" + std::string(key.str()) + "\"");
    return {};
  }

 private:
  const toml::table& table_;
  std::string name_;
  std::vector<std::string> known_;
};

Result<> set_encoding(const std::string& name, bundle::ImageFile& image) {
  if (name == "none")
    image.encoding = bundle::Encoding::none;
  else if (name != "zstd")
    return bad("[[image]]: \"encoding\" must be \"zstd\" or \"none\"");
  return {};
}

Result<bundle::ImageFile> read_image(const toml::table& source, const std::filesystem::path& folder) {
  Table table(source, "[[image]]");
  bundle::ImageFile image;
  std::string file;
  std::string encoding = "zstd";
  std::int64_t frame_size = bundle::kDefaultFrameBytes;
  bool blocks = false;
  bool verity = false;
  TRY(table.read("name", image.name, "text"));
  image.slot_class = image.name;
  TRY(table.read("slot_class", image.slot_class, "text"));
  TRY(table.read("type", image.type, "text"));
  TRY(table.read("file", file, "text"));
  TRY(table.read("encoding", encoding, "text"));
  TRY(table.read("frame_size", frame_size, "a number"));
  TRY(table.read("blocks", blocks, "true or false"));
  TRY(table.read("verity", verity, "true or false"));
  TRY(table.no_more());
  TRY(set_encoding(encoding, image));
  if (file.empty()) return table.wrong("file", "given");
  if (frame_size < bundle::kMinFrameBytes || frame_size > bundle::kMaxFrameBytes) return table.wrong("frame_size", "from 65536 to 4194304");
  image.path = folder / file;
  image.verity = verity;
  image.frame_size_bytes = static_cast<std::uint32_t>(frame_size);
  image.blocks = blocks ? bundle::BlockNames::include : bundle::BlockNames::omit;
  return image;
}

Result<> read_images(Table& table, const std::filesystem::path& folder, bundle::Recipe& recipe) {
  const auto* node = table.find("image");
  if (node == nullptr) return {};
  if (!node->is_array_of_tables()) return table.wrong("image", "one [[image]] table for each image");
  for (const auto& image : *node->as_array()) recipe.images.push_back(TRY(read_image(*image.as_table(), folder)));
  return {};
}

}  // namespace

Result<bundle::Recipe> load_description(const std::filesystem::path& file) {
  const auto text = TRY(read_file(file, kMaxDescriptionBytes));
  const auto parsed = parse_toml(text, file.string());
  if (!parsed) return bad(parsed.error().message);
  Table table(*parsed, file.string());
  bundle::Recipe recipe;
  std::int64_t security_version = 0;
  TRY(table.read("product", recipe.product, "text"));
  TRY(table.read_texts("hardware", recipe.hardware));
  TRY(table.read("version", recipe.version, "text"));
  TRY(table.read("security_version", security_version, "a number"));
  TRY(table.read("description", recipe.description, "text"));
  TRY(read_images(table, file.parent_path(), recipe));
  TRY(table.no_more());
  if (security_version < 0) return table.wrong("security_version", "at least 0");
  recipe.security_version = static_cast<std::uint64_t>(security_version);
  return recipe;
}

}  // namespace aloft::cli
