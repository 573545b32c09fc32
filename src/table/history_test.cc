// The pond's history: refs of every form, tables as they were, tags, and what other engines did.
#include "table/history.h"

#include "base/error_matchers.h"
#include "base/time.h"
#include "table/history_rows.h"
#include "table/pond_testing.h"
#include "table/ref_expression.h"
#include "table/table_folder.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Values = std::vector<int64_t>;

const TableName kOrders{"shop", "orders"};
const TableName kItems{"shop", "items"};
const base::Context kContext;

class HistoryTest : public ::testing::Test {
 protected:
  PondCommit Drop(const TableName& name) {
    PendingCommit commit(pond_.catalog(), PondForTest::Info("drop"));
    EXPECT_THAT(commit.Drop(name), IsOk());
    return commit.Land(kContext).ValueOrDie();
  }

  // What another engine does: new metadata and a swap, with no pond commit. `grow` adds a column.
  void SwapAsAnotherEngine(const TableName& name, bool grow) {
    Table table = pond_.catalog()->Load(name).ValueOrDie();
    TableMetadata next = *table.metadata;
    if (grow) {
      Schema schema = next.schema();
      schema.id += 1;
      int32_t id = next.last_column_id + 1;
      schema.arrow = AssignFieldIds(*schema.arrow
                                         ->AddField(schema.arrow->num_fields(),
                                                    arrow::field("theirs", arrow::utf8()))
                                         .ValueOrDie(),
                                    &id)
                         .ValueOrDie();
      next.last_column_id = id - 1;
      next.current_schema_id = schema.id;
      next.schemas.push_back(schema);
    } else {
      next.properties["owner"] = "spark";
    }
    BlobBatch blobs;
    auto written = WriteMetadata(&table, name, std::move(next), &blobs).ValueOrDie();
    ASSERT_THAT(blobs.Write(*pond_.store()), IsOk());
    ledger::Transaction swap;
    swap.Update("iceberg_tables", {{"metadata_location", written.table.metadata_location}},
                CatalogKey(name), 1);
    ASSERT_THAT(pond_.ledger()->Apply(swap), IsOk());
  }

  PondForTest pond_;
  History history_ = pond_.history();
};

