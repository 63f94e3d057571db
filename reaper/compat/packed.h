// SPDX-License-Identifier: Apache-2.0
// Texts at six tenths of their size: a byte from 128 on stands for a pair of
// bytes, each of which may stand for another pair. "..."_packed is packed by
// the compiler; what reads it expands it a byte at a time. The bytes of a text
// are ASCII; a '%' and the byte behind it stay as they are. It is worth 2 KB of
// a program that is promised to stay under 100 KB.
#pragma once

#include <algorithm>
#include <cstddef>

namespace reaper::compat {

namespace detail {

/// The pairs that were commonest in the texts of this folder, each counted
/// after the ones before it were replaced. Any others would do, less well.
inline constexpr unsigned char kPairs[128][2] = {
    {'i', 'n'},   {'d', ' '},   {' ', ' '},   {' ', 't'},   {'e', ' '},
    {'i', 't'},   {'o', 'n'},   {'i', 'l'},   {'e', 'r'},   {'s', ' '},
    {'o', ' '},   {'r', 'e'},   {'a', 'l'},   {'s', 'i'},   {'e', 0x81},
    {':', ' '},   {'r', 'o'},   {'t', ' '},   {',', ' '},   {0x80, 'g'},
    {'o', 'r'},   {'g', 'n'},   {'.', '\n'},  {'c', 'h'},   {'a', 'n'},
    {'c', 'e'},   {0x82, 0x82}, {0x8D, 0x95}, {'a', 't'},   {0x83, 'h'},
    {'s', 'e'},   {'o', 'p'},   {'e', 'd'},   {' ', 'f'},   {0x9B, 0x8C},
    {0x83, 0x8A}, {0x97, 0x87}, {'t', 'i'},   {0x93, ' '},  {'p', 0x90},
    {'e', 'n'},   {'e', 'x'},   {'a', 'r'},   {'i', 0x89},  {'a', 0x87},
    {'y', ' '},   {'d', 'e'},   {0x9D, 0x84}, {0x86, ' '},  {'-', '-'},
    {0xA4, 0x81}, {0x85, 'h'},  {0x96, 0x82}, {'w', 0xB3},  {'s', 't'},
    {'o', 'f'},   {'l', 'e'},   {'I', 'N'},   {0x9A, 0x9A}, {'n', 'o'},
    {0xA7, 0x99}, {0xA2, ' '},  {'t', 0x8A},  {' ', 'O'},   {0xBC, 's'},
    {0xB5, ' '},  {'v', 0x88},  {'u', 'n'},   {'u', 'm'},   {'a', 0x89},
    {'T', 'H'},   {0xB4, '-'},  {0x9F, 0xA5}, {'a', 'p'},   {0xC0, 0x89},
    {0xA9, 0x85}, {0x9E, 't'},  {0x8E, 0xBE}, {'s', 'u'},   {'p', 'i'},
    {'i', 's'},   {' ', 'c'},   {0xC6, 'E'},  {0xAC, 0xA0}, {0x98, 0x81},
    {'i', 'm'},   {'g', 'e'},   {'D', ' '},   {0xD3, 0x8F}, {0xC2, 0x8D},
    {0x80, 't'},  {'w', 0xAA},  {'o', 'm'},   {'f', 0x94},  {'S', 'I'},
    {'R', ' '},   {'P', 'r'},   {0xE0, 0xDA}, {0xDE, 'G'},  {0xC8, 0xB0},
    {0xBB, 0x91}, {0xAC, 0xCD}, {0x8C, 'l'},  {0x8B, 'n'},  {0x88, ' '},
    {0x85, ' '},  {'u', 't'},   {'u', 's'},   {'u', 'p'},   {'u', 'l'},
    {'p', 'a'},   {'i', 0x99},  {'e', 's'},   {'e', 'l'},   {'a', 'm'},
    {'a', 'b'},   {']', ' '},   {'U', 's'},   {'T', ' '},   {'P', 'I'},
    {'O', 'N'},   {'A', 'R'},   {' ', '('},   {0xF7, 0xD7}, {0xCF, 'd'},
    {0xCE, 'b'},  {0xAA, 'g'},  {0xA8, 't'}};

/// The byte for a pair; 0: there is none.
struct PairIndex {
  unsigned char codes[128 + 128][128 + 128] = {};

  consteval PairIndex() {
    unsigned char code = 128;
    for (const auto& pair : kPairs)
      codes[pair[0]][pair[1]] = code++;
  }
};

inline constexpr PairIndex kPairIndex;

template <std::size_t N>
struct PackedText {
  char bytes[N] = {};
  std::size_t size = 0;  ///< with the NUL at its end

  // NOLINTNEXTLINE(google-explicit-constructor): a literal is what it is of
  consteval PackedText(const char (&text)[N]) {
    for (std::size_t at = 0; at < N; ++at) {
      auto last = static_cast<unsigned char>(text[at]);
      while (size > 0 && bytes[size - 1] != '%' &&
             (size == 1 || bytes[size - 2] != '%')) {
        const auto before = static_cast<unsigned char>(bytes[size - 1]);
        const unsigned char code = kPairIndex.codes[before][last];
        if (code == 0) break;
        last = code;
        --size;
      }
      bytes[size++] = static_cast<char>(last);
    }
  }
};

template <std::size_t N>
struct Bytes {
  char bytes[N] = {};

  consteval explicit Bytes(const char* from) { std::copy_n(from, N, bytes); }
};

template <PackedText text>
struct Packed {
  // NOLINTNEXTLINE(bugprone-dynamic-static-initializers): constexpr
  alignas(1) static constexpr Bytes<text.size> kText{text.bytes};
};

}  // namespace detail

template <detail::PackedText text>
consteval const char* operator""_packed() {
  return detail::Packed<text>::kText.bytes;
}

/// Gives `put` the bytes that a byte of a packed text stands for.
template <class Put>
constexpr void unpack(char packed, Put&& put) {
  const auto code = static_cast<unsigned char>(packed);
  if (code < 128) return put(packed);
  for (const unsigned char half : detail::kPairs[code - 128])
    unpack(static_cast<char>(half), put);
}

}  // namespace reaper::compat
