// Errors are values with a kind. Every room returns Arrow's Status/Result; the kind rides in the
// status detail, and one table (ErrorKinds) maps each kind to an exit code, HTTP, gRPC and a Python
// exception.
#pragma once

#include <arrow/result.h>
#include <arrow/status.h>
#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace millpond {

using arrow::Result;
using arrow::Status;

}  // namespace millpond

namespace millpond::base {

enum class ErrorKind {
  kInvalid,        ///< The caller's input is wrong: a flag, an expression, a file's content.
  kNotFound,       ///< A table, ref, file, run… that was named does not exist.
  kAlreadyExists,  ///< The name is taken.
  kConflict,       ///< Someone else changed it first; refresh and try again.
  kDenied,         ///< The principal may not do this.
  kUnavailable,    ///< A store, server or lock did not answer in time; try again later.
  kCorrupt,        ///< Stored bytes do not say what their format demands.
  kExhausted,      ///< A limit was met: disk, memory, a configured ceiling.
  kCancelled,      ///< The caller asked to stop.
  kInternal,       ///< A defect of ours.
};

/// One row of the table that every outer surface reads.
struct ErrorKindInfo {
  ErrorKind kind;
  std::string_view name;  ///< "not_found"; used in JSON and logs.
  int exit_code;          ///< Of the CLI.
  int http_status;
  int grpc_code;
  std::string_view python_exception;  ///< Class name in the millpond package.
};

/// All kinds, in enum order.
std::span<const ErrorKindInfo> ErrorKinds();

const ErrorKindInfo& InfoOf(ErrorKind kind);

/// The kind of a failed status. A status made by Arrow or the system is mapped by its code and
/// errno (ENOENT -> kNotFound, ENOSPC/EDQUOT/ENOMEM/EMFILE -> kExhausted, EACCES/EPERM -> kDenied,
/// Cancelled -> kCancelled, …).
ErrorKind KindOf(const Status& status);

/// Makes a status of this kind; `message` says what is wrong, where, and what to do next.
Status MakeError(ErrorKind kind, std::string message);

/// The same message under another kind: a parser's kInvalid becomes kCorrupt where the bytes were
/// ours. OK stays OK.
Status WithKind(ErrorKind kind, const Status& status);

/// The same status with "context: " before its message; kind kept. OK stays OK.
Status WithContext(std::string_view context, const Status& status);

// clang-format off
template <class... A> Status Invalid(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kInvalid, fmt::format(f, std::forward<A>(a)...)); }
template <class... A> Status NotFound(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kNotFound, fmt::format(f, std::forward<A>(a)...)); }
template <class... A> Status AlreadyExists(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kAlreadyExists, fmt::format(f, std::forward<A>(a)...)); }
template <class... A> Status Conflict(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kConflict, fmt::format(f, std::forward<A>(a)...)); }
template <class... A> Status Denied(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kDenied, fmt::format(f, std::forward<A>(a)...)); }
template <class... A> Status Unavailable(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kUnavailable, fmt::format(f, std::forward<A>(a)...)); }
template <class... A> Status Corrupt(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kCorrupt, fmt::format(f, std::forward<A>(a)...)); }
template <class... A> Status Exhausted(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kExhausted, fmt::format(f, std::forward<A>(a)...)); }
template <class... A> Status Cancelled(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kCancelled, fmt::format(f, std::forward<A>(a)...)); }
template <class... A> Status Internal(fmt::format_string<A...> f, A&&... a) { return MakeError(ErrorKind::kInternal, fmt::format(f, std::forward<A>(a)...)); }
// clang-format on

/// A failed status from errno after a system call on `what` ("write /pond/x"), with the right kind.
Status FromErrno(int error_number, std::string_view what);

}  // namespace millpond::base
