// Results of each DuckDB type as Arrow, batch sizes, cancelling and limits of the engine.
#include "query/arrow_output.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <thread>

#include "base/error_matchers.h"
#include "base/temporary_folder.h"
#include "query/result_stream.h"

namespace millpond::query {
namespace {

using base::ErrorKind;
using base::IsError;

class ArrowOutputTest : public testing::Test {
 protected:
  Result<std::shared_ptr<arrow::RecordBatchReader>> Start(const std::string& sql,
                                                          base::Context context = {}) {
    ARROW_ASSIGN_OR_RAISE(auto connection, engine_->Connect());
    QueryPlan plan;
    plan.source = plan.sql = sql;
    return StartQuery(std::move(connection), std::move(plan), {}, context);
  }
  Result<std::shared_ptr<arrow::Table>> Query(const std::string& sql) {
    ARROW_ASSIGN_OR_RAISE(auto reader, Start(sql));
    ARROW_ASSIGN_OR_RAISE(auto table, reader->ToTable());
    ARROW_RETURN_NOT_OK(table->ValidateFull());
    return table;
  }
  // The type and the values of a one-column result.
  std::string Show(const std::string& expression) {
    auto table = Query("SELECT " + expression);
    if (!table.ok()) return table.status().ToString();
    std::string text = (*table)->schema()->field(0)->type()->ToString() + ":";
    for (const auto& chunk : (*table)->column(0)->chunks()) {
      for (int64_t i = 0; i < chunk->length(); ++i) {
        text += " " + chunk->GetScalar(i).ValueOrDie()->ToString();
      }
    }
    return text;
  }

