// SPDX-License-Identifier: Apache-2.0
// The words of an entrypoint that stands in for another one: what is written,
// where, and when it leaves. As the standard streams of C do it: standard error
// and a terminal get every line at once, whole; any other standard output is
// kept until 4096 bytes are there or the program ends, in the child as well if
// it was made meanwhile. The texts of errors and signals are glibc's.
#pragma once

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/text.h"

namespace reaper::compat {

/// What fills a format: %s is the text every time, %d the numbers in their
/// order, %m the text of errno.
struct Filling {
  const char* text = "";
  int first = 0;
  int second = 0;
};

/// strerror(3) in glibc's words, which the peers' users have in their scripts.
[[nodiscard]] inline const char* error_text(int code) {
  struct Row {
    int code;
    const char* text;
  };
  // Where musl's words are others, of what exec, a terminal or a fork may say.
  static constexpr Row kRows[] = {
      {EIO, "Input/output error"},
      {ENOMEM, "Cannot allocate memory"},
      {EMFILE, "Too many open files"},
      {ENOTTY, "Inappropriate ioctl for device"},
      {ENAMETOOLONG, "File name too long"},
      {ELOOP, "Too many levels of symbolic links"},
      {ELIBBAD, "Accessing a corrupted shared library"},
  };
  for (const Row& row : kRows)
    if (row.code == code) return row.text;
  return std::strerror(code);
}

/// strsignal(3) in glibc's words.
[[nodiscard]] inline core::Text<24> signal_text(int number) {
  static constexpr char kTexts[] =
      "Hangup\0Interrupt\0Quit\0Illegal instruction\0Trace/breakpoint trap\0"
      "Aborted\0Bus error\0Floating point exception\0Killed\0"
      "User defined signal 1\0Segmentation fault\0User defined signal 2\0"
      "Broken pipe\0Alarm clock\0Terminated\0Stack fault\0Child exited\0"
      "Continued\0Stopped (signal)\0Stopped\0Stopped (tty input)\0"
      "Stopped (tty output)\0Urgent I/O condition\0CPU time limit exceeded\0"
      "File size limit exceeded\0Virtual timer expired\0"
      "Profiling timer expired\0Window changed\0I/O possible\0Power failure\0"
      "Bad system call";
  constexpr int kFirstRealTime = 34;  // glibc keeps two for its threads
  if (number >= kFirstRealTime)
    return core::Text<24>("Real-time signal ")
        .append_number(number - kFirstRealTime);
  if (number > SIGSYS)
    return core::Text<24>("Unknown signal ").append_number(number);
  const char* text = kTexts;
  for (; number > 1; --number)
    text += std::strlen(text) + 1;
  return text;
}

class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { flush(); }

  /// Leaves errno as it was.
  void print(const char* format, Filling filling = {}) {
    const int code = errno;
    char last = '\0';
    for (; *format != '\0'; ++format) {
      last = *format;
      if (last != '%') {
        put(last);
      } else if (*++format == 'd') {
        put_number(filling.first);
        filling.first = filling.second;
      } else {
        put_text(*format == 's' ? filling.text : error_text(code));
      }
    }
    if (last == '\n' && (fd_ == STDERR_FILENO || ::isatty(fd_) != 0)) flush();
    errno = code;
  }

 private:
  void put(char c) {
    if (size_ == sizeof data_) flush();
    data_[size_++] = c;
  }

  void put_text(const char* text) {
    while (*text != '\0')
      put(*text++);
  }

  void put_number(std::int64_t number) {
    if (number < 0) {
      put('-');
      number = -number;
    }
    if (number > 9) put_number(number / 10);
    put(static_cast<char>('0' + number % 10));
  }

  void flush() {
    for (std::size_t at = 0; at < size_;) {
      const ssize_t written = ::write(fd_, data_ + at, size_ - at);
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
    size_ = 0;
  }

  int fd_;
  std::size_t size_ = 0;
  char data_[4096] = {};
};

}  // namespace reaper::compat
