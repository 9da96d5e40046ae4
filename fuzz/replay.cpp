// Runs a fuzz target without libFuzzer: each file of its corpus as it is, then seeded mutations of them. A smoke test; the long runs are
// `./dev fuzz`. The seed is fixed so that a failure repeats.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"

// targets.inc has a line TARGET(NAME) for each NAME_fuzz.cpp.
#define TARGET(name) extern "C" int name##_fuzz(const std::uint8_t* data, std::size_t size);
#include "targets.inc"
#undef TARGET

namespace {

namespace fs = std::filesystem;

constexpr unsigned kSeed = 20260101;
constexpr int kMutationsPerFile = 400;

struct Target {
  std::string_view name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};

constexpr Target kTargets[] = {
#define TARGET(name) {#name, name##_fuzz},
#include "targets.inc"
#undef TARGET
};

void run(const Target& target, const std::string& input) { target.run(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()); }

// Flips, cuts, repeats or overwrites a random piece.
void mutate(std::string& input, std::mt19937& random) {
  if (input.empty()) input.push_back('\0');
  const std::size_t at = random() % input.size();
  const std::size_t length = 1 + random() % std::min<std::size_t>(16, input.size() - at);
  switch (random() % 4) {
    case 0: input[at] = static_cast<char>(input[at] ^ static_cast<char>(1U << random() % 8)); break;
    case 1: input.erase(at, length); break;
    case 2: input.insert(at, input.substr(at, length)); break;
    default:
      for (std::size_t i = 0; i < length; ++i) input[at + i] = static_cast<char>(random() & 0xffU);
  }
}

std::vector<std::string> inputs_of(const fs::path& corpus) {
  std::vector<std::string> inputs;
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(corpus, missing))
    if (entry.is_regular_file()) inputs.push_back(aloft::read_file(entry.path()).value());
  return inputs;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: fuzz_replay TARGET CORPUS\n", stderr);
    return 2;
  }
  const Target* target = std::ranges::find(kTargets, std::string_view(argv[1]), &Target::name);
  if (target == std::ranges::end(kTargets)) {
    std::fprintf(stderr, "fuzz_replay: no target is called %s: there is no fuzz/%s_fuzz.cpp\n", argv[1], argv[1]);
    return 2;
  }
  std::vector<std::string> inputs = inputs_of(argv[2]);
  if (inputs.empty()) {
    std::fprintf(stderr, "fuzz_replay: the corpus %s is empty or missing: give it at least one input\n", argv[2]);
    return 1;
  }
  inputs.emplace_back();
  std::mt19937 random(kSeed);
  for (const std::string& original : inputs) {
    run(*target, original);
    std::string input = original;
    for (int i = 0; i < kMutationsPerFile; ++i) {
      if (i % 8 == 0) input = original;
      mutate(input, random);
      run(*target, input);
    }
  }
  std::printf("fuzz_replay: %zu inputs, %d mutations each, seed %u\n", inputs.size(), kMutationsPerFile, kSeed);
  return 0;
}
