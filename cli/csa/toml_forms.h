// SPDX-License-Identifier: Apache-2.0
// The other forms of a site's files, csa.toml and the holidays file in TOML:
// accounting/ knows no TOML, so who asks what is billed brings it along.
#pragma once

namespace cli {

/// From here on files whose names end with .toml are read.
void read_toml_forms();

}  // namespace cli
