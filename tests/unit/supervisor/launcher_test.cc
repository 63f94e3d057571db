// SPDX-License-Identifier: Apache-2.0
// What the launcher writes, the reaper's own checker reads.
#include "supervisor/launcher.h"

#include <random>
#include <string_view>

#include <doctest/doctest.h>

namespace {

using reaper::LaunchBlock;
using supervisor::encode_launch;
using supervisor::LaunchRequest;

LaunchRequest random_request(std::mt19937& chance) {
  const auto text = [&] {
    return std::string(chance() % 40, static_cast<char>('a' + chance() % 26));
  };
  LaunchRequest request;
  for (unsigned i = 0; i <= chance() % 5; ++i)
    request.argv.push_back(text());
  for (unsigned i = 0; i < chance() % 5; ++i)
    request.env.push_back("V" + std::to_string(i) + "=" + text());
  request.cwd = "/" + text();
  request.flags = static_cast<std::uint32_t>(chance() % 64);
  request.uid = core::Uid(static_cast<std::uint32_t>(chance() % 1000));
  request.gid = core::Gid(static_cast<std::uint32_t>(chance() % 1000));
  request.umask = static_cast<std::uint32_t>(chance() % 01000);
  for (unsigned i = 0; i < chance() % 4; ++i)
    request.groups.emplace_back(static_cast<std::uint32_t>(chance() % 1000));
  for (unsigned i = 0; i < chance() % 4; ++i)
    request.limits.push_back({static_cast<int>(i), chance(), chance()});
  for (unsigned i = 0; i < chance() % 4; ++i)
    request.targets.push_back(static_cast<int>(chance() % 100));
  return request;
}

TEST_CASE("a block says what the request said, and passes the reaper's check") {
  std::mt19937 chance(20261122);
  for (int round = 0; round < 500; ++round) {
    const LaunchRequest request = random_request(chance);
    const auto bytes = encode_launch(request);
    REQUIRE(bytes);
    const auto block = LaunchBlock::check(*bytes);
    REQUIRE(block);
    const auto& header = block->header();
    REQUIRE(header.argc == request.argv.size());
    for (std::uint32_t i = 0; i < header.argc; ++i)
      CHECK(block->text_at(block->argument(i)) == request.argv[i]);
    REQUIRE(header.envc == request.env.size());
    for (std::uint32_t i = 0; i < header.envc; ++i)
      CHECK(block->text_at(block->variable(i)) == request.env[i]);
    CHECK(block->text_at(header.cwd) == request.cwd);
    CHECK(header.flags == request.flags);
    CHECK(header.uid == request.uid.raw());
    CHECK(header.gid == request.gid.raw());
    CHECK(header.umask == request.umask);
    REQUIRE(header.limit_count == request.limits.size());
    for (std::uint32_t i = 0; i < header.limit_count; ++i)
      CHECK(block->limit(i).soft == request.limits[i].soft);
    REQUIRE(header.fd_count == request.targets.size());
    for (std::uint32_t i = 0; i < header.fd_count; ++i)
      CHECK(block->target(i) == request.targets[i]);
  }
}

TEST_CASE("PATH of the job is searched, or a default where it has none") {
  LaunchRequest request;
  request.argv = {"true"};
  request.env = {"X=1", "PATH=/opt/bin"};
  auto bytes = encode_launch(request);
  REQUIRE(bytes);
  auto block = LaunchBlock::check(*bytes);
  REQUIRE(block);
  CHECK(std::string_view(block->text_at(block->header().search_path)) ==
        "/opt/bin");
  request.env.clear();
  bytes = encode_launch(request);
  block = LaunchBlock::check(*bytes);
  REQUIRE(block);
  CHECK(std::string_view(block->text_at(block->header().search_path))
            .starts_with("/usr/local/bin"));
}

TEST_CASE(
    "two megabytes of arguments are a block, more than a reaper takes is "
    "not") {
  LaunchRequest request;
  request.argv = {"true", std::string(2U << 20, 'x')};
  const auto bytes = encode_launch(request);
  REQUIRE(bytes);
  CHECK(LaunchBlock::check(*bytes));
  request.argv.emplace_back(reaper::kLargestBlock, 'x');
  const auto refused = encode_launch(request);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == E2BIG);
}

}  // namespace
