// SPDX-License-Identifier: Apache-2.0
// Standard output and standard error as C++ streams, for what writes to
// std::ostream. std::cout is never initialised in this program (cli/cli11.h).
#pragma once

#include <cstdio>
#include <ostream>
#include <streambuf>

namespace cli {

/// Passes everything on to a C stream, which buffers.
class StreamBuffer : public std::streambuf {
 public:
  explicit StreamBuffer(std::FILE* file) : file_(file) {}

 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    const auto wanted = static_cast<std::size_t>(size);
    return static_cast<std::streamsize>(std::fwrite(text, 1, wanted, file_));
  }
  int_type overflow(int_type c) override {
    if (traits_type::eq_int_type(c, traits_type::eof()))
      return traits_type::not_eof(c);
    return std::fputc(c, file_) == EOF ? traits_type::eof() : c;
  }
  int sync() override { return std::fflush(file_) == 0 ? 0 : -1; }

 private:
  std::FILE* file_;
};

}  // namespace cli
