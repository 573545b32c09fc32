// The table of error kinds, and how a kind is attached to and read from an Arrow status.
#include "base/error.h"

#include <arrow/util/io_util.h>

#include <array>
#include <cerrno>
#include <memory>
#include <system_error>

namespace millpond::base {
namespace {

// Exit codes 2-9 follow the enum; 70 is EX_SOFTWARE and 130 is what a shell reports after ctrl-C.
constexpr std::array<ErrorKindInfo, 10> kKinds = {{
    {ErrorKind::kInvalid, "invalid", 2, 400, 3, "InvalidError"},
    {ErrorKind::kNotFound, "not_found", 3, 404, 5, "NotFoundError"},
    {ErrorKind::kAlreadyExists, "already_exists", 4, 409, 6, "AlreadyExistsError"},
    {ErrorKind::kConflict, "conflict", 5, 409, 10, "ConflictError"},
    {ErrorKind::kDenied, "denied", 6, 403, 7, "DeniedError"},
    {ErrorKind::kUnavailable, "unavailable", 7, 503, 14, "UnavailableError"},
    {ErrorKind::kCorrupt, "corrupt", 8, 500, 15, "CorruptError"},
    {ErrorKind::kExhausted, "exhausted", 9, 507, 8, "ExhaustedError"},
    {ErrorKind::kCancelled, "cancelled", 130, 499, 1, "CancelledError"},
    {ErrorKind::kInternal, "internal", 70, 500, 13, "InternalError"},
}};

constexpr const char* kDetailType = "millpond::ErrorKind";

class KindDetail : public arrow::StatusDetail {
 public:
  explicit KindDetail(ErrorKind kind) : kind_(kind) {}
  const char* type_id() const override { return kDetailType; }
  std::string ToString() const override { return std::string(InfoOf(kind_).name); }
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// The Arrow code that is nearest, for callers that look at codes only (Arrow itself does).
arrow::StatusCode CodeOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalid:
      return arrow::StatusCode::Invalid;
    case ErrorKind::kNotFound:
      return arrow::StatusCode::KeyError;
    case ErrorKind::kAlreadyExists:
      return arrow::StatusCode::AlreadyExists;
    case ErrorKind::kConflict:
    case ErrorKind::kDenied:
    case ErrorKind::kUnavailable:
      return arrow::StatusCode::IOError;
    case ErrorKind::kCorrupt:
      return arrow::StatusCode::SerializationError;
    case ErrorKind::kExhausted:
      return arrow::StatusCode::CapacityError;
    case ErrorKind::kCancelled:
      return arrow::StatusCode::Cancelled;
    case ErrorKind::kInternal:
      return arrow::StatusCode::UnknownError;
  }
  return arrow::StatusCode::UnknownError;
}

ErrorKind KindOfErrno(int error_number) {
  switch (error_number) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::kNotFound;
    case EEXIST:
      return ErrorKind::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kDenied;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EFBIG:
      return ErrorKind::kExhausted;
    case EINVAL:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return ErrorKind::kInvalid;
    case ECANCELED:
      return ErrorKind::kCancelled;
    default:
      return ErrorKind::kUnavailable;
  }
}

ErrorKind KindOfCode(arrow::StatusCode code) {
  switch (code) {
    case arrow::StatusCode::Invalid:
    case arrow::StatusCode::TypeError:
    case arrow::StatusCode::IndexError:
    case arrow::StatusCode::NotImplemented:
    case arrow::StatusCode::ExpressionValidationError:
      return ErrorKind::kInvalid;
    case arrow::StatusCode::KeyError:
      return ErrorKind::kNotFound;
    case arrow::StatusCode::AlreadyExists:
      return ErrorKind::kAlreadyExists;
    case arrow::StatusCode::OutOfMemory:
    case arrow::StatusCode::CapacityError:
      return ErrorKind::kExhausted;
    case arrow::StatusCode::Cancelled:
      return ErrorKind::kCancelled;
    case arrow::StatusCode::IOError:
      return ErrorKind::kUnavailable;
    case arrow::StatusCode::SerializationError:
      return ErrorKind::kCorrupt;
    default:
      return ErrorKind::kInternal;
  }
}

}  // namespace

std::span<const ErrorKindInfo> ErrorKinds() { return kKinds; }

const ErrorKindInfo& InfoOf(ErrorKind kind) { return kKinds[static_cast<size_t>(kind)]; }

ErrorKind KindOf(const Status& status) {
  if (const auto& detail = status.detail(); detail != nullptr) {
    if (std::string_view(detail->type_id()) == kDetailType) {
      return static_cast<const KindDetail&>(*detail).kind();
    }
    if (int error_number = arrow::internal::ErrnoFromStatus(status); error_number != 0) {
      return KindOfErrno(error_number);
    }
  }
  return KindOfCode(status.code());
}

Status MakeError(ErrorKind kind, std::string message) {
  return Status(CodeOf(kind), std::move(message), std::make_shared<KindDetail>(kind));
}

Status WithKind(ErrorKind kind, const Status& status) {
  if (status.ok()) return status;
  return MakeError(kind, status.message());
}

Status WithContext(std::string_view context, const Status& status) {
  if (status.ok()) return status;
  return MakeError(KindOf(status), fmt::format("{}: {}", context, status.message()));
}

Status FromErrno(int error_number, std::string_view what) {
  return MakeError(KindOfErrno(error_number),
                   fmt::format("{}: {}", what, std::generic_category().message(error_number)));
}

}  // namespace millpond::base
