// SPDX-License-Identifier: Apache-2.0
// Mail that a run sends: what the mail program gets, and that whatever it does
// is told in a sentence, in time.
#include "accounting/cycle/mail.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <doctest/doctest.h>

#include "record_samples.h"
#include "sys/clock.h"

namespace {

namespace fs = std::filesystem;
using accounting::Letter;

/// A mail program that is this script.
std::string mailer(const samples::Directory& folder, const std::string& text) {
  const std::string path = folder.file("mailer");
  std::ofstream(path) << "#!/bin/sh\n" << text << "\n";
  fs::permissions(path, fs::perms::owner_all);
  return path;
}

Letter letter(const std::string& to) {
  return {.label = "MAIL_LIST", .to = to, .subject = "s", .text = "words\n"};
}

}  // namespace

TEST_CASE("the mail program gets the names as words and the letter as input") {
  const samples::Directory folder;
  const std::string box = folder.file("box");
  const std::string program = mailer(folder, "{ echo \"$*\"; cat; } >" + box);
  CHECK(accounting::send(letter("root,-adm  ann"), program) ==
        "Mailed (MAIL_LIST: root,-adm  ann).\n");
  const samples::Bytes bytes = samples::read_file(box);
  const std::string text(reinterpret_cast<const char*>(bytes.data()),
                         bytes.size());
  CHECK(text ==
        "-i -- root -adm ann\nTo: root, -adm, ann\nSubject: s\n"
        "Auto-Submitted: auto-generated\n\nwords\n");
}

TEST_CASE("that nobody is mailed is said, and why") {
  const samples::Directory folder;
  const auto said = [&folder](const std::string& script) {
    const std::string program = mailer(folder, script);
    const std::string text = accounting::send(letter("root"), program);
    return text.substr(text.find("'") + program.size() + 3);
  };
  CHECK(said("exit 75") == "exited with 75.\n");
  CHECK(said("kill -9 $$") == "was ended by signal 9.\n");
  CHECK(accounting::send(letter("root"), "/nowhere/at-all") ==
        "Nobody is mailed (MAIL_LIST: root): '/nowhere/at-all' cannot be run: "
        "No such file or directory.\n");
  CHECK(accounting::send(letter(" , "), "/nowhere/at-all") ==
        "Nobody is mailed (MAIL_LIST:  , ).\n");
}

TEST_CASE("a mail program that hangs is not waited for without end") {
  const samples::Directory folder;
  const std::string program = mailer(folder, "exec sleep 1000");
  const core::BootTime begin = sys::boot_now();
  const std::string said =
      accounting::send(letter("root"), program, core::milliseconds(50));
  CHECK(said.ends_with("' did not take it in time.\n"));
  CHECK(sys::boot_now() - begin >= core::milliseconds(50));
  CHECK(sys::boot_now() - begin < core::seconds(100));
}
