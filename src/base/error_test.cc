// Units of base/error.h.
#include "base/error.h"

#include <arrow/util/io_util.h>

#include <cerrno>
#include <set>

#include "base/error_matchers.h"

namespace millpond::base {
namespace {

using ::testing::HasSubstr;

TEST(ErrorTest, TableIsInEnumOrderAndEveryWordIsUnique) {
  std::set<std::string_view> names, exceptions;
  std::set<int> exit_codes, grpc_codes;
  for (size_t i = 0; i < ErrorKinds().size(); ++i) {
    const ErrorKindInfo& info = ErrorKinds()[i];
    EXPECT_EQ(static_cast<size_t>(info.kind), i);
    EXPECT_EQ(&InfoOf(info.kind), &info);
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_TRUE(exceptions.insert(info.python_exception).second);
    EXPECT_TRUE(exit_codes.insert(info.exit_code).second);
    EXPECT_TRUE(grpc_codes.insert(info.grpc_code).second);
    EXPECT_GE(info.exit_code, 2);  // 1 is left to the shell and to crashes of wrappers.
    EXPECT_GE(info.http_status, 400);
  }
  EXPECT_EQ(names.size(), 10u);
}

TEST(ErrorTest, KindSurvivesTheStatus) {
  for (const ErrorKindInfo& info : ErrorKinds()) {
    Status status = MakeError(info.kind, "what");
    EXPECT_THAT(status, IsError(info.kind, ::testing::StrEq("what")));
    Result<int> result = status;
    EXPECT_THAT(result, IsError(info.kind));
  }
}

TEST(ErrorTest, FormatsMessages) {
  EXPECT_THAT(NotFound("no table '{}' in {}", "x", 3),
              IsError(ErrorKind::kNotFound, ::testing::StrEq("no table 'x' in 3")));
}

TEST(ErrorTest, ContextAndKindAreAddedOnlyToFailures) {
  EXPECT_THAT(WithContext("a.csv", Invalid("bad")),
              IsError(ErrorKind::kInvalid, ::testing::StrEq("a.csv: bad")));
  EXPECT_THAT(WithKind(ErrorKind::kCorrupt, Invalid("bad")),
              IsError(ErrorKind::kCorrupt, ::testing::StrEq("bad")));
  EXPECT_THAT(WithContext("a.csv", Status::OK()), IsOk());
  EXPECT_THAT(WithKind(ErrorKind::kCorrupt, Status::OK()), IsOk());
}

TEST(ErrorTest, MapsErrno) {
  EXPECT_THAT(FromErrno(ENOENT, "open /x"),
              IsError(ErrorKind::kNotFound, HasSubstr("open /x: No")));
  EXPECT_THAT(FromErrno(ENOSPC, "write"), IsError(ErrorKind::kExhausted));
  EXPECT_THAT(FromErrno(EDQUOT, "write"), IsError(ErrorKind::kExhausted));
  EXPECT_THAT(FromErrno(EMFILE, "open"), IsError(ErrorKind::kExhausted));
  EXPECT_THAT(FromErrno(EACCES, "open"), IsError(ErrorKind::kDenied));
  EXPECT_THAT(FromErrno(EROFS, "open"), IsError(ErrorKind::kDenied));
  EXPECT_THAT(FromErrno(EEXIST, "link"), IsError(ErrorKind::kAlreadyExists));
  EXPECT_THAT(FromErrno(EIO, "read"), IsError(ErrorKind::kUnavailable));
}

TEST(ErrorTest, MapsStatusesThatArrowMade) {
  EXPECT_EQ(KindOf(arrow::internal::IOErrorFromErrno(ENOSPC, "write")), ErrorKind::kExhausted);
  EXPECT_EQ(KindOf(arrow::internal::IOErrorFromErrno(ENOENT, "open")), ErrorKind::kNotFound);
  EXPECT_EQ(KindOf(Status::Invalid("x")), ErrorKind::kInvalid);
  EXPECT_EQ(KindOf(Status::TypeError("x")), ErrorKind::kInvalid);
  EXPECT_EQ(KindOf(Status::KeyError("x")), ErrorKind::kNotFound);
  EXPECT_EQ(KindOf(Status::OutOfMemory("x")), ErrorKind::kExhausted);
  EXPECT_EQ(KindOf(Status::Cancelled("x")), ErrorKind::kCancelled);
  EXPECT_EQ(KindOf(Status::IOError("x")), ErrorKind::kUnavailable);
  EXPECT_EQ(KindOf(Status::UnknownError("x")), ErrorKind::kInternal);
  EXPECT_THAT(WithContext("c", Status::KeyError("x")), IsError(ErrorKind::kNotFound));
}

}  // namespace
}  // namespace millpond::base
