// Making ponds, where an earlier try was killed and where two try at once; and verbs of this room
// with logic of their own.
#include "api/pond.h"

#include <arrow/api.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "api/commit.h"
#include "api/rows.h"
#include "api/versions.h"
#include "base/error_matchers.h"
#include "base/temporary_folder.h"
#include "query/result_rows.h"

namespace millpond::api {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

CommitRequest Request(std::vector<std::string> files, std::vector<std::string> queries = {},
                      std::vector<std::string> drops = {}) {
  CommitRequest request;
  request.message = "why";
  request.files = std::move(files);
  request.queries = std::move(queries);
  request.drops = std::move(drops);
  return request;
}

class PondTest : public ::testing::Test {
 protected:
  OpenOptions At(const std::string& name) const { return {.path = folder_ / name, .flags = {}}; }
  std::set<std::string> Names(const std::string& name) const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / name)) {
      names.insert(entry.path().filename());
    }
    return names;
  }
  void Touch(const std::string& name) const {
    fs::create_directories(fs::path(folder_ / name).parent_path());
    std::ofstream(folder_ / name) << "x";
  }

  base::TemporaryFolder folder_;
};

TEST_F(PondTest, InitMakesWhatOpenFinds) {
  EXPECT_THAT(Pond::Open(At("p")), IsError(ErrorKind::kNotFound, HasSubstr("millpond init")));
  ASSERT_THAT(Pond::Init(At("p")), IsOk());
  EXPECT_THAT(Pond::Init(At("p")), IsError(ErrorKind::kAlreadyExists));
  fs::create_directories(folder_ / "p/deep/er");
  const auto pond = Pond::Open(At("p/deep/er")).ValueOrDie();
  EXPECT_EQ(pond->folder(), folder_ / "p");
}

TEST_F(PondTest, InitTouchesNoFolderOfOthers) {
  Touch("full/mine.txt");
  EXPECT_THAT(Pond::Init(At("full")), IsError(ErrorKind::kInvalid, HasSubstr("not empty")));
  EXPECT_EQ(Names("full"), (std::set<std::string>{"mine.txt"}));
  Touch("file");
  EXPECT_THAT(Pond::Init(At("file")), IsError(ErrorKind::kInvalid, HasSubstr("is a file")));
  // Tables without a millpond.toml: somebody's pond that lost it, not ours to begin anew.
  Touch("lost/truth/shop/t/data/x.parquet");
  Touch("lost/ledger.db");
  EXPECT_THAT(Pond::Init(At("lost")), IsError(ErrorKind::kInvalid, HasSubstr("not empty")));
  EXPECT_TRUE(fs::exists(folder_ / "lost/truth/shop/t/data/x.parquet"));
}

TEST_F(PondTest, InitGoesOnFromWhatAKilledOneLeft) {
  // Before the ledger had its name.
  fs::create_directories(folder_ / "early/truth/.pending");
  fs::create_directories(folder_ / "early/derived");
  for (const char* name : {"ledger.db.new-1", "ledger.db.new-1-wal", "millpond.toml.new-1"}) {
    Touch(std::string("early/") + name);
  }
  ASSERT_THAT(Pond::Init(At("early")), IsOk());
  EXPECT_FALSE(Names("early").contains("ledger.db.new-1"));
  EXPECT_FALSE(Names("early").contains("ledger.db.new-1-wal"));
  EXPECT_THAT(Pond::Open(At("early")), IsOk());
  // Between the ledger and millpond.toml: the ledger is kept.
  ASSERT_THAT(Pond::Init(At("late")), IsOk());
  const auto id = fs::last_write_time(folder_ / "late/ledger.db");
  fs::remove(folder_ / "late/millpond.toml");
  ASSERT_THAT(Pond::Init(At("late")), IsOk());
  EXPECT_EQ(fs::last_write_time(folder_ / "late/ledger.db"), id);
  EXPECT_THAT(Pond::Open(At("late")), IsOk());
}

