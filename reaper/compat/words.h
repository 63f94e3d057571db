// SPDX-License-Identifier: Apache-2.0
// The words of an entrypoint that stands in for another one: what is written,
// where, and when it leaves. As the standard streams of C do it: standard error
// and a terminal get every line at once, whole; any other standard output is
// kept until 4096 bytes are there or the program ends, in the child as well if
// it was made meanwhile. The texts of errors and signals are glibc's.
#pragma once

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include <cstdarg>
#include <cstddef>
#include <cstring>

#include "reaper/compat/packed.h"

namespace reaper::compat {

/// strerror(3) in glibc's words, which the peers' users have in their scripts.
[[nodiscard]] inline const char* error_text(int code) {
  struct Row {
    int code;
    const char* text;
  };
  // Where musl's words are others, of what exec, a terminal or a fork may say.
  static constexpr Row kRows[] = {
      {.code = EIO, .text = "Input/output error"},
      {.code = ENOMEM, .text = "Cannot allocate memory"},
      {.code = EMFILE, .text = "Too many open files"},
      {.code = ENOTTY, .text = "Inappropriate ioctl for device"},
      {.code = ENAMETOOLONG, .text = "File name too long"},
      {.code = ELOOP, .text = "Too many levels of symbolic links"},
      {.code = ELIBBAD, .text = "Accessing a corrupted shared library"},
  };
  for (const Row& row : kRows)
    if (row.code == code) return row.text;
  return std::strerror(code);
}

/// strsignal(3) in glibc's words, packed, for signals that are not real-time.
[[nodiscard]] inline const char* signal_text(int number) {
  const char* text =
      "Hangup\0Interrupt\0Quit\0Illegal instruction\0Trace/breakpoint trap\0"
      "Aborted\0Bus error\0Floating point exception\0Killed\0"
      "User defined signal 1\0Segmentation fault\0User defined signal 2\0"
      "Broken pipe\0Alarm clock\0Terminated\0Stack fault\0Child exited\0"
      "Continued\0Stopped (signal)\0Stopped\0Stopped (tty input)\0"
      "Stopped (tty output)\0Urgent I/O condition\0CPU time limit exceeded\0"
      "File size limit exceeded\0Virtual timer expired\0"
      "Profiling timer expired\0Window changed\0I/O possible\0Power failure\0"
      "Bad system call"_packed;
  for (; number > 1; --number)
    text += std::strlen(text) + 1;
  return text;
}

class Output {
 public:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): size_ bytes count
  explicit Output(int fd) : fd_(fd) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { flush(); }

  /// In `format`, which may be packed, %s is a text, %d a number, %S the signal
  /// of a number, and %m errno, which stays as it was.
  void print(const char* format, ...) {
    va_list fillings;
    va_start(fillings, format);
    print_list(format, fillings);
    va_end(fillings);
  }

  void print_list(const char* format, va_list fillings) {
    const int code = errno;
    for (; *format != '\0'; ++format) {
      if (*format != '%') {
        put_packed(*format);
        continue;
      }
      switch (*++format) {
        case 'd':
          put_number(va_arg(fillings, int));
          break;
        case 'S':
          put_signal(va_arg(fillings, int));
          break;
        case 's':
          put_text(va_arg(fillings, const char*));
          break;
        default:
          put_text(error_text(code));
      }
    }
    if (size_ > 0 && data_[size_ - 1] == '\n' && is_line_buffered()) flush();
    errno = code;
  }

 private:
  void put(char c) {
    if (size_ == sizeof data_) flush();
    data_[size_++] = c;
  }

  void put_packed(char packed) {
    unpack(packed, [this](char c) { put(c); });
  }

  void put_text(const char* text) {
    while (*text != '\0')
      put(*text++);
  }

  void put_signal(int number) {
    constexpr int kFirstRealTime = 34;  // glibc keeps two for its threads
    if (number <= SIGSYS) {
      for (const char* text = signal_text(number); *text != '\0'; ++text)
        put_packed(*text);
      return;
    }
    const bool is_real_time = number >= kFirstRealTime;
    put_text(is_real_time ? "Real-time" : "Unknown");
    put_text(" signal ");
    put_number(is_real_time ? number - kFirstRealTime : number);
  }

  void put_number(int number) {
    if (number < 0) {
      put('-');
      number = -number;
    }
    if (number > 9) put_number(number / 10);
    put(static_cast<char>('0' + number % 10));
  }

  [[nodiscard]] bool is_line_buffered() const {
    struct termios ignored = {};
    return fd_ == STDERR_FILENO ||
           ::syscall(SYS_ioctl, fd_, TCGETS, &ignored) == 0;
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
  char data_[4096];
};

}  // namespace reaper::compat
