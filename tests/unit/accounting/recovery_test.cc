// SPDX-License-Identifier: Apache-2.0
// What a new scribe learns from the file of the one before it.
#include "accounting/recovery.h"

#include <doctest/doctest.h>

#include "record_samples.h"

namespace {

using namespace accounting;
using samples::Bytes;

FileTail repaired(const std::string& path) {
  auto file = sys::open_at(AT_FDCWD, path.c_str(), O_RDWR);
  REQUIRE(file);
  const auto tail = repair_tail(file->get(), samples::kInstance);
  REQUIRE(tail);
  return *tail;
}

RecordBytes of_another(std::uint64_t key) {
  auto end = samples::process_end(key);
  end.key.instance = 77;
  return encode(end);
}

}  // namespace

TEST_CASE("the last key of an instance is found among others'") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  Bytes bytes = samples::golden("pacct2");
  samples::write_file(path, bytes);
  CHECK_FALSE(repaired(path).last_key);
  samples::add(bytes, encode(samples::start_of_job(5)));
  samples::add(bytes, encode(samples::process_end(6)));
  for (std::uint64_t i = 0; i < 3000; ++i)
    samples::add(bytes, of_another(i));
  const Bytes foreign = samples::golden("pacct1");
  bytes.insert(bytes.end(), foreign.begin(), foreign.end());
  samples::write_file(path, bytes);
  const FileTail tail = repaired(path);
  REQUIRE(tail.last_key);
  CHECK(*tail.last_key == 6);
  CHECK(tail.torn == 0);
  CHECK(tail.size == bytes.size());
}

TEST_CASE("an end torn at any byte is cut off, and nothing more") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  Bytes whole = samples::golden("pacct2");
  samples::add(whole, encode(samples::start_of_job(1)));
  for (const RecordBytes& next :
       {encode(samples::process_end(2)), encode(samples::end_of_job(2)),
        encode(samples::start_of_job(2)), encode(Loss{})}) {
    for (std::size_t size = 1; size < next.size; ++size) {
      CAPTURE(size);
      Bytes bytes = whole;
      bytes.insert(bytes.end(), next.data, next.data + size);
      samples::write_file(path, bytes);
      const FileTail tail = repaired(path);
      CHECK(tail.last_key.value_or(0) == 1);
      CHECK(tail.torn == size);
      CHECK(samples::read_file(path) == whole);
    }
  }
}

TEST_CASE("the torn first append of a file is cut off by its mark") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const RecordBytes record = encode(samples::process_end(2));
  for (std::size_t size = 40; size < record.size; ++size) {
    CAPTURE(size);
    samples::write_file(path, Bytes(record.data, record.data + size));
    CHECK(repaired(path).torn == size);
  }
}

TEST_CASE("of a file without its site records nothing is taken for torn") {
  // As csarecy leaves it, and a scribe that is put behind it finds it.
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  const RecordBytes start = encode(samples::start_of_job(1));
  Bytes bytes;
  for (int i = 0; i < 2; ++i)
    bytes.insert(bytes.end(), start.data, start.data + sizeof(csa::StartOfJob));
  for (std::size_t more = 0; more < sizeof(csa::StartOfJob); ++more) {
    Bytes cut = bytes;
    cut.insert(cut.end(), start.data, start.data + more);
    samples::write_file(path, cut);
    CHECK(repaired(path).torn == 0);
    CHECK(samples::read_file(path) == cut);
  }
}

TEST_CASE("what another writer left torn is left alone") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  Bytes bytes = samples::golden("pacct2");
  bytes.resize(bytes.size() - 50);
  samples::write_file(path, bytes);
  CHECK(repaired(path).torn == 0);
  CHECK(samples::read_file(path) == bytes);
}

TEST_CASE("after csaswitch the last key is found in the renamed file") {
  const samples::Directory directory;
  const std::string path = directory.file("pacct");
  CHECK_FALSE(key_in_switched_file(path, samples::kInstance));
  Bytes bytes;
  samples::add(bytes, encode(samples::process_end(9)));
  samples::write_file(directory.file("pacct3"), bytes);
  samples::write_file(directory.file("pacct.old"), Bytes());
  CHECK(key_in_switched_file(path, samples::kInstance).value_or(0) == 9);
  CHECK_FALSE(key_in_switched_file(path, 5));
}
