// Tables that Spark wrote (tests/fixtures/iceberg/make_spark_fixtures.py): row for row what Spark
// read from them, or refused by name. Deletes of all three kinds, partitions and schemas
// that changed, imported files, defaults, variants, formats 1 to 3.
#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/reader.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/json.h"
#include "base/random_id.h"
#include "base/temporary_folder.h"
#include "base/text.h"
#include "ledger/sqlite_ledger.h"
#include "query/session.h"
#include "store/local_store.h"
#include "table/fixture_testing.h"

namespace millpond::query {
namespace {

using base::Json;
using ::testing::HasSubstr;

// The manifests of the fixtures hold this path.
constexpr const char* kRoot = "/tmp/millpond-iceberg-fixtures";

std::filesystem::path Fixtures() { return table::FixtureFolder() / "spark"; }

Json ReadTables() { return Json::parse(table::ReadFixture("spark/tables.json")); }

class SparkFixture : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(Fixtures())) GTEST_SKIP() << "the Spark fixtures are not there";
    Copy();
    ledger_ =
        ledger::OpenSqliteLedger(folder_ / "ledger.db", ledger::OpenMode::kCreate).ValueOrDie();
    store_ = store::OpenLocalStore(fmt::format("{}/pond/truth", kRoot)).ValueOrDie();
    tables_ = ReadTables();
    ledger::Transaction rows;
    for (const auto& [name, table] : tables_.items()) {
      rows.Insert("iceberg_tables", {{"catalog_name", "millpond"},
                                     {"table_namespace", "s"},
                                     {"table_name", name},
                                     {"metadata_location", table["metadata"].get<std::string>()},
                                     {"iceberg_type", "TABLE"}});
    }
    ASSERT_TRUE(ledger_->Apply(rows).ok());
    auto catalog = table::Catalog::Open(ledger_, store_, {}).ValueOrDie();
    SessionSettings settings;
    settings.threads = 2;
    session_ =
        Session::Open({"ana", {}}, std::make_shared<OpenPond>(), catalog, settings).ValueOrDie();
  }

  // Puts the tables where their metadata says that they are. A copy appears whole or not at all, so
  // tests may run at once.
  static void Copy() {
    const std::filesystem::path target = fmt::format("{}/pond", kRoot);
    const std::string tables = table::ReadFixture("spark/tables.json");
    const auto marker = target / "tables.json";
    if (std::filesystem::exists(marker)) {
      std::ifstream made(marker, std::ios::binary);
      if (std::string(std::istreambuf_iterator<char>(made), {}) == tables) return;
    }
    const std::filesystem::path fresh = fmt::format("{}-{}", kRoot, base::NewUuid());
    std::filesystem::create_directories(fresh / "pond");
    std::filesystem::copy(Fixtures() / "truth", fresh / "pond/truth",
                          std::filesystem::copy_options::recursive);
    std::filesystem::copy(Fixtures() / "tables.json", fresh / "pond/tables.json");
    std::error_code ignored;  // Another test may be doing the same.
    std::filesystem::remove_all(kRoot, ignored);
    std::filesystem::rename(fresh, kRoot, ignored);
    std::filesystem::remove_all(fresh, ignored);
  }

  Result<std::shared_ptr<arrow::Table>> Query(const std::string& sql) {
    ARROW_ASSIGN_OR_RAISE(auto result, session_->Sql(sql, {}, {}));
    return result.reader->ToTable();
  }

  static std::shared_ptr<arrow::Table> Expected(const std::string& name) {
    auto file =
        arrow::io::ReadableFile::Open((Fixtures() / "expected" / name).string()).ValueOrDie();
    auto reader = arrow::ipc::RecordBatchFileReader::Open(file).ValueOrDie();
    return reader->ToTable().ValueOrDie();
  }

  const base::TemporaryFolder folder_;
  std::shared_ptr<ledger::Ledger> ledger_;
  std::shared_ptr<store::BlobStore> store_;
  std::shared_ptr<Session> session_;
  Json tables_;
};

// What a list's items are called is no value.
std::string WithoutItemNames(std::string text) {
  for (size_t at = 0; (at = text.find("list<element: ", at)) != std::string::npos;) {
    text.replace(at, 14, "list<item: ");
  }
  return text;
}

// The values as text, in which types of both sides meet.
std::vector<std::string> RowsOf(const arrow::Table& table) {
  std::vector<std::string> rows(static_cast<size_t>(table.num_rows()));
  for (const auto& column : table.columns()) {
    size_t row = 0;
    for (const auto& chunk : column->chunks()) {
      for (int64_t i = 0; i < chunk->length(); ++i, ++row) {
        const auto value = chunk->GetScalar(i).ValueOrDie();
        rows[row] += WithoutItemNames(value->is_valid ? value->ToString() : "null") + " | ";
      }
    }
  }
  return rows;
}

TEST_F(SparkFixture, EveryTableReadsAsSparkReadIt) {
  int compared = 0;
  for (const auto& [name, table] : tables_.items()) {
    for (const Json& query : table["queries"]) {
      const std::string sql =
          fmt::format("SELECT {} FROM s.{} ORDER BY {}", query["columns"].get<std::string>(), name,
                      query["order"].get<std::string>());
      SCOPED_TRACE(sql);
      const auto ours = Query(sql);
      const std::string refused = query["refused"];
      if (!refused.empty()) {
        EXPECT_EQ(base::KindOf(ours.status()), base::ErrorKind::kInvalid);
        EXPECT_THAT(ours.status().message(), HasSubstr(refused));
        continue;
      }
      ASSERT_TRUE(ours.ok()) << ours.status().ToString();
      const auto theirs = Expected(query["rows"]);
      const auto our_rows = RowsOf(**ours);
      const auto their_rows = RowsOf(*theirs);
      ASSERT_EQ(our_rows.size(), their_rows.size());
      for (size_t i = 0; i < our_rows.size(); ++i) ASSERT_EQ(our_rows[i], their_rows[i]);
      EXPECT_EQ((*ours)->ColumnNames(), theirs->ColumnNames());
      compared += 1;
    }
  }
  EXPECT_GE(compared, 14);
}

}  // namespace
}  // namespace millpond::query
