// SPDX-License-Identifier: Apache-2.0
// Sums of what jobs used in the text format of OpenMetrics 1.0
// (https://prometheus.io/docs/specs/om/open_metrics_spec), for Prometheus.
//
// All are gauges: they are sums over the files that there are, and shrink when
// a file is taken away, which no counter does. Of gauges the text is also right
// in the older format of Prometheus (0.0.4), which node_exporter reads.
#pragma once

#include <string>
#include <string_view>

#include "cli/report/use_text.h"

namespace cli {

inline constexpr std::string_view kOpenMetricsType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";
inline constexpr std::string_view kOlderMetricsType =
    "text/plain; version=0.0.4; charset=utf-8";

/// What is not known has no sample; of how many it is not known has one.
[[nodiscard]] std::string openmetrics(const UseReport& report);

}  // namespace cli
