// SPDX-License-Identifier: Apache-2.0
#include "units/toml_values.h"

#include <doctest/doctest.h>

namespace {

using Texts = std::vector<std::string>;

TEST_CASE("values come by their lines, with their whole path") {
  const auto values = units::read_toml(
      "z = 1\n[a.b]\ny = \"t\"\nx = true\n\n[a]\nlist = [\"p\", \"q\"]\n"
      "[\"odd key\".c]\nf = 1.5\n",
      "f.toml");
  REQUIRE(values);
  REQUIRE(values->size() == 5);
  CHECK((*values)[0].path == Texts{"z"});
  CHECK(std::get<std::int64_t>((*values)[0].data) == 1);
  CHECK((*values)[1].path == Texts{"a", "b", "y"});
  CHECK(std::get<std::string>((*values)[1].data) == "t");
  CHECK((*values)[1].line == 3);
  CHECK(std::get<bool>((*values)[2].data));
  CHECK(std::get<Texts>((*values)[3].data) == Texts{"p", "q"});
  CHECK(std::get<units::TomlOther>((*values)[4].data).text == "1.5");
  CHECK(units::shown((*values)[3].data) == "['p', 'q']");
  CHECK(units::key_text((*values)[4].path) == "\"odd key\".c.f");
  CHECK(units::error_at("f.toml", (*values)[4], "no") ==
        "f.toml:9: \"odd key\".c.f: no");
}

TEST_CASE("what is no TOML is told with its line") {
  for (const char* const text :
       {"a = 1\nb = \n", "a = 1\n[x\n", "a = 1\na = 2\n"}) {
    const auto values = units::read_toml(text, "f.toml");
    REQUIRE_FALSE(values);
    CHECK(values.error().starts_with("f.toml:2: this is no TOML: "));
  }
  CHECK(units::read_toml("", "f.toml")->empty());
}

TEST_CASE("tables in tables in tables are refused, not followed") {
  std::string deep = "x = 1\na";
  for (int i = 0; i < 50000; ++i)
    deep += ".a";
  const auto values = units::read_toml(deep + " = 1\n", "f.toml");
  REQUIRE_FALSE(values);
  CHECK(values.error().starts_with("f.toml:2: more than 1000 dots"));
  CHECK(units::read_toml("t = \"" + std::string(5000, '.') + "\"\n", "f"));
}

TEST_CASE("letters of every alphabet are no blanks and no values") {
  for (const char* letter :
       {"é", "\u033D", "\u2C5E", "\u3001", "\uFC86", "\uFEFE"}) {
    for (const std::string& text :
         {letter + std::string(" = 1"), "a = " + std::string(letter),
          "a = " + std::string(letter) + "30\n",
          "a = +[ '" + std::string(letter)}) {
      const auto values = units::read_toml(text, "f.toml");
      REQUIRE_FALSE(values);
      CHECK(values.error().starts_with("f.toml:1: this is no TOML: "));
    }
    const auto quoted = units::read_toml(
        "a = '" + std::string(letter) + "' # " + letter, "f.toml");
    REQUIRE(quoted);
    CHECK(std::get<std::string>(quoted->front().data) == letter);
  }
}

TEST_CASE("an empty array is one of no texts") {
  const auto values = units::read_toml("a = []\nb = [1]", "f.toml");
  REQUIRE(values);
  const auto* const texts =
      std::get_if<std::vector<std::string>>(&values->front().data);
  REQUIRE(texts != nullptr);
  CHECK(texts->empty());
  CHECK(std::holds_alternative<units::TomlOther>(values->back().data));
}

TEST_CASE("a complaint is one line, whatever the parser quotes") {
  const auto values = units::read_toml("a = n\n\n", "f.toml");
  REQUIRE_FALSE(values);
  CHECK(values.error().starts_with("f.toml:1: this is no TOML: "));
  CHECK(values.error().ends_with("saw 'n\\x0a'"));
}

}  // namespace
