// SPDX-License-Identifier: Apache-2.0
// Replays a corpus: gives every file below the named paths to the fuzz target
// once, then every prefix and a few bit flips of each, so that an ordinary test
// run with g++ and its sanitizers covers what fuzzing found. The mutations are
// fixed: two runs do the same.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::size_t kMostPrefixes = 4096;
constexpr std::size_t kMostFlips = 4096;

Bytes read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

/// How many inputs were made of this one.
std::size_t replay(const Bytes& input) {
  std::size_t count = 1;
  (void)LLVMFuzzerTestOneInput(input.data(), input.size());
  const std::size_t step = input.size() / kMostPrefixes + 1;
  for (std::size_t size = 0; size < input.size(); size += step, ++count) {
    const Bytes prefix(input.begin(),
                       input.begin() + static_cast<std::ptrdiff_t>(size));
    (void)LLVMFuzzerTestOneInput(prefix.data(), prefix.size());
  }
  const std::size_t flip = input.size() / kMostFlips + 1;
  Bytes changed = input;
  for (std::size_t at = 0; at < input.size(); at += flip, ++count) {
    const auto bit = static_cast<std::uint8_t>(1U << (at % 8));
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ bit);
    (void)LLVMFuzzerTestOneInput(changed.data(), changed.size());
    changed[at] = input[at];
  }
  return count;
}

int replay_paths(int count, char** paths) {
  std::size_t files = 0;
  std::size_t inputs = 0;
  for (int i = 1; i < count; ++i)
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(paths[i]))
      if (entry.is_regular_file()) {
        ++files;
        inputs += replay(read_all(entry.path()));
      }
  std::printf("%zu files, %zu inputs\n", files, inputs);
  return files > 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return replay_paths(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "cannot replay: %s\n", error.what());
    return 1;
  }
}