TEST_F(PondTest, InitLeavesAnotherInitAlone) {
  fs::create_directories(folder_ / "p/truth");
  const int other = ::open((folder_ / "p/truth").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  EXPECT_THAT(Pond::Init(At("p")), IsError(ErrorKind::kAlreadyExists, HasSubstr("another")));
  EXPECT_EQ(Names("p"), (std::set<std::string>{"truth"}));
  ::close(other);
  EXPECT_THAT(Pond::Init(At("p")), IsOk());
}

TEST_F(PondTest, OfManyInitsOneWinsAndItsPondStays) {
  std::atomic<int> won = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        const auto made = Pond::Init(At("p"));
        won += made.ok();
        if (!made.ok()) {
          EXPECT_EQ(base::KindOf(made.status()), ErrorKind::kAlreadyExists)
              << made.status().ToString();
        }
      });
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_THAT(Pond::Open(At("p")), IsOk());
}

TEST_F(PondTest, CommitsOfFilesAndQueries) {
  const auto pond = Pond::Init(At("p")).ValueOrDie();
  std::ofstream(folder_ / "a.csv") << "n\n1\n2\n";
  const CommitRequest request =
      Request({"shop.a=" + (folder_ / "a.csv")}, {"shop.b=SELECT 7::BIGINT AS n"});
  const Json commit = Commit(*pond, request, {}).ValueOrDie();
  EXPECT_EQ(commit["tables"].size(), 2U);
  EXPECT_EQ(Log(*pond, {}).ValueOrDie()["commits"].size(), 1U);
  EXPECT_THAT(Commit(*pond, {}, {}), IsError(ErrorKind::kInvalid, HasSubstr("message")));
  EXPECT_THAT(Commit(*pond, Request({}), {}),
              IsError(ErrorKind::kInvalid, HasSubstr("nothing to commit")));
  EXPECT_THAT(Commit(*pond, Request({"a.csv"}), {}),
              IsError(ErrorKind::kInvalid, HasSubstr("TABLE=FILE")));
  EXPECT_THAT(Commit(*pond, Request({"x=y"}, {}, {"shop.a"}), {}),
              IsError(ErrorKind::kInvalid, HasSubstr("of their own")));
  EXPECT_THAT(Commit(*pond, Request({}, {}, {"shop.nothing"}), {}), IsError(ErrorKind::kNotFound));
}

// Rows that are computed from a table and replace it must not swallow what came in between.
TEST_F(PondTest, AReplacementOfWhatWasReadConflicts) {
  const auto pond = Pond::Init(At("p")).ValueOrDie();
  ASSERT_THAT(Commit(*pond, Request({}, {"shop.b=SELECT 1::BIGINT AS n"}), {}), IsOk());
  base::Context context;
  bool inside = false;
  context.progress = [&](const base::Progress&) {
    if (std::exchange(inside, true)) return;
    EXPECT_THAT(Commit(*pond, Request({}, {"shop.b=SELECT 2::BIGINT AS n"}), {}), IsOk());
  };
  CommitRequest replace =
      Request({}, {"shop.a=SELECT 0 AS n", "shop.b=SELECT n + 10 AS n FROM shop.b"});
  replace.replace = true;
  EXPECT_THAT(Commit(*pond, replace, context), IsError(ErrorKind::kConflict));
  EXPECT_TRUE(inside);
  const auto rows =
      query::RowsOf(*pond->session().ValueOrDie(), "SELECT n FROM shop.b ORDER BY n", {}, {});
  EXPECT_EQ(Json(*rows), Json({{1}, {2}}));
}

// An older version is no head that moved.
TEST_F(PondTest, AReplacementByAnOlderVersionLands) {
  const auto pond = Pond::Init(At("p")).ValueOrDie();
  for (const char* number : {"1", "2"}) {
    const std::string query = fmt::format("shop.b=SELECT {}::BIGINT AS n", number);
    ASSERT_THAT(Commit(*pond, Request({}, {query}), {}), IsOk());
  }
  CommitRequest replace = Request({}, {"shop.b=SELECT n FROM \"shop\".\"b@~1\""});
  replace.replace = true;
  ASSERT_THAT(Commit(*pond, replace, {}), IsOk());
  const auto rows = query::RowsOf(*pond->session().ValueOrDie(), "SELECT n FROM shop.b", {}, {});
  EXPECT_EQ(Json(*rows), Json({{1}}));
}

