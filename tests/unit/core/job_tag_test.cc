// SPDX-License-Identifier: Apache-2.0
// Tags: what is one, and which jobs are found by it.
#include "core/job_tag.h"

#include <doctest/doctest.h>

namespace {

TEST_CASE("a tag is a key, or a key and a value") {
  for (const char* tag : {"a", "night", "phase=2", "a.b/c:d@e-f_g+h=", "k=v+w"})
    CHECK(core::is_tag(tag));
  for (const char* tag : {"", "=", "=v", "a=b=c", "a b", "a,b", "\xC3\xA4"})
    CHECK_FALSE(core::is_tag(tag));
  CHECK(core::is_tag(std::string(64, 'x')));
  CHECK_FALSE(core::is_tag(std::string(65, 'x')));
}

TEST_CASE("each key is there once, and there are at most sixteen") {
  CHECK(core::are_tags({}));
  CHECK(core::are_tags({"a=1", "b=1"}));
  CHECK_FALSE(core::are_tags({"a=1", "a=2"}));
  CHECK_FALSE(core::are_tags({"a", "b", "a=2"}));
  CHECK_FALSE(core::are_tags({"a", ""}));
  std::vector<std::string> many;
  for (int i = 0; i < 16; ++i)
    many.push_back("k" + std::to_string(i));
  CHECK(core::are_tags(many));
  many.emplace_back("k16");
  CHECK_FALSE(core::are_tags(many));
}

TEST_CASE("a job is found by all the tags that are wanted") {
  const std::vector<std::string> tags = {"night", "phase=2"};
  CHECK(core::has_tags(tags, {}));
  CHECK(core::has_tags(tags, {"night"}));
  CHECK(core::has_tags(tags, {"phase=2", "night"}));
  CHECK(core::has_tags(tags, {"phase"}));
  CHECK_FALSE(core::has_tags(tags, {"phase=3"}));
  CHECK_FALSE(core::has_tags(tags, {"night", "day"}));
  CHECK_FALSE(core::has_tags(tags, {"nigh"}));
  CHECK_FALSE(core::has_tags(tags, {"night=1"}));
  CHECK_FALSE(core::has_tags({}, {"night"}));
}

}  // namespace
