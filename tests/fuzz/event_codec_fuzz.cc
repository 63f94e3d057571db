// SPDX-License-Identifier: Apache-2.0
// The bytes of a journal entry: any bytes give an item or an error, and an item
// encodes to the bytes that it came from.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "core/event_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto item = core::decode(bytes);
  // An older one encodes to more.
  if (!item || data[0] != core::kEventCodecVersion) return 0;
  std::vector<std::byte> again;
  std::visit([&](const auto& each) { core::encode(each, again); }, *item);
  if (!std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()))
    std::abort();
  return 0;
}
