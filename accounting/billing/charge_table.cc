// SPDX-License-Identifier: Apache-2.0
#include "accounting/billing/charge_table.h"

namespace accounting {

namespace {

ChargeKey key_of(const csa::Consolidated& record) {
  return {.uid = record.uid,
          .gid = record.gid,
          .prid = record.prid,
          .jid = record.jid};
}

}  // namespace

ChargeKey reduced(const ChargeKey& key, const KeyParts& parts) {
  ChargeKey result;
  if (parts.uid) result.uid = key.uid;
  if (parts.gid) result.gid = key.gid;
  if (parts.prid) result.prid = key.prid;
  if (parts.jid) result.jid = key.jid;
  return result;
}

ChargeTable::Index& ChargeTable::index_of(const KeyParts& parts) {
  const auto [found, is_new] =
      indices_.try_emplace(parts.bits(), parts, Index());
  Index& index = found->second.second;
  if (is_new)
    for (std::size_t i = 0; i < charges_.size(); ++i)
      index.try_emplace(reduced(key_of(charges_[i].use), parts), i);
  return index;
}

Charge& ChargeTable::add(const ChargeKey& key) {
  charges_.push_back({});
  csa::Consolidated& record = charges_.back().use;
  record.head = csa::consolidated_head();
  record.uid = key.uid;
  record.gid = key.gid;
  record.prid = key.prid;
  record.jid = key.jid;
  for (auto& [bits, index] : indices_)
    index.second.try_emplace(reduced(key, index.first), charges_.size() - 1);
  return charges_.back();
}

Charge& ChargeTable::find(const ChargeKey& key, const KeyParts& parts) {
  const unsigned bits = parts.bits() | 16U;
  if (bits == last_parts_ && key == last_key_) return charges_[last_];
  Index& index = index_of(parts);
  const auto found = index.find(reduced(key, parts));
  last_ = found != index.end() ? found->second : charges_.size();
  if (found == index.end()) add(key);
  last_key_ = key;
  last_parts_ = bits;
  return charges_[last_];
}

void ChargeTable::clear() {
  charges_.clear();
  indices_.clear();
  last_parts_ = 0;
}

}  // namespace accounting
