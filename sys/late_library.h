// SPDX-License-Identifier: Apache-2.0
// The functions of a library that is loaded when it is first needed
// (dlopen(3)), so that programs which do without it do not wait for it.
#pragma once

#include <dlfcn.h>

namespace sys {

class LateLibrary {
 public:
  explicit LateLibrary(void* handle) : handle_(handle) {}

  /// Finds `name`, or remembers the first that is missing.
  template <class Function>
  LateLibrary& find(const char* name, Function& slot) {
    slot = reinterpret_cast<Function>(::dlsym(handle_, name));
    if (slot == nullptr && missing_ == nullptr) missing_ = name;
    return *this;
  }
  /// Null: nothing is.
  [[nodiscard]] const char* missing() const { return missing_; }

 private:
  void* handle_;
  const char* missing_ = nullptr;
};

}  // namespace sys
