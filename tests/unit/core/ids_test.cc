// SPDX-License-Identifier: Apache-2.0
// Job ids and the texts of them.
#include "core/ids.h"

#include <string>

#include <doctest/doctest.h>

#include "core/job_name.h"
#include "core/job_token.h"

using namespace core;

TEST_CASE("a jid is a host's id and a number") {
  const JobId jid = make_job_id(0x80000001, 0x2A);
  CHECK(jid.raw() == 0x800000010000002AULL);
  CHECK(hid_of(jid) == 0x80000001);
  CHECK(sequence_of(jid) == 0x2A);
  CHECK(kNoJob.raw() == 0);
  CHECK(make_job_id(0, 1) < make_job_id(0, 2));
}

TEST_CASE("a jid's texts") {
  CHECK(path_name(JobId(0x2A)) == "j000000000000002a");
  CHECK(path_name(JobId(UINT64_MAX)) == "jffffffffffffffff");
  CHECK(display(JobId(0xab001f00000042)) == "0xab001f00000042");
  CHECK(display(JobId(UINT64_MAX)) == "0xffffffffffffffff");
  CHECK_FALSE(display(JobId(UINT64_MAX)).was_cut());
}

TEST_CASE("what is printed is read again") {
  for (unsigned shift = 0; shift < 64; ++shift) {
    const JobId jid(std::uint64_t{0x9} << shift);
    CHECK(job_of_path_name(path_name(jid).view()) == jid);
    if (jid != kNoJob) CHECK(parse_job_id(display(jid).view()) == jid);
  }
}

TEST_CASE("only hexadecimal digits are a jid") {
  CHECK(parse_job_id("2a") == JobId(0x2A));
  CHECK(parse_job_id("0X2A") == JobId(0x2A));
  for (const char* text : {"", "0", "0x", "0x0", "g", "-1", " 1", "1 ", "0x0x1",
                           "12345678901234567", "+1", "0x00000000000000001"})
    CHECK_FALSE(parse_job_id(text));
}

TEST_CASE("only 'j' and 16 digits are a path's name") {
  for (const char* text :
       {"", "j", "j1", "j000000000000002", "j000000000000002aa",
        "k000000000000002a", "j00000000000000 a", "j000000000000002g"})
    CHECK_FALSE(job_of_path_name(text));
}

TEST_CASE("a token has one rule, and what a door says is that rule") {
  CHECK(is_token("c-0"));
  CHECK(is_token(std::string(kLongestToken, 'x')));
  for (const std::string& text :
       {std::string(), std::string(kLongestToken + 1, 'x'), std::string("a b")})
    CHECK_FALSE(is_token(text));
  CHECK(std::string_view(kTokenExpected)
            .starts_with("1 to " + std::to_string(kLongestToken) + " "));
}

TEST_CASE("a job's name is never taken for a jid or a reserved word") {
  for (const std::string name :
       {"web", "a.b@c:d-e_f", "Z", "selfish", "x12", "j000000000000002a", "a",
        "db", "cafe", "CAFE", "2a", "80000001000000aa", "1.2", ".a", "..."})
    CHECK(is_job_name(name));
  CHECK(is_job_name(std::string(64, 'x')));
  for (const std::string name :
       {"",        "self", "0",    "123",   "12345678901234567",
        "0x12",    "0X1",  "0x",   "0x1g",  "0xself",
        ".",       "..",   "-",    "-9",    "-d",
        "a b",     "a/b",  "a\nb", "a\x7f", "a\xff",
        "\xc3\xa4"})
    CHECK_FALSE(is_job_name(name));
  CHECK_FALSE(is_job_name(std::string(65, 'x')));
}
