// Whatever comes as a filter: it is refused with a position, or it can be asked of a device and made into SQL that binds all its values.
#include <cstdlib>
#include <string_view>

#include "fleet/filter.hpp"
#include "fleet/filter_sql.hpp"

extern "C" int filter_fuzz(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto filter = aloft::fleet::Filter::parse(text);
  if (!filter) {
    if (filter.error().message.empty()) std::abort();
    return 0;
  }
  const aloft::fleet::DeviceFacts device{.name = "cam-01", .product = "p", .attributes = {{"k", "v*\\"}}, .tags = {"t"}};
  filter->matches(device, 1);
  const auto condition = aloft::fleet::compile_filter(*filter, 1, 1);
  if (condition.values.size() > 2 * aloft::fleet::kMaxFilterTerms) std::abort();
  // Nothing that people wrote may stand in the text.
  if (condition.text.find_first_of("\";\n") != std::string::npos) std::abort();
  const auto again = aloft::fleet::Filter::parse(filter->text());
  if (!again || aloft::fleet::compile_filter(*again, 1, 1).text != condition.text) std::abort();
  return 0;
}
