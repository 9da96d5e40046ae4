// What devices tell of how they have been, the book that they keep it in, and what their scripts print.
#include "agent/inventory.hpp"
#include "agent/vitals.hpp"
#include "base/json.hpp"
#include "protocol/messages.hpp"
#include "require.hpp"

extern "C" int vitals_fuzz(const std::uint8_t* data, std::size_t size) {
  using namespace aloft;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  agent::Metrics metrics;
  agent::read_metrics(text, "script", metrics);
  require(metrics.size() <= protocol::kMaxMetrics);
  for (const auto& [name, value] : metrics) require(protocol::is_metric_name(name) && protocol::is_metric_value(value));
  agent::Attributes attributes;
  agent::read_attributes(text, "script", attributes);
  require(attributes.size() <= protocol::kMaxAttributes);
  for (const auto& [key, value] : attributes) require(protocol::is_attribute_key(key) && protocol::is_attribute_value(value));
  const auto json = parse_json(text);
  if (!json) return 0;
  if (const auto vitals = protocol::from_json<protocol::Vitals>(*json))
    require(protocol::to_json(*protocol::from_json<protocol::Vitals>(protocol::to_json(*vitals))) == protocol::to_json(*vitals));
  if (const auto page = agent::book_page_of(*json))
    require(agent::to_json(*agent::book_page_of(agent::to_json(*page))) == agent::to_json(*page));
  return 0;
}
