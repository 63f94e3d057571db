// SPDX-License-Identifier: Apache-2.0
// The peers' command lines, numbers and packed texts, without running anything.
#include <cstdlib>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "reaper/compat/dispatch.h"

namespace {

namespace compat = reaper::compat;

std::string unpacked(const char* text) {
  std::string result;
  for (; *text != '\0'; ++text)
    compat::unpack(*text, [&](char c) { result += c; });
  return result;
}

/// What options were seen, as "h r=15:3 ".
struct Seen {
  std::string options;
  std::string command;
  int code = 0;
};

std::string seen;

template <char letter>
int see(compat::Peer&, const char* value) {
  seen += letter;
  if (value != nullptr) seen += std::string("=") + value;
  seen += ' ';
  return letter == 'x' ? 7 : compat::kGoOn;
}

constexpr compat::OptionRow kRows[] = {
    {'a', false, "all", see<'a'>},     {'v', false, "verbose", see<'v'>},
    {'V', false, "version", see<'V'>}, {'r', true, "rewrite", see<'r'>},
    {'x', false, nullptr, see<'x'>},
};

Seen read(const std::vector<const char*>& words, bool has_names,
          bool is_anywhere) {
  std::vector<char*> argv = {const_cast<char*>("name")};
  for (const char* const word : words)
    argv.push_back(const_cast<char*>(word));
  argv.push_back(nullptr);
  compat::Peer peer(compat::kDumbInit, "name");
  seen.clear();
  Seen result;
  result.code =
      compat::read_options(peer, {kRows, has_names, is_anywhere}, argv.data());
  result.options = seen;
  for (char** word = argv.data() + 1; *word != nullptr; ++word)
    result.command += std::string(*word) + ' ';
  return result;
}

}  // namespace

TEST_CASE("options, as getopt_long reads them") {
  struct Row {
    std::vector<const char*> words;
    bool has_names;
    bool is_anywhere;
    const char* options;
    const char* command;
  };
  const Row rows[] = {
      {{}, true, true, "", ""},
      {{"-vav", "cmd", "-a"}, true, false, "v a v ", "cmd -a "},
      {{"-vav", "cmd", "-a"}, true, true, "v a v a ", "cmd "},
      {{"cmd", "-a", "b", "--", "-v", "--"}, true, true, "a ", "cmd b -v -- "},
      {{"--", "--", "-a"}, true, true, "", "-- -a "},
      {{"-", "-a"}, true, true, "a ", "- "},
      {{"-", "-a"}, true, false, "", "- -a "},
      {{"-r15:3", "-r", "1:2", "-ar", "-v", "c"},
       true,
       false,
       "r=15:3 r=1:2 a r=-v ",
       "c "},
      {{"--rewrite=x=y", "--rewrite", "--", "--re=", "c"},
       true,
       false,
       "r=x=y r=-- r= ",
       "c "},
      {{"--al", "--versi", "--verb", "--all", "c"},
       true,
       false,
       "a V v a ",
       "c "},
  };
  for (const Row& row : rows) {
    const Seen result = read(row.words, row.has_names, row.is_anywhere);
    CHECK(result.code == compat::kGoOn);
    CHECK(result.options == row.options);
    CHECK(result.command == row.command);
  }
  ::setenv("POSIXLY_CORRECT", "", 1);
  CHECK(read({"-a", "cmd", "-v"}, true, true).command == "cmd -v ");
  ::unsetenv("POSIXLY_CORRECT");
}

TEST_CASE("options that are wrong, or end the reading") {
  CHECK(read({"-axv", "c"}, true, true).code == 7);
  CHECK(read({"-axv", "c"}, true, true).options == "a x ");
  for (const char* const word :
       {"-q", "-aq", "-r", "--q", "--rewrite", "--ver", "--all=1", "--="})
    CHECK(read({word}, true, true).code == compat::kUnusable);
  CHECK(read({"--all"}, false, true).code == compat::kUnusable);
}

TEST_CASE("numbers, as strtol reads them") {
  struct Row {
    const char* text;
    bool is_number;
    std::int64_t value;
    const char* rest;
  };
  const Row rows[] = {
      {"", false, -5, ""},
      {" ", false, -5, " "},
      {"+", false, -5, "+"},
      {"- 1", false, -5, "- 1"},
      {"0x1", true, 0, "x1"},
      {" \t\n\v\f\r+07z", true, 7, "z"},
      {"-12:3", true, -12, ":3"},
      {"9223372036854775807", true, INT64_MAX, ""},
      {"9223372036854775808", true, INT64_MAX, ""},
      {"99999999999999999999!", true, INT64_MAX, "!"},
      {"-9223372036854775808", true, INT64_MIN, ""},
      {"-9223372036854775807", true, -INT64_MAX, ""},
      {"-99999999999999999999", true, INT64_MIN, ""},
  };
  for (const Row& row : rows) {
    const char* at = row.text;
    std::int64_t value = -5;
    CHECK(compat::scan_number(at, value) == row.is_number);
    CHECK(value == row.value);
    CHECK(std::string(at) == row.rest);
  }
}

TEST_CASE("packed texts are what they were, and smaller") {
  using compat::operator""_packed;
  CHECK(unpacked(""_packed).empty());
  CHECK(unpacked("the signal"_packed) == "the signal");
  CHECK(unpacked("%d%s the % the %%%d"_packed) == "%d%s the % the %%%d");
  CHECK(std::string("at %s the end"_packed).find("%s") != std::string::npos);
  const std::string licence = unpacked(compat::tini::kLicence);
  CHECK(licence.starts_with("The MIT License (MIT)\n\nCopyright (c) 2015 "));
  CHECK(licence.ends_with(" OTHER DEALINGS IN\nTHE SOFTWARE.\n"));
  CHECK(licence.size() == 1099);
  CHECK(std::strlen(compat::tini::kLicence) < 800);
}

TEST_CASE("the texts of errors and signals are glibc's") {
#ifdef __GLIBC__
  for (int code = 1; code < 40; ++code)
    CHECK(std::string(compat::error_text(code)) == std::strerror(code));
  for (const int code : {ELOOP, ELIBBAD, ETIMEDOUT})
    CHECK(std::string(compat::error_text(code)) == std::strerror(code));
  for (int number = 1; number <= SIGSYS; ++number)
    CHECK(unpacked(compat::signal_text(number)) == ::strsignal(number));
#endif
}

TEST_CASE("the name that we are called by") {
  CHECK(compat::peer_called("tini") == &compat::kTini);
  CHECK(compat::peer_called("/sbin/docker-init") == &compat::kTini);
  CHECK(compat::peer_called("./tini-static") == &compat::kTini);
  CHECK(compat::peer_called("/a/dumb-init") == &compat::kDumbInit);
  CHECK(compat::peer_called("//catatonit") == &compat::kCatatonit);
  for (const char* const name : {"", "/", "corral-init", "tini/", "/tini/x",
                                 "atini", "tini-", "dumb-init2"})
    CHECK(compat::peer_called(name) == nullptr);
  CHECK(compat::peer_called(nullptr) == nullptr);
}
