// Identifiers that no two processes share: UUIDs for files and commits, positive 63-bit ids for
// snapshots.
#pragma once

#include <cstdint>
#include <string>

namespace millpond::base {

/// A version 7 UUID (RFC 9562), lower case with dashes: time-ordered, so that logs and listings
/// sort by creation.
std::string NewUuid();

/// 32 random bytes as 64 hex digits, from the system's generator: fit for secrets.
std::string NewSecret();

/// A positive random 63-bit integer (Iceberg snapshot ids).
int64_t NewPositiveId();

}  // namespace millpond::base
