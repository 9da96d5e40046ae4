// An identity provider's keys and tokens, for tests.
#pragma once

#include <cjose/cjose.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/bytes.hpp"
#include "base/json.hpp"

namespace aloft::oidc {

class TestKey {
 public:
  static TestKey rsa(const std::string& id, std::size_t bits = 2048) {
    cjose_err error{};
    return {cjose_jwk_create_RSA_random(bits, reinterpret_cast<const std::uint8_t*>("\x01\x00\x01"), 3, &error), id};
  }
  static TestKey p256(const std::string& id) {
    cjose_err error{};
    return {cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error), id};
  }
  static TestKey symmetric(std::string_view secret) {
    cjose_err error{};
    return {cjose_jwk_create_oct_spec(reinterpret_cast<const std::uint8_t*>(secret.data()), secret.size(), &error), ""};
  }

  // As the provider publishes it.
  Json published() const {
    cjose_err error{};
    char* text = cjose_jwk_to_json(key_.get(), false, &error);
    Json json = parse_json(text).value();
    std::free(text);
    json["kid"] = id_;
    return json;
  }
  // header: what is added to "alg" and "kid".
  std::string sign(const std::string& algorithm, const std::string& payload, const Json& header = Json::object()) const {
    Json all{{"alg", algorithm}};
    if (!id_.empty()) all["kid"] = id_;
    for (const auto& [key, value] : header.items()) all[key] = value;
    cjose_err error{};
    cjose_header_t* made = cjose_header_new(&error);
    for (const auto& [key, value] : all.items())
      if (value.is_string()) {
        cjose_header_set(made, key.c_str(), value.get<std::string>().c_str(), &error);
      } else {
        cjose_header_set_raw(made, key.c_str(), value.dump().c_str(), &error);
      }
    cjose_jws_t* jws = cjose_jws_sign(key_.get(), made, reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size(), &error);
    EXPECT_NE(jws, nullptr) << error.message;
    const char* text = nullptr;
    EXPECT_TRUE(cjose_jws_export(jws, &text, &error));
    const std::string token(text);
    cjose_jws_release(jws);
    cjose_header_release(made);
    return token;
  }

 private:
  TestKey(cjose_jwk_t* key, std::string id) : key_(key, &cjose_jwk_release), id_(std::move(id)) { EXPECT_NE(key, nullptr); }
  std::shared_ptr<cjose_jwk_t> key_;
  std::string id_;
};

inline std::string key_set(std::initializer_list<Json> keys) { return Json{{"keys", Json(keys)}}.dump(); }

// Without a signature, as an attacker writes it.
inline std::string unsigned_token(const Json& header, const std::string& payload) {
  return to_base64url(as_bytes(header.dump())) + "." + to_base64url(as_bytes(payload)) + ".";
}

}  // namespace aloft::oidc