TEST_F(HistoryTest, AnEmptyPondHasAHeadWithoutCommit) {
  EXPECT_FALSE(history_.Resolve("").ValueOrDie());
  EXPECT_FALSE(history_.Resolve("main").ValueOrDie());
  EXPECT_THAT(history_.Log(-1).ValueOrDie(), IsEmpty());
  EXPECT_THAT(history_.TablesAt("").ValueOrDie(), IsEmpty());
  EXPECT_THAT(history_.Resolve("~1"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(history_.CreateTag("v1", "", "ana", ""), IsError(ErrorKind::kInvalid));
  auto refs = history_.Refs().ValueOrDie();
  ASSERT_THAT(refs, SizeIs(1));
  EXPECT_EQ(refs[0].kind, "branch");
}

TEST_F(HistoryTest, LogIsNewestFirstAndFiltersByTable) {
  auto a = pond_.Create(kOrders, {1}).ValueOrDie();
  auto b = pond_.Create(kItems, {2}).ValueOrDie();
  auto c = pond_.Append(kOrders, {3}).ValueOrDie();
  auto ids = [](const std::vector<PondCommit>& commits) {
    std::vector<std::string> result;
    for (const auto& commit : commits) result.push_back(commit.id);
    return result;
  };
  EXPECT_THAT(ids(history_.Log(-1).ValueOrDie()), ElementsAre(c.id, b.id, a.id));
  EXPECT_THAT(ids(history_.Log(2).ValueOrDie()), ElementsAre(c.id, b.id));
  EXPECT_THAT(ids(history_.Log(-1, kOrders).ValueOrDie()), ElementsAre(c.id, a.id));
  EXPECT_THAT(ids(history_.Log(1, kItems).ValueOrDie()), ElementsAre(b.id));
  auto log = history_.Log(-1).ValueOrDie();
  EXPECT_EQ(log[0].parent, b.id);
  ASSERT_THAT(log[0].changes, SizeIs(1));
  EXPECT_EQ(log[0].changes[0].snapshot_before, a.changes[0].snapshot_after);
}

TEST_F(HistoryTest, RefsOfEveryForm) {
  auto a = pond_.Create(kOrders, {1}).ValueOrDie();
  std::this_thread::sleep_for(std::chrono::milliseconds(3));
  auto b = pond_.Append(kOrders, {2}).ValueOrDie();
  ASSERT_THAT(history_.CreateTag("v1", "~1", "ana", "first"), IsOk());
  auto resolve = [&](const std::string& ref) { return history_.Resolve(ref).ValueOrDie()->id; };
  EXPECT_EQ(resolve(""), b.id);
  EXPECT_EQ(resolve("main"), b.id);
  EXPECT_EQ(resolve("~0"), b.id);
  EXPECT_EQ(resolve("~1"), a.id);
  EXPECT_EQ(resolve("main~1"), a.id);
  EXPECT_EQ(resolve("v1"), a.id);
  EXPECT_EQ(resolve("v1~0"), a.id);
  EXPECT_EQ(resolve(b.id), b.id);
  EXPECT_EQ(resolve(b.id.substr(0, 35)), b.id);
  EXPECT_EQ(resolve(b.id + "~1"), a.id);
  EXPECT_EQ(resolve("2999-01-01"), b.id);
  EXPECT_EQ(resolve(base::FormatUtc(a.created_ms)), a.id);
  EXPECT_EQ(pond_.Values(kOrders, "v1"), Values{1});
  EXPECT_EQ(pond_.Values(kOrders, "~1"), Values{1});
  EXPECT_EQ(pond_.Values(kOrders, std::to_string(*a.changes[0].snapshot_after)), Values{1});
  EXPECT_EQ(pond_.Values(kOrders, ""), (Values{1, 2}));
}

TEST_F(HistoryTest, RefsThatNameNothing) {
  auto a = pond_.Create(kOrders, {1}).ValueOrDie();
  ASSERT_THAT(pond_.Append(kOrders, {2}), IsOk());
  ASSERT_THAT(history_.CreateTag("golden", "", "ana", ""), IsOk());
  EXPECT_THAT(history_.Resolve("goldn"), IsError(ErrorKind::kNotFound, HasSubstr("golden")));
  EXPECT_THAT(history_.Resolve("~2"), IsError(ErrorKind::kNotFound, HasSubstr("first commit")));
  EXPECT_THAT(history_.Resolve("~x"), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(history_.Resolve("~-1"), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(history_.Resolve("2001-01-01"), IsError(ErrorKind::kNotFound, HasSubstr("2001")));
  EXPECT_THAT(history_.Resolve("0000000"), IsError(ErrorKind::kNotFound));
  // Two commits of one moment share the first digits of their ids.
  EXPECT_THAT(history_.Resolve(a.id.substr(0, 6)), IsError(ErrorKind::kInvalid, HasSubstr(a.id)));
  EXPECT_THAT(history_.At(kItems, "~1"), IsError(ErrorKind::kNotFound, HasSubstr("did not exist")));
  EXPECT_THAT(history_.At(kOrders, "12345"), IsError(ErrorKind::kNotFound));
}

TEST_F(HistoryTest, TagNamesThatReadAsSomethingElseAreRefused) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  for (const char* name : {"main", "", "12345", "2026-11-01", "a~1", "a/b", "a@b", " v1",
                           "0198c0de-0000-7000-8000-000000000000"}) {
    EXPECT_THAT(history_.CreateTag(name, "", "ana", ""), IsError(ErrorKind::kInvalid)) << name;
  }
  for (const char* name : {"v1", "v1.2", "reviews-2026", "facade", "größe"}) {
    EXPECT_THAT(history_.CreateTag(name, "", "ana", ""), IsOk()) << name;
  }
  EXPECT_THAT(history_.CreateTag("v1", "", "ana", ""), IsError(ErrorKind::kAlreadyExists));
}

TEST_F(HistoryTest, TagsAreIcebergTagsTooAndChangeNoHistory) {
  auto a = pond_.Create(kOrders, {1}).ValueOrDie();
  ASSERT_THAT(pond_.Create(kItems, {}), IsOk());  // Without data there is nothing to tag.
  ASSERT_THAT(pond_.Append(kOrders, {2}), IsOk());
  ASSERT_THAT(history_.CreateTag("v1", "~1", "ana", ""), IsOk());
  Table table = pond_.catalog()->Load(kOrders).ValueOrDie();
  ASSERT_TRUE(table.metadata->refs.contains("v1"));
  EXPECT_TRUE(table.metadata->refs.at("v1").is_tag);
  EXPECT_EQ(table.metadata->refs.at("v1").snapshot_id, *a.changes[0].snapshot_after);
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
  EXPECT_THAT(history_.Log(-1).ValueOrDie(), SizeIs(3));
  ASSERT_THAT(pond_.Append(kOrders, {3}), IsOk());
  EXPECT_TRUE(pond_.catalog()->Load(kOrders).ValueOrDie().metadata->refs.contains("v1"));
  EXPECT_EQ(pond_.Values(kOrders, "v1"), Values{1});

  ASSERT_THAT(history_.DeleteTag("v1"), IsOk());
  EXPECT_FALSE(pond_.catalog()->Load(kOrders).ValueOrDie().metadata->refs.contains("v1"));
  EXPECT_THAT(history_.DeleteTag("v1"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(history_.DeleteTag("main"), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(history_.Resolve("v1"), IsError(ErrorKind::kNotFound));
}

TEST_F(HistoryTest, TablesAsTheyWere) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  ASSERT_THAT(history_.CreateTag("one", "", "ana", ""), IsOk());
  ASSERT_THAT(pond_.Create(kItems, {2}), IsOk());
  ASSERT_THAT(history_.CreateTag("two", "", "ana", ""), IsOk());
  Drop(kOrders);
  ASSERT_THAT(pond_.Create(kOrders, {50}), IsOk());
  auto names = [&](const std::string& ref) {
    std::vector<std::string> result;
    for (const auto& version : history_.TablesAt(ref).ValueOrDie()) {
      result.push_back(version.table.name.ToString());
    }
    return result;
  };
  EXPECT_THAT(names("one"), ElementsAre("shop.orders"));
  EXPECT_THAT(names("two"), ElementsAre("shop.items", "shop.orders"));
  EXPECT_THAT(names("~1"), ElementsAre("shop.items"));
  EXPECT_THAT(names(""), ElementsAre("shop.items", "shop.orders"));
  // The dropped table is found again under its name.
  EXPECT_EQ(pond_.Values(kOrders, "two"), Values{1});
  EXPECT_EQ(pond_.Values(kOrders, ""), Values{50});
  EXPECT_THAT(history_.At(kOrders, "~1"), IsError(ErrorKind::kNotFound, HasSubstr("dropped")));
}

TEST_F(HistoryTest, SchemasAsTheyWereOutliveTheirMetadataFiles) {
  WriteSettings settings;
  settings.metadata_versions_max = 1;
  pond_.Use(settings);
  History history(pond_.catalog());
  ASSERT_THAT(pond_.Create(kOrders, {}), IsOk());
  ASSERT_THAT(pond_.Append(kOrders, {1}), IsOk());
  PendingCommit grow(pond_.catalog(), PondForTest::Info("evolve"));
  ASSERT_THAT(grow.EvolveTo(kOrders, arrow::schema({arrow::field("note", arrow::utf8())})), IsOk());
  auto grown = grow.Land(kContext).ValueOrDie();
  EXPECT_EQ(grown.changes[0].operation, "schema");
  EXPECT_EQ(grown.changes[0].snapshot_before, grown.changes[0].snapshot_after);
  for (int64_t i = 2; i < 6; ++i) ASSERT_THAT(pond_.Append(kOrders, {i}), IsOk());
  auto fields = [&](const std::string& ref) {
    return history.At(kOrders, ref).ValueOrDie().schema->num_fields();
  };
  EXPECT_EQ(fields(""), 3);
  EXPECT_EQ(fields(grown.id), 3);
  EXPECT_EQ(fields(grown.id + "~1"), 2);
  auto first = history.At(kOrders, "~6").ValueOrDie();
  EXPECT_FALSE(first.snapshot_id);
  EXPECT_EQ(first.schema->num_fields(), 2);
  EXPECT_EQ(pond_.Values(kOrders, grown.id), Values{1});
}

TEST_F(HistoryTest, WhatOtherEnginesDidIsFoundAndRecorded) {
  auto created = pond_.Create(kOrders, {1}).ValueOrDie();
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
  SwapAsAnotherEngine(kOrders, /*grow=*/false);
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());  // A property is no version.
  SwapAsAnotherEngine(kOrders, /*grow=*/true);
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), ElementsAre(kOrders));
  EXPECT_EQ(history_.At(kOrders, "").ValueOrDie().schema->num_fields(), 3);
  EXPECT_EQ(history_.At(kOrders, created.id).ValueOrDie().schema->num_fields(), 2);

  PendingCommit record(pond_.catalog(), PondForTest::Info("commit"));
  ASSERT_THAT(record.Record(kOrders), IsOk());
  auto landed = record.Land(kContext).ValueOrDie();
  EXPECT_EQ(landed.changes[0].operation, "record");
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
  EXPECT_EQ(history_.At(kOrders, landed.id).ValueOrDie().schema->num_fields(), 3);
  PendingCommit again(pond_.catalog(), PondForTest::Info("commit"));
  ASSERT_THAT(again.Record(kOrders), IsOk());
  EXPECT_THAT(again.Land(kContext), IsError(ErrorKind::kInvalid, HasSubstr("nothing to commit")));
}

TEST_F(HistoryTest, AnAppendOverAnotherEnginesChangeSaysSo) {
  ASSERT_THAT(pond_.Create(kOrders, {1}), IsOk());
  SwapAsAnotherEngine(kOrders, /*grow=*/true);
  auto commit = pond_.Append(kOrders, {2}).ValueOrDie();
  ASSERT_TRUE(commit.details.contains("adopted"));
  EXPECT_EQ(commit.details["adopted"][0]["table"], "shop.orders");
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
  EXPECT_FALSE(pond_.Append(kOrders, {3}).ValueOrDie().details.contains("adopted"));
}

TEST_F(HistoryTest, ATableDroppedByAnotherEngineIsRecordedAsDropped) {
  auto created = pond_.Create(kOrders, {1}).ValueOrDie();
  ledger::Transaction drop;
  drop.Delete("iceberg_tables", CatalogKey(kOrders), 1);
  ASSERT_THAT(pond_.ledger()->Apply(drop), IsOk());
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), ElementsAre(kOrders));
  EXPECT_EQ(pond_.Values(kOrders, created.id), Values{1});
  PendingCommit record(pond_.catalog(), PondForTest::Info("commit"));
  ASSERT_THAT(record.Record(kOrders), IsOk());
  EXPECT_EQ(record.Land(kContext).ValueOrDie().changes[0].operation, "drop");
  EXPECT_THAT(history_.Unrecorded().ValueOrDie(), IsEmpty());
  EXPECT_THAT(history_.At(kOrders, ""), IsError(ErrorKind::kNotFound));
  EXPECT_EQ(pond_.Values(kOrders, "~1"), Values{1});
}

TEST_F(HistoryTest, TagsOfOtherEnginesNameSnapshotsOfTheirTable) {
  auto a = pond_.Create(kOrders, {1}).ValueOrDie();
  ASSERT_THAT(pond_.Append(kOrders, {2}), IsOk());
  Table table = pond_.catalog()->Load(kOrders).ValueOrDie();
  TableMetadata next = *table.metadata;
  next.refs["theirs"] = {*a.changes[0].snapshot_after, true};
  BlobBatch blobs;
  auto written = WriteMetadata(&table, kOrders, std::move(next), &blobs).ValueOrDie();
  ASSERT_THAT(blobs.Write(*pond_.store()), IsOk());
  ledger::Transaction swap;
  swap.Update("iceberg_tables", {{"metadata_location", written.table.metadata_location}},
              CatalogKey(kOrders), 1);
  ASSERT_THAT(pond_.ledger()->Apply(swap), IsOk());
  EXPECT_EQ(pond_.Values(kOrders, "theirs"), Values{1});
  EXPECT_THAT(history_.CreateTag("theirs", "", "ana", ""),
              IsError(ErrorKind::kAlreadyExists, HasSubstr("another engine")));
}

}  // namespace
}  // namespace millpond::table
