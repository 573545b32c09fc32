// The tests of BlobStoreContract; each implementation's test file instantiates them.
#include "store/blob_store_contract.h"

#include <arrow/buffer.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/error_matchers.h"

namespace millpond::store {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Listed(BlobStore& store, const std::string& prefix) {
  std::vector<std::string> paths;
  EXPECT_THAT(store.List(prefix,
                         [&](const BlobInfo& info) {
                           paths.push_back(info.path);
                           return Status::OK();
                         }),
              IsOk());
  return paths;
}

TEST_P(BlobStoreContract, ReadsBackWhatWasPublished) {
  ASSERT_THAT(WriteBlob(store_, "shop/orders/data/x.parquet", "hello"), IsOk());
  EXPECT_EQ(ReadBlob(store_, "shop/orders/data/x.parquet").ValueOrDie(), "hello");
  BlobInfo info = store_.Stat("shop/orders/data/x.parquet").ValueOrDie();
  EXPECT_EQ(info.path, "shop/orders/data/x.parquet");
  EXPECT_EQ(info.size, 5);
  EXPECT_GT(info.modified_ms, 1'600'000'000'000);
}

TEST_P(BlobStoreContract, KeepsEmptyAndBinaryBlobs) {
  ASSERT_THAT(WriteBlob(store_, "empty", ""), IsOk());
  EXPECT_EQ(ReadBlob(store_, "empty").ValueOrDie(), "");
  std::string bytes;
  for (int i = 0; i < 3'000'000; ++i) bytes += static_cast<char>(i * 31 + i / 256);
  ASSERT_THAT(WriteBlob(store_, "binary", bytes), IsOk());
  EXPECT_EQ(ReadBlob(store_, "binary").ValueOrDie(), bytes);
}

TEST_P(BlobStoreContract, JoinsManyWritesAndTellsThePosition) {
  auto writer = store_.Create("a").ValueOrDie();
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    std::string piece(static_cast<size_t>(i % 700), static_cast<char>('a' + i % 26));
    ASSERT_THAT(writer->stream()->Write(piece), IsOk());
    expected += piece;
    ASSERT_EQ(writer->stream()->Tell().ValueOrDie(), static_cast<int64_t>(expected.size()));
  }
  ASSERT_THAT(writer->Publish(), IsOk());
  EXPECT_EQ(ReadBlob(store_, "a").ValueOrDie(), expected);
}

TEST_P(BlobStoreContract, ClosingTheStreamDoesNotPublish) {
  auto writer = store_.Create("a").ValueOrDie();
  ASSERT_THAT(writer->stream()->Write("x"), IsOk());
  ASSERT_THAT(writer->stream()->Close(), IsOk());
  EXPECT_TRUE(writer->stream()->closed());
  EXPECT_FALSE(writer->stream()->Write("y").ok());
  EXPECT_THAT(store_.Stat("a"), IsError(ErrorKind::kNotFound));
  ASSERT_THAT(writer->Publish(), IsOk());
  EXPECT_EQ(ReadBlob(store_, "a").ValueOrDie(), "x");
}

TEST_P(BlobStoreContract, NothingIsVisibleBeforePublish) {
  auto writer = store_.Create("a/b").ValueOrDie();
  ASSERT_THAT(writer->stream()->Write(std::string(1 << 20, 'x')), IsOk());
  EXPECT_THAT(store_.OpenRead("a/b"), IsError(ErrorKind::kNotFound, HasSubstr("a/b")));
  EXPECT_THAT(store_.Stat("a/b"), IsError(ErrorKind::kNotFound));
  EXPECT_TRUE(Listed(store_, "").empty());
}

TEST_P(BlobStoreContract, AnUnpublishedWriterLeavesNothing) {
  {
    auto writer = store_.Create("a").ValueOrDie();
    ASSERT_THAT(writer->stream()->Write("x"), IsOk());
  }
  EXPECT_TRUE(Listed(store_, "").empty());
  EXPECT_EQ(store_.RemoveAbandoned(0).ValueOrDie(), 0);
}

TEST_P(BlobStoreContract, NeverReplacesABlob) {
  ASSERT_THAT(WriteBlob(store_, "a", "first"), IsOk());
  EXPECT_THAT(WriteBlob(store_, "a", "second"), IsError(ErrorKind::kAlreadyExists, HasSubstr("a")));
  EXPECT_EQ(ReadBlob(store_, "a").ValueOrDie(), "first");
}

TEST_P(BlobStoreContract, OneOfManyRacingWritersWins) {
  std::atomic<int> won = 0, lost = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        Status status = WriteBlob(store_, "race/x", std::to_string(i));
        if (status.ok()) ++won;
        if (base::KindOf(status) == ErrorKind::kAlreadyExists) ++lost;
      });
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 7);
  EXPECT_EQ(Listed(store_, "").size(), 1u);
}

TEST_P(BlobStoreContract, ReadsRangesFromManyThreads) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>('a' + i % 26);
  ASSERT_THAT(WriteBlob(store_, "a", bytes), IsOk());
  auto file = store_.OpenRead("a").ValueOrDie();
  EXPECT_EQ(file->GetSize().ValueOrDie(), 100'000);
  EXPECT_EQ(file->ReadAt(99'990, 100).ValueOrDie()->size(), 10);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t at = t; at < 99'000; at += 997) {
        auto buffer = file->ReadAt(at, 100).ValueOrDie();
        EXPECT_EQ(buffer->ToString(), bytes.substr(static_cast<size_t>(at), 100));
      }
    });
  }
}

