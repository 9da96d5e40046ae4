#include "storage/sim_ext4.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace aloft::storage {
namespace {

constexpr std::size_t kMostOutcomes = 64;
constexpr std::size_t kFates = 4;

}  // namespace

SimExt4::Inode SimExt4::inode_of(std::string_view name) const {
  const auto found = current_.names.find(name);
  expect(found != current_.names.end());
  return found->second;
}

std::optional<std::string> SimExt4::read(std::string_view name) const {
  const auto found = current_.names.find(name);
  if (found == current_.names.end()) return std::nullopt;
  return *current_.contents.at(found->second);
}

void SimExt4::apply(Tree& tree, const Change& change) {
  static const auto kEmpty = std::make_shared<const std::string>();
  switch (change.kind) {
    case Kind::link:
      tree.names[change.name] = change.inode;
      tree.contents[change.inode] = kEmpty;
      break;
    case Kind::unlink:
      tree.names.erase(change.name);
      tree.contents.erase(change.inode);
      break;
    case Kind::move:
      if (const auto replaced = tree.names.find(change.to); replaced != tree.names.end()) tree.contents.erase(replaced->second);
      tree.names.erase(change.name);
      tree.names[change.to] = change.inode;
      break;
    case Kind::truncate: tree.contents[change.inode] = kEmpty; break;
    case Kind::grow:
    case Kind::overwrite: apply_data(tree, change, 0); break;
  }
}

// What may become of data that was not synced: 0 all of it is there, 1 none, 2 a part, 3 a part, and zeros for the rest.
std::size_t SimExt4::fates(const Change& change) { return is_metadata(change) ? 1 : change.kind == Kind::grow ? kFates : kFates - 1; }

void SimExt4::apply_data(Tree& tree, const Change& change, std::size_t fate) {
  const auto found = tree.contents.find(change.inode);
  if (found == tree.contents.end() || fate == 1) return;
  std::string content = *found->second;
  std::string bytes = change.bytes;
  if (fate >= 2) bytes.resize(bytes.size() / 2);
  if (fate == 3) bytes.resize(change.bytes.size(), '\0');
  if (change.kind == Kind::grow) {
    content += bytes;
  } else if (change.offset + bytes.size() <= content.size()) {
    content.replace(change.offset, bytes.size(), bytes);
  }
  found->second = std::make_shared<const std::string>(std::move(content));
}

// Visible to the program at once; durable with a commit.
void SimExt4::change(Change change) {
  pending_.push_back(change);
  if (power_->goes_now()) throw PowerLost();
  apply(current_, change);
}

void SimExt4::create(std::string_view name) {
  expect(!current_.names.contains(name));
  change({Kind::link, next_inode_++, std::string(name), "", "", 0});
}

void SimExt4::truncate(std::string_view name) { change({Kind::truncate, inode_of(name), "", "", "", 0}); }

void SimExt4::append(std::string_view name, std::string_view bytes) { change({Kind::grow, inode_of(name), "", "", std::string(bytes), 0}); }

void SimExt4::overwrite(std::string_view name, std::size_t offset, std::string_view bytes) {
  expect(offset + bytes.size() <= current_.contents.at(inode_of(name))->size());
  change({Kind::overwrite, inode_of(name), "", "", std::string(bytes), offset});
}

void SimExt4::move(std::string_view from, std::string_view to) {
  change({Kind::move, inode_of(from), std::string(from), std::string(to), "", 0});
}

void SimExt4::remove(std::string_view name) { change({Kind::unlink, inode_of(name), std::string(name), "", "", 0}); }

void SimExt4::sync(std::string_view name) {
  const Inode inode = inode_of(name);
  if (power_->goes_now()) throw PowerLost();
  commit(inode);
}

void SimExt4::sync_folder() {
  if (power_->goes_now()) throw PowerLost();
  commit(std::nullopt);
}

// All metadata so far, and the data of the synced file; data of others stays behind.
void SimExt4::commit(std::optional<Inode> synced) {
  std::vector<Change> behind;
  for (Change& change : pending_) {
    if (is_metadata(change) || change.inode == synced) {
      apply(durable_, change);
    } else {
      behind.push_back(std::move(change));
    }
  }
  pending_ = std::move(behind);
}

std::size_t SimExt4::metadata_changes() const {
  return static_cast<std::size_t>(std::ranges::count_if(pending_, [](const Change& change) { return is_metadata(change); }));
}

std::size_t SimExt4::combinations() const {
  std::size_t count = metadata_changes() + 1;
  for (const Change& change : pending_) count = std::min(count * fates(change), kMostOutcomes + 1);
  return count;
}

std::size_t SimExt4::outcomes(Effort) const { return combinations() <= kMostOutcomes ? combinations() : (metadata_changes() + 1) * kFates; }

void SimExt4::settle(std::size_t outcome, Effort, std::uint64_t) {
  const bool alike = combinations() > kMostOutcomes;
  std::size_t committed = outcome % (metadata_changes() + 1);
  outcome /= metadata_changes() + 1;
  std::set<Inode> behind;  // files of which a change did not make it: what was written to them later did not either
  for (const Change& change : pending_) {
    const std::size_t fate = outcome % fates(change);
    if (!alike) outcome /= fates(change);
    if (is_metadata(change)) {
      if (committed > 0) {
        --committed;
        apply(durable_, change);
      } else {
        behind.insert(change.inode);
      }
    } else if (!behind.contains(change.inode)) {
      apply_data(durable_, change, fate);
    }
  }
  pending_.clear();
  current_ = durable_;
}

void SimExt4::settle_kept() {
  durable_ = current_;
  pending_.clear();
}

void SimExt4::add_to(Fingerprint& fingerprint) const {
  for (const auto& [name, inode] : durable_.names) {
    fingerprint.add(name);
    fingerprint.add(*durable_.contents.at(inode));
  }
}

void SimExt4::fill(std::string_view name, std::string_view content) {
  for (Tree* tree : {&durable_, &current_}) {
    tree->names[std::string(name)] = next_inode_;
    tree->contents[next_inode_] = std::make_shared<const std::string>(content);
  }
  ++next_inode_;
}

}  // namespace aloft::storage
