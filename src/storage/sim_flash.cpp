#include "storage/sim_flash.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "storage/errors.hpp"

namespace aloft::storage {
namespace {

constexpr std::size_t kErasureOutcomes = 5;
constexpr std::size_t kPageOutcomes = 3;
constexpr std::uint64_t kNorUnit = 512;  // what is told apart on a chip without pages

void demand(bool truth, const char* what) {
  if (truth) return;
  std::fprintf(stderr, "simulated flash: %s\n", what);
  std::abort();
}

}  // namespace

SimFlash::SimFlash(Power& power, const Geometry& geometry) : power_(&power), geometry_(geometry) {
  demand(geometry.block_bytes % unit() == 0 && geometry.size_bytes % geometry.block_bytes == 0, "a crooked geometry");
  pages_.resize(static_cast<std::size_t>(geometry.size_bytes / unit()));
  for (Page& page : pages_) page.bytes.assign(static_cast<std::size_t>(unit()), kErased);
}

std::uint64_t SimFlash::unit() const { return geometry_.is_nand ? geometry_.page_bytes : kNorUnit; }

void SimFlash::require_block(std::uint64_t block) const {
  demand(block % geometry_.block_bytes == 0 && block < geometry_.size_bytes, "not a block");
  demand(!bad_.contains(block), "a bad block is used");
}

void SimFlash::begin(Pending pending) {
  pending_ = std::move(pending);
  if (power_->goes_now()) throw PowerLost();
  pending_ = {};
}

void SimFlash::set(std::uint64_t offset, State state, ByteView bytes) {
  Page& page = page_at(offset);
  page.state = state;
  if (state == State::erased || state == State::weak) std::ranges::fill(page.bytes, kErased);
  if (!bytes.empty()) page.bytes.assign(bytes.begin(), bytes.end());
}

void SimFlash::write(std::uint64_t offset, ByteView bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += static_cast<std::size_t>(unit()))
    set(offset + at, State::written, bytes.subspan(at, static_cast<std::size_t>(unit())));
}

Result<> SimFlash::mark_bad(std::uint64_t block) {
  require_block(block);
  demand(geometry_.is_nand, "NOR has no bad blocks");
  begin({.kind = Pending::Kind::mark, .offset = block, .bytes = {}});
  bad_.insert(block);
  return {};
}

Result<Flash::Ecc> SimFlash::read(std::uint64_t offset, MutableByteView buffer) {
  demand(offset <= geometry_.size_bytes && buffer.size() <= geometry_.size_bytes - offset, "a read past the end");
  Ecc worst = Ecc::clean;
  for (std::size_t done = 0; done < buffer.size();) {
    const std::uint64_t at = offset + done;
    const std::uint64_t start = at / unit() * unit();
    const Page& page = page_at(at);
    const auto count = std::min(static_cast<std::size_t>(start + unit() - at), buffer.size() - done);
    std::copy_n(page.bytes.begin() + static_cast<std::ptrdiff_t>(at - start), count, buffer.begin() + static_cast<std::ptrdiff_t>(done));
    if (geometry_.is_nand && page.state == State::torn) worst = Ecc::uncorrectable;
    if (const auto set = ecc_.find(start); set != ecc_.end() && page.state == State::written) worst = std::max(worst, set->second);
    done += count;
  }
  return worst;
}

Result<Flash::Done> SimFlash::erase(std::uint64_t block) {
  require_block(block);
  begin({.kind = Pending::Kind::erase, .offset = block, .bytes = {}});
  const bool worn = worn_erase_.contains(block);
  for (std::size_t page = 0; page < pages_of_block(); ++page) set(block + page * unit(), worn ? State::torn : State::erased);
  return worn ? Done::worn : Done::well;
}

Result<Flash::Done> SimFlash::program(std::uint64_t offset, ByteView bytes) {
  const std::uint64_t block = offset / geometry_.block_bytes * geometry_.block_bytes;
  require_block(block);
  demand(offset % unit() == 0 && bytes.size() % unit() == 0 && !bytes.empty(), "a write that is not of whole pages");
  demand(offset + bytes.size() <= block + geometry_.block_bytes, "a write over the end of a block");
  for (std::uint64_t at = offset; at < block + geometry_.block_bytes; at += unit())
    demand(page_at(at).state == State::erased, "a page is written that is not erased, or before one in front of it");
  begin({.kind = Pending::Kind::program, .offset = offset, .bytes = Bytes(bytes.begin(), bytes.end())});
  write(offset, bytes);
  if (!worn_program_.contains(block)) return Done::well;
  set(offset + bytes.size() - unit(), State::torn);
  return Done::worn;
}

std::size_t SimFlash::outcomes(Effort) const {
  switch (pending_.kind) {
    case Pending::Kind::nothing: return 1;
    case Pending::Kind::mark: return 2;
    case Pending::Kind::erase: return kErasureOutcomes;
    case Pending::Kind::program: return static_cast<std::size_t>(pending_.bytes.size() / unit()) * kPageOutcomes + 1;
  }
  return 1;
}

void SimFlash::settle_program(std::size_t outcome) {
  const ByteView bytes(pending_.bytes);
  const auto whole = static_cast<std::size_t>(outcome / kPageOutcomes * unit());
  write(pending_.offset, bytes.first(whole));
  if (whole == bytes.size()) return;
  const ByteView next = bytes.subspan(whole, static_cast<std::size_t>(unit()));
  if (outcome % kPageOutcomes == 1) {
    Bytes half(next.begin(), next.end());
    std::fill(half.begin() + static_cast<std::ptrdiff_t>(half.size() / 2), half.end(), kErased);
    set(pending_.offset + whole, State::torn, half);
  }
  if (outcome % kPageOutcomes == 2) set(pending_.offset + whole, State::written, next);  // reads right today
}

void SimFlash::settle_erase(std::size_t outcome) {
  for (std::size_t page = 0; page < pages_of_block(); ++page) {
    const std::uint64_t at = pending_.offset + page * unit();
    const bool second_half = page >= pages_of_block() / 2;
    if (outcome == 1 || (outcome == 2 && second_half)) set(at, State::weak);
    if (outcome == 3) set(at, State::torn, Bytes(static_cast<std::size_t>(unit()), std::byte{0xa5}));
    if (outcome == 4) set(at, State::erased);
  }
}

void SimFlash::settle(std::size_t outcome, Effort, std::uint64_t) {
  if (pending_.kind == Pending::Kind::mark && outcome == 1) bad_.insert(pending_.offset);
  if (pending_.kind == Pending::Kind::erase) settle_erase(outcome);
  if (pending_.kind == Pending::Kind::program) settle_program(outcome);
  pending_ = {};
}

void SimFlash::add_to(Fingerprint& fingerprint) const {
  for (const Page& page : pages_) {
    fingerprint.add(static_cast<std::uint64_t>(page.state));
    fingerprint.add(as_text(page.bytes));
  }
  for (const std::uint64_t block : bad_) fingerprint.add(block);
}

void SimFlash::fill(std::uint64_t offset, ByteView bytes) { write(offset, bytes); }

}  // namespace aloft::storage
