// For tests: the releases that a simulated device can be given, good and bad.
#pragma once

#include <algorithm>
#include <map>
#include <string>

#include "bundle/test_bundle.hpp"

namespace aloft::agent::test {

inline constexpr std::size_t kRootfsBytes = 3 * bundle::kMinFrameBytes + 5000;
inline constexpr std::size_t kBootBytes = bundle::kMinFrameBytes + 512;
inline constexpr std::size_t kSharedBytes = 6000;

enum class Character : std::uint8_t { good, unhealthy, panics, no_kernel };

struct Release {
  std::string version;
  Character character = Character::good;
  Bytes rootfs;
  Bytes boot;
  Bytes bundle;
  std::map<std::string, Bytes> shared;  // what devices on raw flash have besides, once: by slot class
  Bytes flash_bundle;                   // for them
  std::uint64_t security_version = 0;
  bool recovery = false;  // a recovery system: one image, in rootfs, for the class "recovery"
};

// Every release that was ever signed, by version.
class Releases {
 public:
  Releases() {
    add("0", Character::good);
    add("1", Character::good);
    add("2", Character::good);
    add("4", Character::good);
    add("5", Character::good);
    add("3-unhealthy", Character::unhealthy);
    add("3-panics", Character::panics);
    add("3-no-kernel", Character::no_kernel);
    add_recovery("1-recovery", Character::good);
    add_recovery("1-recovery-next", Character::good);
    add_recovery("1-recovery-panics", Character::panics);
  }
  const Release& at(const std::string& version) const { return all_.at(version); }
  const crypto::TrustStore& trust() const { return trust_; }
  const std::map<std::string, Release>& all() const { return all_; }

 private:
  // Releases have a frame of zeros in common, and their last frame; the rest differs.
  void add(const std::string& version, Character character) {
    const auto seed = static_cast<std::uint32_t>(all_.size());
    Release release{.version = version, .character = character};
    release.rootfs = bundle::test::test_content(kRootfsBytes, 7);
    std::ranges::copy(bundle::test::test_content(bundle::kMinFrameBytes, 100 + seed), release.rootfs.begin());
    std::fill_n(release.rootfs.begin() + bundle::kMinFrameBytes, bundle::kMinFrameBytes, std::byte{0});
    release.rootfs[2 * bundle::kMinFrameBytes + 9000] = static_cast<std::byte>(seed);
    release.boot = bundle::test::test_content(kBootBytes, 200 + seed);
    for (const char* name : {"firmware", "loader"})
      release.shared[name] = bundle::test::test_content(kSharedBytes, 400 + 2 * seed + (name[0] == 'l'));
    release.flash_bundle = sealed(release, {{"rootfs", release.rootfs},
                                            {"boot", release.boot},
                                            {"loader", release.shared.at("loader")},
                                            {"firmware", release.shared.at("firmware")}});
    release.bundle = sealed(release, {{"rootfs", release.rootfs}, {"boot", release.boot}});
    keep(std::move(release));
  }
  void add_recovery(const std::string& version, Character character) {
    Release release{.version = version, .character = character};
    release.rootfs = bundle::test::test_content(kBootBytes, 300 + static_cast<std::uint32_t>(all_.size()));
    release.recovery = true;
    release.bundle = sealed(release, {{"recovery", release.rootfs}});
    keep(std::move(release));
  }
  Bytes sealed(const Release& release, const std::vector<bundle::test::TestImage>& images) const {
    bundle::test::Built built = bundle::test::build(images, release.version);
    built.manifest.security_version = security_version(release);
    return bundle::test::sealed(built, {signer_});
  }
  static std::uint64_t security_version(const Release& release) { return 10 + static_cast<std::uint64_t>(release.version[0] - '0'); }
  void keep(Release release) {
    release.security_version = security_version(release);
    const std::string version = release.version;
    all_.emplace(version, std::move(release));
  }
  crypto::test::Authority authority_;
  crypto::SigningIdentity signer_ = authority_.issue(crypto::KeyType::p256);
  crypto::TrustStore trust_ = authority_.trust();
  std::map<std::string, Release> all_;
};

// Made once; making them takes as long as thousands of power cuts.
inline const Releases& releases() {
  static const Releases all;
  return all;
}

}  // namespace aloft::agent::test