TEST_P(BlobStoreContract, ListsByPrefix) {
  for (const char* path : {"a/one", "a/two", "ab/three", "b/a/four", "five"}) {
    ASSERT_THAT(WriteBlob(store_, path, path), IsOk());
  }
  EXPECT_THAT(Listed(store_, ""),
              UnorderedElementsAre("a/one", "a/two", "ab/three", "b/a/four", "five"));
  EXPECT_THAT(Listed(store_, "a"), UnorderedElementsAre("a/one", "a/two", "ab/three"));
  EXPECT_THAT(Listed(store_, "a/"), UnorderedElementsAre("a/one", "a/two"));
  EXPECT_THAT(Listed(store_, "a/t"), UnorderedElementsAre("a/two"));
  EXPECT_THAT(Listed(store_, "b/a/four"), UnorderedElementsAre("b/a/four"));
  EXPECT_TRUE(Listed(store_, "b/b/").empty());
  EXPECT_TRUE(Listed(store_, "nothing/here/").empty());
}

TEST_P(BlobStoreContract, ListStopsAtTheFirstFailure) {
  ASSERT_THAT(WriteBlob(store_, "a", ""), IsOk());
  ASSERT_THAT(WriteBlob(store_, "b", ""), IsOk());
  int seen = 0;
  EXPECT_THAT(store_.List("",
                          [&](const BlobInfo&) {
                            ++seen;
                            return base::Cancelled("enough");
                          }),
              IsError(ErrorKind::kCancelled));
  EXPECT_EQ(seen, 1);
}

TEST_P(BlobStoreContract, DeletesAndForgivesWhatIsAbsent) {
  ASSERT_THAT(WriteBlob(store_, "a/b", "x"), IsOk());
  EXPECT_THAT(store_.Delete("a/b"), IsOk());
  EXPECT_THAT(store_.Delete("a/b"), IsOk());
  EXPECT_THAT(store_.Delete("never/was"), IsOk());
  EXPECT_THAT(store_.Stat("a/b"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(WriteBlob(store_, "a/b", "again"), IsOk());
}

TEST_P(BlobStoreContract, RefusesPathsThatClimbOrAreNotPaths) {
  for (std::string path : {std::string(), std::string("/etc/passwd"), std::string("../x"),
                           std::string("a/../../x"), std::string("a//b"), std::string("a/"),
                           std::string("./a"), std::string("."), std::string("a\0b", 3)}) {
    EXPECT_THAT(store_.Create(path).status(), IsError(ErrorKind::kInvalid)) << path;
    EXPECT_THAT(store_.OpenRead(path), IsError(ErrorKind::kInvalid)) << path;
    EXPECT_THAT(store_.Stat(path), IsError(ErrorKind::kInvalid)) << path;
    EXPECT_THAT(store_.Delete(path), IsError(ErrorKind::kInvalid)) << path;
  }
  auto nobody = [](const BlobInfo&) { return Status::OK(); };
  EXPECT_THAT(store_.List("../", nobody), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(store_.List("/", nobody), IsError(ErrorKind::kInvalid));
}

TEST_P(BlobStoreContract, TakesUnicodeAndOddNames) {
  for (const char* path : {"größe/注文.bin", "with space/100%", "a#b?c", "-rf"}) {
    ASSERT_THAT(WriteBlob(store_, path, path), IsOk()) << path;
    EXPECT_EQ(ReadBlob(store_, path).ValueOrDie(), path);
    EXPECT_EQ(store_.PathOf(store_.UriOf(path)).ValueOrDie(), path);
  }
}

TEST_P(BlobStoreContract, UrisOutsideTheRootAreRefused) {
  const std::string uri = store_.UriOf("a");
  for (const std::string& outside :
       {std::string("file:///elsewhere/a"), std::string("other://host/a"), std::string(),
        uri.substr(0, uri.size() - 2) + "x/a", uri + "/../../b"}) {
    EXPECT_THAT(store_.PathOf(outside), IsError(ErrorKind::kInvalid)) << outside;
  }
}

TEST_P(BlobStoreContract, ReadBlobHonoursItsLimit) {
  ASSERT_THAT(WriteBlob(store_, "a", "12345"), IsOk());
  EXPECT_THAT(ReadBlob(store_, "a", 5), IsOk());
  EXPECT_THAT(ReadBlob(store_, "a", 4), IsError(ErrorKind::kExhausted));
}

TEST_P(BlobStoreContract, UpkeepSparesLivingWriters) {
  auto writer = store_.Create("a").ValueOrDie();
  ASSERT_THAT(writer->stream()->Write("x"), IsOk());
  EXPECT_EQ(store_.RemoveAbandoned(0).ValueOrDie(), 0);
  EXPECT_THAT(writer->Publish(), IsOk());
}

TEST_P(BlobStoreContract, TellsHowLongWritesHaveRun) {
  EXPECT_EQ(store_.OldestWrite().ValueOrDie(), std::nullopt);
  auto first = store_.MarkWrite().ValueOrDie();
  const auto began = store_.OldestWrite().ValueOrDie();
  ASSERT_TRUE(began.has_value());
  ASSERT_THAT(WriteBlob(store_, "a", "x"), IsOk());
  EXPECT_GE(store_.Stat("a").ValueOrDie().modified_ms, *began);
  auto second = store_.MarkWrite().ValueOrDie();
  EXPECT_EQ(store_.OldestWrite().ValueOrDie(), began);
  EXPECT_EQ(store_.RemoveAbandoned(0).ValueOrDie(), 0);
  first.reset();
  EXPECT_GE(store_.OldestWrite().ValueOrDie().value_or(0), *began);
  second.reset();
  EXPECT_EQ(store_.OldestWrite().ValueOrDie(), std::nullopt);
}

}  // namespace
}  // namespace millpond::store
