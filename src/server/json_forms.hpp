// The operator API's JSON forms of the fleet's nouns, as docs/openapi.yaml has them.
#pragma once

#include "base/json.hpp"
#include "fleet/delta_store.hpp"
#include "fleet/fleet.hpp"

namespace aloft::server {

Json to_json(const fleet::Device& device);
Json to_json(const fleet::Group& group);
Json to_json(const fleet::DeviceType& type);
Json to_json(const fleet::EnrolmentToken& token);
Json to_json(const fleet::Release& release);
Json to_json(const fleet::Delta& delta);
Json to_json(const fleet::DownloadTotal& total);
Json to_json(const fleet::Deployment& deployment);
Json to_json(const fleet::Transition& transition);
Json to_json(const fleet::AccessToken& token);

}  // namespace aloft::server
