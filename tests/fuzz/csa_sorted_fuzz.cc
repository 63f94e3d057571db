// SPDX-License-Identifier: Apache-2.0
// Any bytes as what csabuild, csacon and csacms left for the commands behind
// them; the first byte says as which: a sorted file (s), consolidated records
// (c), command summaries (m).
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "accounting/csa_summary_layout.h"
#include "accounting/reports/csaaddc.h"
#include "accounting/reports/csacms.h"
#include "accounting/reports/csacon.h"
#include "accounting/reports/csacrep.h"
#include "accounting/reports/csajrep.h"
#include "tests/fuzz/first_byte.h"
#include "tests/fuzz/site_folder.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size);

namespace {

using namespace accounting;
using fuzz::line_of;
using fuzz::site;

/// Records of one size, as many as there are.
std::string records(int (*command)(const CommandLine&, Console&),
                    const CommandLine& line, std::size_t size, int& code) {
  std::string bytes = site().run(command, line, code);
  if (bytes.size() % size != 0) std::abort();
  return bytes;
}

std::string added(const std::string& path,
                  std::vector<std::pair<char, std::string>> options,
                  int& code) {
  CommandLine line = line_of("csaaddc", std::move(options));
  line.operands = {path};
  return records(csaaddc_command, line, sizeof(csa::Consolidated), code);
}

/// What a command wrote, the next one reads to its end.
void read_on(std::string_view charges) {
  site().put("made", charges);
  int code = 0;
  const std::string sum = added(site().path("made"), {{'u', ""}}, code);
  if (code != 0 || sum.empty() != charges.empty()) std::abort();
  site().put("made", sum);
  // One record for each user: there is nothing to add.
  if (added(site().path("made"), {{'u', ""}}, code) != sum || code != 0)
    std::abort();
}

void consolidated(std::string_view bytes) {
  site().put("cacct", bytes);
  int code = 0;
  read_on(added(site().path("cacct"), {{'j', ""}}, code));
  (void)site().run(
      [](const CommandLine& line, Console& console) {
        return csacrep_of_file(line, site().path("cacct"), console);
      },
      line_of("csacrep", {{'h', ""}, {'u', ""}, {'c', ""}, {'w', ""}}), code);
}

void summaries(std::string_view bytes) {
  site().put("cms", bytes);
  int code = 0;
  CommandLine line = line_of("csacms", {{'s', ""}});
  line.operands = {site().path("cms")};
  const std::string made =
      records(csacms_command, line, sizeof(csa::CommandSummary), code);
  site().put("cms", made);
  (void)records(csacms_command, line, sizeof(csa::CommandSummary), code);
  if (code != 0) std::abort();
  line.options = {{'s', ""}, {'a', ""}, {'e', ""}, {'j', ""}};
  (void)site().run(csacms_command, line, code);
  if (code != 0) std::abort();
}

void sorted(std::string_view bytes) {
  site().put("spacct", bytes);
  const std::string path = site().path("spacct");
  int code = 0;
  read_on(records(csacon_command, line_of("csacon", {{'A', ""}, {'s', path}}),
                  sizeof(csa::Consolidated), code));
  (void)records(csacon_command, line_of("csacon", {{'j', ""}, {'s', path}}),
                sizeof(csa::Consolidated), code);
  (void)site().run(csajrep_command,
                   line_of("csajrep", {{'A', ""},
                                       {'J', ""},
                                       {'S', ""},
                                       {'B', ""},
                                       {'c', ""},
                                       {'w', ""},
                                       {'x', ""},
                                       {'V', ""},
                                       {'b', ""},
                                       {'q', ""},
                                       {'t', ""},
                                       {'s', path}}),
                   code);
  (void)site().run(csajrep_command,
                   line_of("csajrep", {{'N', ""}, {'s', path}}), code);
  CommandLine line = line_of("csacms", {{'A', ""}, {'S', ""}});
  line.operands = {path};
  (void)records(csacms_command, line, sizeof(csa::CommandSummary), code);
}

// NOLINTBEGIN(modernize-use-designated-initializers): a table
constexpr fuzz::Reader kReaders[] = {
    {'s', sorted}, {'c', consolidated}, {'m', summaries}};
// NOLINTEND(modernize-use-designated-initializers)

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data,
                                      std::size_t size) {
  return fuzz::read_by_first_byte(kReaders, data, size);
}
