// GoogleTest matchers for Status and Result, for the tests of every room:
//   EXPECT_THAT(store->Stat("x"), IsError(ErrorKind::kNotFound, HasSubstr("x")));
#pragma once

#include <gmock/gmock.h>

#include <ostream>
#include <string>
#include <type_traits>

#include "base/error.h"

namespace millpond::base {

inline void PrintTo(ErrorKind kind, std::ostream* out) { *out << InfoOf(kind).name; }

inline const Status& StatusOf(const Status& status) { return status; }
template <class T>
const Status& StatusOf(const Result<T>& result) {
  return result.status();
}

/// Matches an OK Status or Result.
MATCHER(IsOk, negation ? "fails" : "is OK") {
  const Status& status = StatusOf(arg);
  if (!status.ok()) *result_listener << status.ToString();
  return status.ok();
}

/// Matches a failure of this kind, with any message.
MATCHER_P(IsError, kind, "is an error of kind " + std::string(InfoOf(kind).name)) {
  const Status& status = StatusOf(arg);
  *result_listener << (status.ok() ? "OK" : std::string(InfoOf(KindOf(status)).name)) << ": "
                   << status.message();
  return !status.ok() && KindOf(status) == kind;
}

/// Matches a failure of this kind whose message matches `message`.
MATCHER_P2(IsError, kind, message,
           "is an error of kind " + std::string(InfoOf(kind).name) + " whose message " +
               ::testing::DescribeMatcher<std::string>(message)) {
  const Status& status = StatusOf(arg);
  *result_listener << (status.ok() ? "OK" : std::string(InfoOf(KindOf(status)).name)) << ": "
                   << status.message();
  return !status.ok() && KindOf(status) == kind && ::testing::Matches(message)(status.message());
}

}  // namespace millpond::base
