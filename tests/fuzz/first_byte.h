// SPDX-License-Identifier: Apache-2.0
// A fuzz program with several readers: the first byte of an input says which.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace fuzz {

struct Reader {
  char letter;
  void (*read)(std::string_view bytes);
};

/// Gives the rest of the input to its reader; of another letter nothing is
/// made. What LLVMFuzzerTestOneInput() returns.
inline int read_by_first_byte(std::span<const Reader> readers,
                              const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.empty()) return 0;
  for (const Reader& reader : readers)
    if (reader.letter == input.front()) reader.read(input.substr(1));
  return 0;
}

}  // namespace fuzz
