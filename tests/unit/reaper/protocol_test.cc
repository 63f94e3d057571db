// SPDX-License-Identifier: Apache-2.0
// What decides whether bytes from a socket are believed: the packet's head and
// the launch block. Every lie is refused; the honest form passes.
#include "reaper/protocol.h"

#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "reaper/launch_block.h"

namespace {

using Bytes = std::vector<std::byte>;

template <class T>
void put(Bytes& bytes, const T& value) {
  const auto raw = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
  bytes.insert(bytes.end(), raw.begin(), raw.end());
}

Bytes packet(const reaper::MessageHead& head, std::size_t body_size) {
  Bytes bytes;
  put(bytes, head);
  bytes.resize(bytes.size() + body_size);
  return bytes;
}

/// A block of one argument, no environment, and the directory "/".
struct Block {
  reaper::LaunchHeader header;
  std::uint64_t argument = 0;
  Bytes texts;

  Block() {
    header.argc = 1;
    const reaper::LaunchLayout layout = reaper::layout_of(header);
    argument = layout.texts;
    for (const char letter : std::string_view("true\0/\0", 7))
      texts.push_back(static_cast<std::byte>(letter));
    header.cwd = static_cast<std::uint32_t>(layout.texts + 5);
    header.size = static_cast<std::uint32_t>(layout.texts + texts.size());
  }

  [[nodiscard]] Bytes bytes() const {
    Bytes all;
    put(all, header);
    put(all, argument);
    put(all, std::uint64_t{0});  // ends argv
    put(all, std::uint64_t{0});  // ends envp
    all.insert(all.end(), texts.begin(), texts.end());
    return all;
  }
  [[nodiscard]] bool passes() const {
    const Bytes all = bytes();
    return reaper::LaunchBlock::check(all).has_value();
  }
};

}  // namespace

TEST_CASE("a packet is taken apart when its head tells the truth") {
  const auto head = reaper::head_for(reaper::MessageType::kHello, 8);
  const Bytes honest = packet(head, 8);
  const auto message = reaper::decode(honest);
  REQUIRE(message);
  CHECK(message->type == reaper::MessageType::kHello);
  CHECK(message->body.size() == 8);
  CHECK(reaper::body_as<reaper::Hello>(message->body).has_value());
  CHECK_FALSE(reaper::body_as<reaper::Welcome>(message->body).has_value());
}

TEST_CASE("a packet that lies about itself is dropped") {
  const auto honest = reaper::head_for(reaper::MessageType::kHello, 8);
  auto head = honest;
  head.magic ^= 1U;
  CHECK_FALSE(reaper::decode(packet(head, 8)));
  head = honest;
  ++head.version;
  CHECK_FALSE(reaper::decode(packet(head, 8)));
  CHECK_FALSE(reaper::decode(packet(honest, 7)));
  CHECK_FALSE(reaper::decode(packet(honest, 9)));
  const Bytes whole = packet(honest, 0);
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(reaper::decode(std::span(whole).first(size)));
}

TEST_CASE("a launch block passes when every offset is in its texts") {
  CHECK(Block().passes());
}

TEST_CASE("a launch block that points outside its texts is refused") {
  Block block;
  block.argument -= 1;  // into the numbers
  CHECK_FALSE(block.passes());
  block = Block();
  block.argument = block.header.size;
  CHECK_FALSE(block.passes());
  block = Block();
  block.header.cwd = 0;
  CHECK_FALSE(block.passes());
  block = Block();
  block.header.search_path = 8;
  CHECK_FALSE(block.passes());
}

TEST_CASE("a launch block that lies about its size is refused") {
  Block block;
  ++block.header.size;
  CHECK_FALSE(block.passes());
  block = Block();
  block.header.argc = 0;
  CHECK_FALSE(block.passes());
  block = Block();
  block.header.argc = 0x7FFFFFFFU;
  CHECK_FALSE(block.passes());
  block = Block();
  block.header.envc = 1;
  CHECK_FALSE(block.passes());
  const Bytes whole = Block().bytes();
  for (std::size_t size = 0; size < whole.size(); ++size)
    CHECK_FALSE(reaper::LaunchBlock::check(std::span(whole).first(size)));
}

TEST_CASE("the last text of a launch block ends in the block") {
  Block block;
  block.texts.back() = std::byte{'x'};
  CHECK_FALSE(block.passes());
}
