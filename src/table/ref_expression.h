// The text of a ref taken apart: what kind of thing it may name and how far back from there. Pure;
// used by history.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::table {

struct RefExpression {
  std::string name;  ///< Without "~N"; empty or "main": the head.
  int64_t back = 0;  ///< Commits before it.

  bool IsHead() const;     ///< The head itself, nothing back.
  bool NamesHead() const;  ///< The head, or commits before it.
  std::optional<int64_t> AsSnapshotId() const;
  std::optional<int64_t> AsTime() const;  ///< Milliseconds.
  /// Lower-case start of a commit id, at least 6 hex digits.
  std::optional<std::string> AsCommitPrefix() const;
};

/// kInvalid for "x~y" where y is no number.
Result<RefExpression> ParseRef(std::string_view text);

/// Refuses names of tags and branches (`kind`) that a ref expression would read as something else:
/// main, times, whole commit ids, snapshot ids, '~'.
Status CheckRefName(const std::string& name, const std::string& kind);

}  // namespace millpond::table
