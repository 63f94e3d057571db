// SPDX-License-Identifier: Apache-2.0
// The domain of a job: what kind of work it is to the site (limits.toml(5)).
// These words are ours; a site may use others of its own, by naming them.
#pragma once

#include <string_view>

namespace core {

inline constexpr std::string_view kInteractiveDomain = "interactive";
inline constexpr std::string_view kBatchDomain = "batch";
inline constexpr std::string_view kServiceDomain = "service";

struct ServiceDomain {
  std::string_view service;
  std::string_view domain;
};

/// By pam_get_item(3), PAM_SERVICE: those whose sessions nobody sits at.
// NOLINTBEGIN(modernize-use-designated-initializers): a table
inline constexpr ServiceDomain kServiceDomains[] = {
    {"atd", kBatchDomain},         {"cron", kBatchDomain},
    {"crond", kBatchDomain},       {"ftp", kServiceDomain},
    {"pbs", kBatchDomain},         {"runuser", kServiceDomain},
    {"runuser-l", kServiceDomain}, {"samba", kServiceDomain},
    {"slurm", kBatchDomain},       {"systemd-user", kServiceDomain},
    {"vsftpd", kServiceDomain},
};
// NOLINTEND(modernize-use-designated-initializers)

/// The domain of a session that this service opened.
constexpr std::string_view domain_of_service(std::string_view service) {
  for (const ServiceDomain& row : kServiceDomains)
    if (row.service == service) return row.domain;
  return kInteractiveDomain;
}

}  // namespace core