  base::TemporaryFolder folder_;
  std::shared_ptr<Engine> engine_ =
      Engine::Open({folder_.path() + "/", folder_.path() + "/spill", 256 << 20, 2}).ValueOrDie();
};

TEST_F(ArrowOutputTest, TypesAreThoseThatTablesHold) {
  EXPECT_EQ(Show("unnest([true, NULL])"), "bool: true null");
  EXPECT_EQ(Show("unnest([1::TINYINT, NULL])"), "int32: 1 null");
  EXPECT_EQ(Show("(-2)::SMALLINT"), "int32: -2");
  EXPECT_EQ(Show("3"), "int32: 3");
  EXPECT_EQ(Show("4::BIGINT"), "int64: 4");
  EXPECT_EQ(Show("200::UTINYINT"), "int32: 200");
  EXPECT_EQ(Show("60000::USMALLINT"), "int32: 60000");
  EXPECT_EQ(Show("4000000000::UINTEGER"), "int64: 4000000000");
  EXPECT_EQ(Show("18446744073709551615::UBIGINT"), "decimal128(20, 0): 18446744073709551615");
  EXPECT_EQ(Show("sum(x) FROM unnest([1, 2]) t(x)"), "decimal128(38, 0): 3");
  EXPECT_EQ(Show("(-5)::HUGEINT"), "decimal128(38, 0): -5");
  EXPECT_EQ(Show("1.5::FLOAT"), "float: 1.5");
  EXPECT_EQ(Show("1.5::DOUBLE"), "double: 1.5");
  EXPECT_EQ(Show("unnest([1.5::DECIMAL(4,1), -2.5, NULL])"), "decimal128(4, 1): 1.5 -2.5 null");
  EXPECT_EQ(Show("(-1.25)::DECIMAL(9,2)"), "decimal128(9, 2): -1.25");
  EXPECT_EQ(Show("(-1.25)::DECIMAL(18,2)"), "decimal128(18, 2): -1.25");
  EXPECT_EQ(Show("(-1.25)::DECIMAL(38,2)"), "decimal128(38, 2): -1.25");
  EXPECT_EQ(Show("unnest(['a', NULL, 'a string of more than twelve', ''])"),
            "string: a null a string of more than twelve ");
  EXPECT_EQ(Show("'a\\x00b'::BLOB"), "binary: " + std::string("a\0b", 3));
  EXPECT_EQ(Show("DATE '2026-01-02'"), "date32[day]: 2026-01-02");
  EXPECT_EQ(Show("TIME '01:02:03.5'"), "time64[us]: 01:02:03.500000");
  EXPECT_EQ(Show("TIMESTAMP '2026-01-02 03:04:05'"), "timestamp[us]: 2026-01-02 03:04:05.000000");
  EXPECT_EQ(Show("TIMESTAMP_S '2026-01-02 03:04:05'"), "timestamp[us]: 2026-01-02 03:04:05.000000");
  EXPECT_EQ(Show("TIMESTAMP_MS '2026-01-02 03:04:05.25'"),
            "timestamp[us]: 2026-01-02 03:04:05.250000");
  EXPECT_EQ(Show("TIMESTAMP_NS '1969-12-31 23:59:59.999999999'"),
            "timestamp[us]: 1969-12-31 23:59:59.999999");
  EXPECT_EQ(Show("TIMESTAMPTZ '2026-01-02 03:04:05+01'"),
            "timestamp[us, tz=UTC]: 2026-01-02 02:04:05.000000Z");
  EXPECT_EQ(Show("INTERVAL '1 month 2 days 3 seconds'"),
            "month_day_nano_interval: 1M2d3000000000ns");
  EXPECT_EQ(Show("'a'::ENUM('b', 'a')"), "string: a");
  EXPECT_EQ(Show("'00010203-0405-0607-8809-0a0b0c0d0e0f'::UUID"),
            "string: 00010203-0405-0607-8809-0a0b0c0d0e0f");
  EXPECT_EQ(Show("'ff010203-0405-0607-8809-0a0b0c0d0e0f'::UUID"),
            "string: ff010203-0405-0607-8809-0a0b0c0d0e0f");
  EXPECT_EQ(Show("'0101100110'::BIT"), "string: 0101100110");
  EXPECT_EQ(Show("NULL"), "int32: null");
  EXPECT_EQ(Show("'{\"a\":1}'::JSON"), "string: {\"a\":1}");
}

TEST_F(ArrowOutputTest, NestedTypes) {
  EXPECT_EQ(Show("unnest([[1, NULL], NULL, [], [3]])"),
            "list<item: int32>: list<item: int32>[1, null] null list<item: int32>[] list<item: "
            "int32>[3]");
  EXPECT_EQ(Show("[1, 2]::INT[2]"), "list<item: int32>: list<item: int32>[1, 2]");
  EXPECT_EQ(Show("unnest([[1.5, 2]::FLOAT[2], NULL])"),
            "list<item: float>: list<item: float>[1.5, 2] null");
  EXPECT_EQ(Show("unnest([{'a': 1, 'b': 'x'}, NULL])"),
            "struct<a: int32, b: string>: {a:int32 = 1, b:string = x} null");
  EXPECT_EQ(Show("MAP {'k': [1]}"),
            "map<string, list<item: int32>>: map<string, list<item: int32>>[{key:string = k, "
            "value:list<item: int32> = list<item: int32>[1]}]");
  EXPECT_EQ(Show("[[['deep']]]"),
            "list<item: list<item: list<item: string>>>: list<item: list<item: list<item: "
            "string>>>[list<item: list<item: string>>[list<item: string>[deep]]]");
}

TEST_F(ArrowOutputTest, ListsOfDictionaryValuesAreFlat) {
  const std::string path = folder_ / "lists.parquet";
  auto connection = [&] {
    EngineSettings settings;
    settings.readable_folder = folder_.path() + "/";
    return Engine::Open(settings).ValueOrDie()->Connect().ValueOrDie();
  }();
  ASSERT_THAT(connection->Execute(
                  "COPY (SELECT i, [('v' || (i % 3)), NULL, 'w'] AS l, {'s': 'q' || (i % 2)} AS t "
                  "FROM range(5000) r(i)) TO '" +
                  path + "' (FORMAT parquet)"),
              base::IsOk());
  const auto table =
      Query("SELECT l, t FROM read_parquet('" + path + "') WHERE i % 7 = 0 ORDER BY i")
          .ValueOrDie();
  const auto list = table->column(0)->GetScalar(1).ValueOrDie();
  EXPECT_EQ(list->ToString(), "list<item: string>[v1, null, w]");
  EXPECT_EQ(table->column(1)->GetScalar(1).ValueOrDie()->ToString(), "{s:string = q1}");
}

TEST_F(ArrowOutputTest, AllTypesEitherConvertOrAreRefusedByName) {
  const auto names = Query("SELECT column_name FROM (DESCRIBE FROM test_all_types())").ValueOrDie();
  int refused = 0;
  for (int64_t i = 0; i < names->num_rows(); ++i) {
    const std::string name = names->column(0)->GetScalar(i).ValueOrDie()->ToString();
    const auto result = Query("SELECT \"" + name + "\" FROM test_all_types()");
    if (result.ok()) continue;
    EXPECT_THAT(result, IsError(ErrorKind::kInvalid, testing::HasSubstr("column '" + name + "'")));
    ++refused;
  }
  EXPECT_LT(refused, 12);
}

TEST_F(ArrowOutputTest, HugeValuesThatDoNotFitAreAnError) {
  EXPECT_THAT(Query("SELECT 170141183460469231731687303715884105727::HUGEINT AS big"),
              IsError(ErrorKind::kInvalid, testing::HasSubstr("column 'big'")));
}

TEST_F(ArrowOutputTest, BatchesAreLargeButBounded) {
  auto reader = Start("SELECT i, i::VARCHAR AS s FROM range(200000) t(i)").ValueOrDie();
  std::vector<int64_t> sizes;
  int64_t next = 0;
  while (auto batch = reader->Next().ValueOrDie()) {
    sizes.push_back(batch->num_rows());
    const auto& column = static_cast<const arrow::Int64Array&>(*batch->column(0));
    for (int64_t i = 0; i < batch->num_rows(); ++i) ASSERT_EQ(column.Value(i), next++);
  }
  EXPECT_EQ(next, 200000);
  EXPECT_THAT(sizes, testing::ElementsAre(65536, 65536, 65536, 3392));

  reader = Start("SELECT repeat('x', 1 << 20) AS s FROM range(100)").ValueOrDie();
  while (auto batch = reader->Next().ValueOrDie()) EXPECT_LE(batch->num_rows(), 32);
}

TEST_F(ArrowOutputTest, EmptyResultsKeepTheirSchema) {
  const auto table = Query("SELECT 1 AS a, 'x' AS b WHERE false").ValueOrDie();
  EXPECT_EQ(table->num_rows(), 0);
  EXPECT_EQ(table->schema()->ToString(), "a: int32\nb: string");
}

TEST_F(ArrowOutputTest, AStopEndsTheStreamAsCancelled) {
  std::stop_source source;
  base::Context context;
  context.stop = source.get_token();
  auto reader = Start("SELECT i FROM range(100000000000) t(i)", context).ValueOrDie();
  ASSERT_THAT(reader->Next(), base::IsOk());
  source.request_stop();
  Status status;
  for (int i = 0; i < 1000 && status.ok(); ++i) status = reader->Next().status();
  EXPECT_THAT(status, IsError(ErrorKind::kCancelled));
  EXPECT_THAT(reader->Next(), IsError(ErrorKind::kCancelled)) << "not an end of the rows";
}

TEST_F(ArrowOutputTest, AStopInterruptsABlockingQuery) {
  std::stop_source source;
  base::Context context;
  context.stop = source.get_token();
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    source.request_stop();
  });
  const auto begin = std::chrono::steady_clock::now();
  auto run = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(
        auto reader,
        Start(
            "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range = 7",
            context));
    return reader->Next().status();
  };
  EXPECT_THAT(run(), IsError(ErrorKind::kCancelled));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(ArrowOutputTest, MemoryIsLimitedAndSpillsGoToTheFolder) {
  const std::string sql =
      "SELECT sum(hash(l)) FROM (SELECT list(i) AS l FROM range({}) t(i) GROUP BY i % 3)";
  engine_ = Engine::Open({folder_.path() + "/", "", 32 << 20, 2}).ValueOrDie();
  EXPECT_THAT(Query(fmt::format(fmt::runtime(sql), 20000000)),
              IsError(ErrorKind::kExhausted, testing::HasSubstr("memory_limit")));
  engine_ =
      Engine::Open({folder_.path() + "/", folder_.path() + "/spill", 64 << 20, 2}).ValueOrDie();
  EXPECT_THAT(Query("SELECT count(*) FROM (SELECT i, hash(i) AS h FROM range(6000000) t(i) ORDER "
                    "BY h) WHERE h > 1"),
              base::IsOk());
  engine_.reset();
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "spill"));
}

TEST_F(ArrowOutputTest, NothingOutsideTheFolderCanBeReached) {
  for (const std::string& sql : std::vector<std::string>{
           "FROM read_text('/etc/passwd')", "FROM read_csv('/etc/hostname')", "FROM '/etc/passwd'",
           "FROM glob('/etc/*')",
           "SELECT * FROM read_parquet('" + folder_.path() + "/../x.parquet')",
           std::string("COPY (SELECT 1) TO '/tmp/millpond_escape.csv'"),
           std::string("ATTACH '/tmp/millpond_escape.db'"), std::string("INSTALL httpfs"),
           std::string("LOAD httpfs"), std::string("SET enable_external_access = true"),
           std::string("SET allowed_directories = ['/']"), std::string("SET memory_limit = '1TB'"),
           std::string("FROM read_text('https://example.com/')")}) {
    EXPECT_FALSE(Query(sql).ok()) << sql;
  }
  EXPECT_FALSE(std::filesystem::exists("/tmp/millpond_escape.csv"));
}

}  // namespace
}  // namespace millpond::query
