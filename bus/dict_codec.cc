// SPDX-License-Identifier: Apache-2.0
#include "bus/dict_codec.h"

#include <cerrno>
#include <cstring>
#include <span>

#include "bus/utf8.h"

namespace bus {

namespace {

// --- writing ---

class DictWriter {
 public:
  DictWriter(const SdBusTable& sd, sd_bus_message* message)
      : sd_(sd), message_(message) {}

  int append(const DictEntry& entry) {
    const char* const type = wire_type(entry.value);
    int r = sd_.open_container(message_, SD_BUS_TYPE_DICT_ENTRY, "sv");
    if (r < 0) return r;
    r = sd_.append_basic(message_, SD_BUS_TYPE_STRING, entry.key.c_str());
    if (r < 0) return r;
    r = sd_.open_container(message_, SD_BUS_TYPE_VARIANT, type);
    if (r < 0) return r;
    r = std::visit([&](const auto& value) { return append_value(value); },
                   entry.value);
    if (r < 0) return r;
    r = sd_.close_container(message_);
    return r < 0 ? r : sd_.close_container(message_);
  }

  int append_bare(const Value& value) {
    const auto* const text = std::get_if<std::string>(&value);
    if (text != nullptr) return append_string(to_utf8(*text));
    return std::visit([&](const auto& of) { return append_value(of); }, value);
  }

 private:
  static const char* wire_type(const Value& value) {
    if (const auto* const text = std::get_if<std::string>(&value))
      return is_utf8(*text) ? "s" : "ay";
    if (const auto* const list = std::get_if<TextList>(&value))
      return all_utf8(*list) ? "as" : "aay";
    return signature_of(value);
  }
  static bool all_utf8(const TextList& list) {
    for (const std::string& text : list)
      if (!is_utf8(text)) return false;
    return true;
  }

  int append_value(bool value) {
    const int number = value ? 1 : 0;
    return sd_.append_basic(message_, SD_BUS_TYPE_BOOLEAN, &number);
  }
  int append_value(std::int32_t value) {
    return sd_.append_basic(message_, SD_BUS_TYPE_INT32, &value);
  }
  int append_value(std::uint32_t value) {
    return sd_.append_basic(message_, SD_BUS_TYPE_UINT32, &value);
  }
  int append_value(std::uint64_t value) {
    return sd_.append_basic(message_, SD_BUS_TYPE_UINT64, &value);
  }
  int append_value(const std::string& text) {
    return is_utf8(text) ? append_string(text) : append_bytes(text);
  }
  int append_value(const TextList& list) {
    const bool is_text = all_utf8(list);
    int r =
        sd_.open_container(message_, SD_BUS_TYPE_ARRAY, is_text ? "s" : "ay");
    for (const std::string& text : list) {
      if (r < 0) return r;
      r = is_text ? append_string(text) : append_bytes(text);
    }
    return r < 0 ? r : sd_.close_container(message_);
  }
  int append_value(const RlimitList& list) {
    int r = sd_.open_container(message_, SD_BUS_TYPE_ARRAY, "(itt)");
    for (const core::ResourceLimit& limit : list) {
      if (r < 0) return r;
      r = sd_.append(message_, "(itt)", limit.resource, limit.soft, limit.hard);
    }
    return r < 0 ? r : sd_.close_container(message_);
  }
  int append_value(const NumberList& list) {
    return sd_.append_array(message_, SD_BUS_TYPE_UINT32, list.data(),
                            list.size() * sizeof list[0]);
  }
  int append_value(FdNumber number) {
    return sd_.append_basic(message_, SD_BUS_TYPE_UNIX_FD, &number.fd);
  }
  static int append_value(const Unread& /*value*/) { return -EINVAL; }

  int append_string(const std::string& text) {
    return sd_.append_basic(message_, SD_BUS_TYPE_STRING, text.c_str());
  }
  int append_bytes(const std::string& text) {
    return sd_.append_array(message_, SD_BUS_TYPE_BYTE, text.data(),
                            text.size());
  }

  const SdBusTable& sd_;
  sd_bus_message* message_;
};

// --- reading ---

class DictReader {
 public:
  DictReader(const SdBusTable& sd, sd_bus_message* message)
      : sd_(sd), message_(message) {}

  /// Reads the value inside a variant of type `signature`.
  int read(const char* signature, Value& value) {
    struct Row {
      const char* signature;
      int (DictReader::*read)(Value&);
    };
    static constexpr Row kRows[] = {
        {.signature = "b", .read = &DictReader::read_boolean},
        {.signature = "i",
         .read = &DictReader::read_number<std::int32_t, SD_BUS_TYPE_INT32>},
        {.signature = "u",
         .read = &DictReader::read_number<std::uint32_t, SD_BUS_TYPE_UINT32>},
        {.signature = "t",
         .read = &DictReader::read_number<std::uint64_t, SD_BUS_TYPE_UINT64>},
        {.signature = "s", .read = &DictReader::read_text},
        {.signature = "ay", .read = &DictReader::read_text_of_bytes},
        {.signature = "as", .read = &DictReader::read_list<'s'>},
        {.signature = "aay", .read = &DictReader::read_list<'y'>},
        {.signature = "a(itt)", .read = &DictReader::read_rlimits},
        {.signature = "h", .read = &DictReader::read_fd},
        {.signature = "au", .read = &DictReader::read_numbers},
    };
    for (const Row& row : kRows)
      if (std::strcmp(row.signature, signature) == 0)
        return (this->*row.read)(value);
    value = Unread{signature};
    return sd_.skip(message_, signature);
  }

  [[nodiscard]] bool has_nul() const { return has_nul_; }

