// SPDX-License-Identifier: Apache-2.0
// CLI11 without the start-up cost of <iostream>: that header gives every
// program an initialiser for the standard streams (0.15 ms here, a tenth of
// `corral run -- true`). CLI11 names std::cout and std::cerr only in functions
// that are not used here (App::exit, deprecate_option). So libstdc++'s header
// is marked as included, and what it would declare is declared.
#pragma once

#include <istream>
#include <ostream>

// NOLINTBEGIN(*-non-const-global-variables,*-macro-usage,*-identifier-naming):
// these names are libstdc++'s
#if defined(__GLIBCXX__) && !defined(_GLIBCXX_IOSTREAM)
#define _GLIBCXX_IOSTREAM 1
namespace std {
extern istream cin;
extern ostream cout;
extern ostream cerr;
extern ostream clog;
}  // namespace std
#endif
// NOLINTEND(*-non-const-global-variables,*-macro-usage,*-identifier-naming)

#include <CLI/CLI.hpp>