class RowsTest : public ::testing::Test {
 protected:
  std::string Text(const std::string& sql, RowFormat format) {
    auto pond = Pond::Init({.path = folder_ / std::to_string(++ponds_), .flags = {}}).ValueOrDie();
    auto reader = pond->session().ValueOrDie()->Sql(sql, {}, {}).ValueOrDie().reader;
    char* text = nullptr;
    size_t size = 0;
    std::FILE* out = open_memstream(&text, &size);
    EXPECT_THAT(WriteRows(*reader, format, out, {}), IsOk());
    std::fclose(out);
    std::string whole(text, size);
    std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): open_memstream's.
    return whole;
  }

  base::TemporaryFolder folder_;
  int ponds_ = 0;
};

TEST_F(RowsTest, TextFormats) {
  const std::string sql =
      "SELECT * FROM (VALUES (1, 'a\"b', 'x\ty'), (NULL, '', 'l1\nl2'), (3, NULL, 'größe, ja')) "
      "t(\"n,1\", q, s)";
  EXPECT_EQ(Text(sql, RowFormat::kCsv),
            "\"n,1\",q,s\n1,\"a\"\"b\",x\ty\n,\"\",\"l1\nl2\"\n3,,\"größe, ja\"\n");
  EXPECT_EQ(Text(sql, RowFormat::kTsv),
            "n,1\tq\ts\n1\t\"a\"\"b\"\t\"x\ty\"\n\t\"\"\t\"l1\nl2\"\n3\t\tgröße, ja\n");
  const Json json = Json::parse(Text(sql, RowFormat::kJson));
  EXPECT_EQ(json[1], Json({{"n,1", nullptr}, {"q", ""}, {"s", "l1\nl2"}}));
  EXPECT_EQ(Text("SELECT 1 AS b, 2 AS a", RowFormat::kJsonLines), "{\"b\":1,\"a\":2}\n");
  EXPECT_EQ(Text("SELECT 1 AS a WHERE false", RowFormat::kJson), "[]\n");
  EXPECT_EQ(Text("SELECT 1 AS a WHERE false", RowFormat::kCsv), "a\n");
}

TEST_F(RowsTest, CellsOfEveryType) {
  const Json cells = Json::parse(Text(
      "SELECT 'NaN'::DOUBLE AS nan, '-Infinity'::DOUBLE AS low, 1.50::DECIMAL(5,2) AS c, DATE "
      "'2024-02-29' AS d, TIMESTAMP '2024-02-29 12:00:00' AS t, '\\x00\\xFF'::BLOB AS b, [1, NULL] "
      "AS l, {'k': [true]} AS s, MAP {'a': 1} AS m, 9007199254740993 AS big, NULL::BIGINT AS n",
      RowFormat::kJson))[0];
  EXPECT_EQ(cells["nan"], "NaN");
  EXPECT_EQ(cells["low"], "-Infinity");
  EXPECT_EQ(cells["c"], "1.50");
  EXPECT_EQ(cells["d"], "2024-02-29");
  EXPECT_THAT(cells["t"].get<std::string>(), HasSubstr("2024-02-29 12:00:00"));
  EXPECT_EQ(cells["b"], "AP8=");
  EXPECT_EQ(cells["l"], Json({1, nullptr}));
  EXPECT_EQ(cells["s"], Json({{"k", {true}}}));
  EXPECT_EQ(cells["m"], Json::array({{{"key", "a"}, {"value", 1}}}));
  EXPECT_EQ(cells["big"], 9007199254740993);
  EXPECT_EQ(cells["n"], nullptr);
}

TEST_F(PondTest, AnIdempotencyKeyIsOfOneCommitWithItsFiles) {
  auto pond = Pond::Init(At("pond")).ValueOrDie();
  const std::string file = folder_ / "a.csv";
  const auto commit = [&](const std::string& text) {
    std::ofstream(file) << text;
    CommitRequest request = Request({"t=" + file});
    request.idempotency_key = "monday";
    return Commit(*pond, request, {});
  };
  const Json first = commit("id\n1\n").ValueOrDie();
  EXPECT_EQ(commit("id\n1\n").ValueOrDie()["commit"], first["commit"]);
  EXPECT_THAT(commit("id\n2\n"), IsError(ErrorKind::kAlreadyExists, HasSubstr("'monday'")));
}

TEST(RowFormatTest, UnknownOnesAreNamed) {
  EXPECT_THAT(ParseRowFormat("xml"), IsError(ErrorKind::kInvalid, HasSubstr("jsonl")));
  EXPECT_EQ(*ParseRowFormat("tsv"), RowFormat::kTsv);
}

}  // namespace
}  // namespace millpond::api
