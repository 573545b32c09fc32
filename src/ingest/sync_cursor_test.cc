// Cursor rows and what two positions differ in.
#include "ingest/sync_cursor.h"

#include "base/error_matchers.h"
#include "query/scratch_pond_testing.h"

namespace millpond::ingest {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

const CursorKey kKey{"file:///data/ä.csv", "ä.csv", {"shop", "orders"}};

const table::LanePoint kFirst{"main", 1}, kSecond{"main", 2}, kThird{"main", 3};

SyncCursor At(ledger::Ledger& ledger, const table::LanePoint& head, const CursorKey& key = kKey) {
  return CursorAt(ledger, key, head).ValueOrDie();
}

TEST(SyncCursorTest, AbsentSavedAndMoved) {
  query::ScratchPond pond;
  ledger::Ledger& ledger = *pond.ledger();
  const SyncCursor none = At(ledger, kFirst);
  EXPECT_TRUE(none.position.is_null());
  EXPECT_FALSE(none.at);
  SyncCursor read{.position = {{"files", {{"a", {{"size", 1}}}}}}, .options_hash = "hash-1"};
  ASSERT_THAT(ledger.Apply(*SaveMoves(ledger, {{kKey, none, read}}, {"main", 0}, kFirst)), IsOk());
  EXPECT_FALSE(At(ledger, {"main", 0}).at) << "a path that ends before";
  const SyncCursor first = At(ledger, kFirst);
  EXPECT_EQ(first.position, read.position);
  EXPECT_EQ(first.options_hash, "hash-1");
  EXPECT_EQ(first.at, kFirst);
  // The same start again: someone was faster.
  EXPECT_THAT(SaveMoves(ledger, {{kKey, none, read}}, kFirst, kSecond),
              IsError(ErrorKind::kConflict, HasSubstr("shop.orders")));
  read.options_hash = "hash-2";
  ASSERT_THAT(ledger.Apply(*SaveMoves(ledger, {{kKey, first, read}}, kFirst, kSecond)), IsOk());
  EXPECT_THAT(SaveMoves(ledger, {{kKey, first, read}}, kSecond, kThird),
              IsError(ErrorKind::kConflict));
  EXPECT_EQ(At(ledger, kThird).options_hash, "hash-2");
  // Another table of the same source has a cursor of its own.
  EXPECT_FALSE(At(ledger, kThird, {kKey.source, kKey.stream, {"shop", "other"}}).at);
}

TEST(SyncCursorTest, ASyncWithoutRowsNeverPutsACursorBack) {
  query::ScratchPond pond;
  ledger::Ledger& ledger = *pond.ledger();
  const SyncCursor none = At(ledger, kFirst);
  const SyncCursor near{.position = 1, .options_hash = "h"},
      far{.position = 2, .options_hash = "h"};
  ASSERT_THAT(ledger.Apply(*SaveMoves(ledger, {{kKey, none, far}}, {"main", 0}, kFirst)), IsOk());
  EXPECT_TRUE(SaveWithoutRows(ledger, {{kKey, none, near}}, kFirst).ValueOrDie().empty());
  const SyncCursor before = At(ledger, kFirst);
  const SyncCursor next{.position = 3, .options_hash = "h"};
  ASSERT_THAT(ledger.Apply(*SaveWithoutRows(ledger, {{kKey, before, next}}, kSecond)), IsOk());
  EXPECT_EQ(At(ledger, kSecond).position, 3);
}

TEST(SyncCursorTest, WhatIsNoCursorIsCorrupt) {
  query::ScratchPond pond;
  for (const char* text : {"[]", "{", "{\"options\":\"x\"}"}) {
    ledger::Transaction write;
    write.Upsert("source_cursor", {{"source", kKey.source},
                                   {"stream", kKey.stream},
                                   {"table_namespace", std::string("shop")},
                                   {"table_name", std::string("orders")},
                                   {"lane", std::string("main")},
                                   {"generation", int64_t{1}},
                                   {"cursor", std::string(text)},
                                   {"updated_ms", int64_t{1}}});
    ASSERT_THAT(pond.ledger()->Apply(write), IsOk());
    EXPECT_THAT(CursorAt(*pond.ledger(), kKey, kFirst),
                IsError(ErrorKind::kCorrupt, HasSubstr("shop.orders")))
        << text;
  }
}

TEST(SyncCursorTest, OptionsThatShapeRowsCount) {
  source::SourceOptions options;
  const std::string plain = HashOptions(options);
  source::SourceOptions strict = options;
  strict.strict = true;
  EXPECT_EQ(HashOptions(strict), plain) << "decides what happens to rows, not what they are";
  options.types["a"] = "int64";
  EXPECT_NE(HashOptions(options), plain);
  source::SourceOptions dialect;
  dialect.format_options["delimiter"] = ";";
  EXPECT_NE(HashOptions(dialect), plain);
  EXPECT_NE(HashOptions(dialect), HashOptions(options));
}

Json Position(const std::vector<std::tuple<std::string, int64_t, std::string>>& files) {
  Json list = Json::object();
  for (const auto& [path, size, hash] : files) {
    list[path] = {{"size", size}, {"hash", hash}, {"modified_ms", 5}};
  }
  return {{"files", list}};
}

TEST(SyncCursorTest, ComparesFiles) {
  const Json before = Position({{"a", 10, "h1"}, {"b", 20, "h2"}, {"gone", 1, "h"}});
  Json after = Position({{"a", 10, "h1"}, {"b", 25, "h3"}, {"c", 5, "h4"}});
  after["files"]["a"]["modified_ms"] = 99;  // Touched, same content.
  const FilesRead read = CompareFiles(before, after);
  EXPECT_EQ(read.read, 2);
  EXPECT_EQ(read.skipped, 1);
  EXPECT_EQ(read.bytes, 30);
  EXPECT_EQ(read.inputs, Json({{{"file", "b"}, {"size", 25}, {"hash", "h3"}},
                               {{"file", "c"}, {"size", 5}, {"hash", "h4"}}}));
}

TEST(SyncCursorTest, PositionsThatSpeakOfNoFiles) {
  for (const Json& after : {Json(), Json(7), Json::object(), Json({{"files", 3}})}) {
    const FilesRead read = CompareFiles(Position({{"a", 1, "h"}}), after);
    EXPECT_EQ(read.read + read.skipped + read.bytes, 0);
    EXPECT_TRUE(read.inputs.empty());
  }
  EXPECT_EQ(CompareFiles(Json(), Position({{"a", 1, "h"}})).read, 1);
}

TEST(SyncCursorTest, OfManyFilesTheInputsEndInAHash) {
  std::vector<std::tuple<std::string, int64_t, std::string>> files;
  for (int i = 0; i < 1500; ++i) files.emplace_back("f" + std::to_string(i), i, "h");
  const FilesRead read = CompareFiles(Json(), Position(files));
  ASSERT_EQ(read.inputs.size(), 1001U);
  EXPECT_EQ(read.inputs.back()["files"], 1500);
  std::get<2>(files[1400]) = "other";
  EXPECT_NE(CompareFiles(Json(), Position(files)).inputs.back(), read.inputs.back());
}

}  // namespace
}  // namespace millpond::ingest
