// Runs one fuzz target without libFuzzer: each file of the corpus as it is, then seeded mutations of them. A smoke test; the long runs are
// `./dev fuzz`. The seed is fixed so that a failure repeats.
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr unsigned kSeed = 20260101;
constexpr int kMutationsPerFile = 400;

void run(const std::string& input) { LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size()); }

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

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> inputs{""};
  for (int i = 1; i < argc; ++i)
    for (const auto& entry : std::filesystem::directory_iterator(argv[i]))
      if (entry.is_regular_file()) inputs.push_back(aloft::read_file(entry.path()).value());
  if (inputs.size() == 1) {
    std::fputs("replay: the corpus is empty or missing: give at least one input\n", stderr);
    return 1;
  }
  std::mt19937 random(kSeed);
  for (const std::string& original : inputs) {
    run(original);
    std::string input = original;
    for (int i = 0; i < kMutationsPerFile; ++i) {
      if (i % 8 == 0) input = original;
      mutate(input, random);
      run(input);
    }
  }
  std::printf("replay: %zu inputs, %d mutations each, seed %u\n", inputs.size(), kMutationsPerFile, kSeed);
  return 0;
}