 private:
  int read_boolean(Value& value) {
    int number = 0;
    const int r = sd_.read_basic(message_, SD_BUS_TYPE_BOOLEAN, &number);
    value = number != 0;
    return r;
  }
  template <class Number, char kType>
  int read_number(Value& value) {
    Number number = 0;
    const int r = sd_.read_basic(message_, kType, &number);
    value = number;
    return r;
  }
  int read_fd(Value& value) {
    FdNumber number;
    const int r = sd_.read_basic(message_, SD_BUS_TYPE_UNIX_FD, &number.fd);
    value = number;
    return r;
  }
  int read_string(std::string& text) {
    const char* bytes = nullptr;
    const int r = sd_.read_basic(message_, SD_BUS_TYPE_STRING,
                                 static_cast<void*>(&bytes));
    if (r > 0) text = bytes;
    return r;
  }
  int read_bytes(std::string& text) {
    const void* bytes = nullptr;
    std::size_t size = 0;
    const int r = sd_.read_array(message_, SD_BUS_TYPE_BYTE, &bytes, &size);
    if (r > 0 && size > 0) text.assign(static_cast<const char*>(bytes), size);
    if (text.find('\0') != std::string::npos) has_nul_ = true;
    return r;
  }
  int read_text(Value& value) {
    return read_string(value.emplace<std::string>());
  }
  int read_text_of_bytes(Value& value) {
    return read_bytes(value.emplace<std::string>());
  }
  template <char kElement>
  int read_list(Value& value) {
    TextList& list = value.emplace<TextList>();
    int r = sd_.enter_container(message_, SD_BUS_TYPE_ARRAY,
                                kElement == 's' ? "s" : "ay");
    if (r < 0) return r;
    while ((r = sd_.at_end(message_, 0)) == 0) {
      std::string text;
      r = kElement == 's' ? read_string(text) : read_bytes(text);
      if (r < 0) return r;
      list.push_back(std::move(text));
    }
    return r < 0 ? r : sd_.exit_container(message_);
  }
  int read_numbers(Value& value) {
    const void* numbers = nullptr;
    std::size_t size = 0;
    const int r = sd_.read_array(message_, SD_BUS_TYPE_UINT32, &numbers, &size);
    NumberList& list = value.emplace<NumberList>();
    const auto* const first = static_cast<const std::uint32_t*>(numbers);
    if (r > 0 && size > 0) list.assign(first, first + size / sizeof *first);
    return r;
  }
  int read_rlimits(Value& value) {
    RlimitList& list = value.emplace<RlimitList>();
    int r = sd_.enter_container(message_, SD_BUS_TYPE_ARRAY, "(itt)");
    if (r < 0) return r;
    core::ResourceLimit limit;
    while ((r = sd_.read(message_, "(itt)", &limit.resource, &limit.soft,
                         &limit.hard)) > 0)
      list.push_back(limit);
    return r < 0 ? r : sd_.exit_container(message_);
  }

  const SdBusTable& sd_;
  sd_bus_message* message_;
  bool has_nul_ = false;
};

/// The entry at the message's position; its container is entered already.
int read_entry(const SdBusTable& sd, sd_bus_message* message,
               DictReader& reader, DictEntry& entry) {
  const char* key = nullptr;
  int r = sd.read_basic(message, SD_BUS_TYPE_STRING, static_cast<void*>(&key));
  if (r < 0) return r;
  entry.key = key;
  const char* signature = nullptr;
  r = sd.peek_type(message, nullptr, &signature);
  if (r < 0) return r;
  // The signature's memory is the message's and moves with its position.
  const std::string type = signature;
  r = sd.enter_container(message, SD_BUS_TYPE_VARIANT, type.c_str());
  if (r < 0) return r;
  r = reader.read(type.c_str(), entry.value);
  return r < 0 ? r : sd.exit_container(message);
}

}  // namespace

int append_dict(const SdBusTable& sd, sd_bus_message* message,
                const Dict& dict) {
  int r = sd.open_container(message, SD_BUS_TYPE_ARRAY, "{sv}");
  DictWriter writer(sd, message);
  for (const DictEntry& entry : dict) {
    if (r < 0) return r;
    r = writer.append(entry);
  }
  return r < 0 ? r : sd.close_container(message);
}

int append_bare(const SdBusTable& sd, sd_bus_message* message,
                const Value& value) {
  return DictWriter(sd, message).append_bare(value);
}

core::Answer<Dict> read_dict(const SdBusTable& sd, sd_bus_message* message) {
  const auto malformed = [] {
    return std::unexpected(core::invalid(
        "the message is malformed; a dictionary a{sv} was expected"));
  };
  Dict dict;
  DictReader reader(sd, message);
  if (sd.enter_container(message, SD_BUS_TYPE_ARRAY, "{sv}") < 0)
    return malformed();
  int r = 0;
  while ((r = sd.enter_container(message, SD_BUS_TYPE_DICT_ENTRY, "sv")) > 0) {
    DictEntry entry;
    if (read_entry(sd, message, reader, entry) < 0) return malformed();
    if (reader.has_nul())
      return std::unexpected(
          core::invalid("key '" + entry.key + "' holds a NUL byte"));
    if (find(dict, entry.key) != nullptr)
      return std::unexpected(
          core::invalid("key '" + entry.key + "' is given twice"));
    if (dict.size() == kMostKeys)
      return std::unexpected(
          core::invalid("more than " + std::to_string(kMostKeys) + " keys"));
    dict.push_back(std::move(entry));
    if (sd.exit_container(message) < 0) return malformed();
  }
  if (r < 0 || sd.exit_container(message) < 0) return malformed();
  return dict;
}

}  // namespace bus
