// Files that an image has twice: an initrd's modules stand in the root file system, too.
#pragma once

#include "delta/make/cover.hpp"

namespace aloft::delta {

// A run of an image's bytes.
struct Run {
  std::uint64_t begin;
  std::uint64_t end;
};

// What of `image` lies within `streams` and again outside of them, neither being among `taken` (covers whose target says so): the target of
// each cover within, its source outside. The streams are in order. Memory: what is not taken, once.
Covers repeats_in_streams(ByteView image, const std::vector<Run>& streams, const Covers& taken);

// What the repeats have, as `covers` have it where it stands outside of the streams: added to these, which come in order and are put in
// order.
void add_repeated(const Covers& repeats, Covers& covers);

}  // namespace aloft::delta
