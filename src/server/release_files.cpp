#include "server/release_files.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace aloft::server {
namespace {

Result<crypto::OldDigests::Hex> digests_of(const Fd& file) {
  crypto::OldDigests digests;
  Bytes buffer(1U << 20);
  std::uint64_t at = 0;
  while (true) {
    const std::size_t got = TRY(read_full_at(file.get(), buffer, at));
    digests.update(ByteView(buffer).first(got));
    at += got;
    if (got < buffer.size()) return digests.finish();
  }
}

Result<> complete(fleet::Store& store, const fleet::BlobFolder& blobs, const fleet::Release& release) {
  const Result<Fd> file = blobs.read(release.sha256);
  if (!file) {
    log::warning("release " + std::to_string(release.id) + " has lost its file: " + file.error().text());
    return {};
  }
  const crypto::OldDigests::Hex hex = TRY(digests_of(*file));
  const fleet::ReleaseDigests digests{.file_name = file_name_of(release), .sha1 = hex.sha1, .md5 = hex.md5};
  TRY(fleet::wait<fleet::Release>([&](auto done) { store.complete_release(release.id, digests, done); }));
  return {};
}

}  // namespace

std::string file_name_of(const fleet::Release& release) {
  std::string name = release.product + "-" + release.version;
  std::ranges::replace_if(name, [](char c) { return !protocol::is_attribute_key(std::string_view(&c, 1)); }, '_');
  name.resize(std::min<std::size_t>(name.size(), 120));
  return name + "." + std::string(fleet::to_string(release.format));
}

Result<> finish_deletion(fleet::Store& store, const fleet::BlobFolder& blobs, std::uint64_t id) {
  if (const Result<> unused = store.check_deletable(id); !unused) {
    TRY(fleet::wait<>([&](auto done) { store.keep_release(id, done); }));
    return unused;
  }
  while (TRY(fleet::wait<bool>([&](auto done) { store.forget_release(id, done); }))) {
  }
  const auto deleted = TRY(fleet::wait<fleet::DeletedRelease>([&](auto done) { store.end_delete_release(id, done); }));
  TRY(blobs.remove(deleted.sha256));
  for (const crypto::Digest& delta : deleted.deltas) TRY(blobs.remove(delta));
  return {};
}

Result<> complete_deletions(fleet::Store& store, const fleet::BlobFolder& blobs) {
  for (const std::uint64_t id : TRY(store.releases_being_deleted())) {
    const Result<> finished = finish_deletion(store, blobs, id);
    if (!finished) log::warning("release " + std::to_string(id) + " is not deleted: " + finished.error().text());
  }
  return {};
}

Result<> complete_digests(fleet::Store& store, const fleet::BlobFolder& blobs) {
  fleet::ReleaseQuery query{.limit = 1000};
  while (true) {
    const std::vector<fleet::Release> page = TRY(store.releases(query));
    for (const fleet::Release& release : page)
      if (release.sha1.empty()) TRY(complete(store, blobs, release));
    if (page.size() < query.limit) return {};
    query.before = page.back().id;
  }
}

}  // namespace aloft::server
