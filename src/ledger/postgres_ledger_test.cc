// The PostgreSQL ledger: the contract, and what only a server can go wrong with. Needs one:
// MILLPOND_TEST_POSTGRES holds the URL of a superuser (tests/servers/test_postgres_ledger.py starts
// one and runs this); without it all of these are skipped.
#include "ledger/postgres_ledger.h"

#include <atomic>
#include <cstdlib>
#include <thread>

#include "base/error_matchers.h"
#include "base/random_id.h"
#include "ledger/ledger_contract.h"
#include "ledger/migration.h"
#include "ledger/postgres_connection.h"

namespace millpond::ledger {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string ServerUrl() {
  const char* url = std::getenv("MILLPOND_TEST_POSTGRES");
  return url == nullptr ? "" : url;
}

std::unique_ptr<PostgresConnection> Connect(const std::string& url, int busy_ms = 5000) {
  const Libpq* libpq = LoadLibpq().ValueOrDie();
  return PostgresConnection::Open(*libpq, ParsePostgresUrl(*libpq, url).ValueOrDie(), busy_ms)
      .ValueOrDie();
}

// A schema of its own, dropped at the end.
struct Schema {
  std::string name = "t" + base::NewUuid();
  std::string url = ServerUrl() + "?schema=" + name;

  ~Schema() {
    Status dropped =
        Connect(ServerUrl())->Execute("DROP SCHEMA IF EXISTS \"" + name + "\" CASCADE");
    if (!dropped.ok()) ADD_FAILURE() << dropped.ToString();
  }
};

LedgerForTest MakePostgresLedgerForTest() {
  auto schema = std::make_shared<Schema>();
  return {OpenPostgresLedger(schema->url, OpenMode::kCreate).ValueOrDie(),
          [schema] { return OpenPostgresLedger(schema->url, OpenMode::kExisting); }, schema};
}

// Nothing without a server; PostgresLedgerTest says that it is skipped.
std::vector<LedgerMaker> Makers() {
  if (ServerUrl().empty()) return {};
  return {MakePostgresLedgerForTest};
}

INSTANTIATE_TEST_SUITE_P(Postgres, LedgerContract, ::testing::ValuesIn(Makers()));

class PostgresLedgerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (ServerUrl().empty()) GTEST_SKIP() << "MILLPOND_TEST_POSTGRES is not set";
    schema_ = std::make_unique<Schema>();
  }
  Result<std::shared_ptr<Ledger>> Create() {
    return OpenPostgresLedger(schema_->url, OpenMode::kCreate);
  }
  Result<std::shared_ptr<Ledger>> Reopen(int busy_ms = 30000) {
    return OpenPostgresLedger(schema_->url, OpenMode::kExisting, {.busy_ms = busy_ms});
  }
  std::unique_ptr<PostgresConnection> Raw() { return Connect(schema_->url); }
  // Ends every other connection to this database, as a restart of the server would; other tests use
  // databases of their own.
  void CutConnections() {
    ASSERT_THAT(
        Raw()->Execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                       "pid <> pg_backend_pid() AND application_name = 'millpond' AND datname = "
                       "current_database()"),
        IsOk());
  }

  std::unique_ptr<Schema> schema_;
};

TEST_F(PostgresLedgerTest, CreationIsWholeAndNeverReplaces) {
  ASSERT_THAT(Create(), IsOk());
  EXPECT_THAT(Create(), IsError(ErrorKind::kAlreadyExists, HasSubstr(schema_->name)));
  EXPECT_THAT(Reopen(), IsOk());
}

TEST_F(PostgresLedgerTest, OneOfManyCreatorsWins) {
  std::atomic<int> won = 0, lost = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        auto made = Create();
        if (made.ok()) ++won;
        if (!made.ok() && base::KindOf(made.status()) == ErrorKind::kAlreadyExists) ++lost;
      });
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 3);
}

TEST_F(PostgresLedgerTest, TextComparesByItsBytes) {
  ASSERT_THAT(Create(), IsOk());
  auto rows = Raw()->Select(
      {"SELECT count(*) AS others FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN "
       "pg_collation l ON l.oid = a.attcollation WHERE c.relnamespace = $1::text::regnamespace AND "
       "a.attnum > 0 AND c.relkind = 'r' AND l.collname <> 'C'",
       {"\"" + schema_->name + "\""}});
  ASSERT_THAT(rows, IsOk());
  EXPECT_EQ((*rows)[0]["others"], Value(int64_t{0}));
}

TEST_F(PostgresLedgerTest, WhatIsNoLedgerIsRefused) {
  EXPECT_THAT(Reopen(), IsError(ErrorKind::kCorrupt, HasSubstr("not a Millpond ledger")));
  ASSERT_THAT(Create(), IsOk());
  ASSERT_THAT(Raw()->Execute("UPDATE ledger_version SET version = 999"), IsOk());
  EXPECT_THAT(Reopen(), IsError(ErrorKind::kInvalid, AllOf(HasSubstr("999"), HasSubstr("newer"))));
}

TEST_F(PostgresLedgerTest, MissingTablesColumnsAndParentsAreFoundByTheCheck) {
  auto ledger = Create().ValueOrDie();
  ASSERT_THAT(ledger->CheckIntegrity(), IsOk());
  auto raw = Raw();
  ASSERT_THAT(raw->Execute("SET session_replication_role = replica"), IsOk());
  ASSERT_THAT(raw->Execute("INSERT INTO run_param VALUES ('nobody', 'k', 'v')"), IsOk());
  EXPECT_THAT(ledger->CheckIntegrity(), IsError(ErrorKind::kCorrupt, HasSubstr("run_param")));
  ASSERT_THAT(raw->Execute("ALTER TABLE source_cursor DROP COLUMN cursor"), IsOk());
  ASSERT_THAT(raw->Execute("DROP TABLE counter"), IsOk());
  EXPECT_THAT(ledger->CheckIntegrity(),
              IsError(ErrorKind::kCorrupt,
                      AllOf(HasSubstr("'counter' is missing"), HasSubstr("'cursor'"))));
}

TEST_F(PostgresLedgerTest, ALockHeldTooLongIsUnavailable) {
  auto ledger = Create().ValueOrDie();
  auto impatient = Reopen(100).ValueOrDie();
  ASSERT_THAT(ledger->Reserve("n", 1), IsOk());
  auto raw = Raw();
  ASSERT_THAT(raw->Execute("BEGIN"), IsOk());
  ASSERT_THAT(raw->Execute("UPDATE counter SET next = 7"), IsOk());
  EXPECT_THAT(
      impatient->Reserve("n", 1),
      IsError(ErrorKind::kUnavailable, AllOf(HasSubstr(schema_->name), HasSubstr("100 ms"))));
  EXPECT_THAT(impatient->Select({"counter"}), IsOk());  // Readers never wait.
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_THAT(raw->Execute("COMMIT"), IsOk());
  });
  EXPECT_EQ(ledger->Reserve("n", 1).ValueOrDie(), 7);
}

TEST_F(PostgresLedgerTest, LostConnectionsAreOpenedAgain) {
  auto ledger = Create().ValueOrDie();
  for (int i = 0; i < 3; ++i) {
    ASSERT_THAT(ledger->Reserve("n", 1), IsOk());
    CutConnections();
    EXPECT_THAT(ledger->Select({"counter"}), IsOk());
    CutConnections();
    Transaction transaction;
    transaction.Update("counter", {{"next", int64_t{i}}}, {{"name", Compare::kEqual, "n"}}, 1);
    EXPECT_THAT(ledger->Apply(transaction), IsOk());
  }
}

TEST_F(PostgresLedgerTest, EachTransactionLandsOnceWhileConnectionsAreCut) {
  auto ledger = Create().ValueOrDie();
  ASSERT_THAT(ledger->Apply(Transaction().Insert("counter", {{"name", "n"}, {"next", int64_t{0}}})),
              IsOk());
  // Cuts once for each transaction that got through, at another moment of the next one.
  constexpr int64_t kSteps = 60;
  std::atomic<int64_t> done = 0;
  std::jthread cutter([&](const std::stop_token& stop) {
    for (int64_t cut = 0; !stop.stop_requested();) {
      if (done <= cut) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        continue;
      }
      cut = done;
      std::this_thread::sleep_for(std::chrono::microseconds(cut * 97 % 4000));
      CutConnections();
    }
  });
  for (int64_t i = 0; i < kSteps; ++i) {
    Transaction step;
    step.Update("counter", {{"next", i + 1}},
                {{"name", Compare::kEqual, "n"}, {"next", Compare::kEqual, i}}, 1, "moved on")
        .Insert("experiment",
                {{"name", std::to_string(i)}, {"description", ""}, {"created_ms", i}});
    ASSERT_THAT(ledger->Apply(step), IsOk()) << i;
    ++done;
  }
  cutter.request_stop();
  cutter.join();
  EXPECT_EQ(ledger->Select({"experiment"}).ValueOrDie().size(), static_cast<size_t>(kSteps));
}

TEST_F(PostgresLedgerTest, DeadlocksAreRunAgain) {
  auto ledger = Create().ValueOrDie();
  for (const char* name : {"a", "b"}) ASSERT_THAT(ledger->Reserve(name, 1), IsOk());
  auto both = [&](const char* first, const char* second) {
    Transaction transaction;
    for (const char* name : {first, second}) {
      transaction.Update("counter", {{"next", int64_t{5}}}, {{"name", Compare::kEqual, name}}, 1);
    }
    for (int i = 0; i < 40; ++i) EXPECT_THAT(ledger->Apply(transaction), IsOk());
  };
  std::jthread one([&] { both("a", "b"); });
  std::jthread two([&] { both("b", "a"); });
}

TEST_F(PostgresLedgerTest, BigTransactionsLandWhole) {
  auto ledger = Create().ValueOrDie();
  Transaction transaction;
  for (int64_t i = 0; i < 3000; ++i) {
    transaction.Insert(
        "experiment",
        {{"name", std::to_string(i)}, {"description", std::string(2000, 'x')}, {"created_ms", i}});
  }
  ASSERT_THAT(ledger->Apply(transaction), IsOk());
  EXPECT_THAT(ledger->Apply(transaction), IsError(ErrorKind::kAlreadyExists));
  auto rows = ledger->Select({"experiment", {}, {{"created_ms", true}}}).ValueOrDie();
  ASSERT_EQ(rows.size(), 3000u);
  EXPECT_EQ(TextOf(rows[0], "description").ValueOrDie().size(), 2000u);
}

TEST_F(PostgresLedgerTest, ConnectionsAreLimited) {
  ASSERT_THAT(Create(), IsOk());
  auto ledger =
      OpenPostgresLedger(schema_->url, OpenMode::kExisting, {.busy_ms = 20000, .connections = 2})
          .ValueOrDie();
  std::vector<std::jthread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 10; ++j) EXPECT_THAT(ledger->Reserve("n", 1), IsOk());
    });
  }
  threads.clear();
  EXPECT_EQ(ledger->Reserve("n", 1).ValueOrDie(), 120);
}

TEST_F(PostgresLedgerTest, RefusalsSayWhyAndNeverTheSecret) {
  auto open = [&](const std::string& url) {
    return OpenPostgresLedger(url, OpenMode::kExisting).status();
  };
  std::string wrong = ServerUrl();
  wrong.replace(wrong.find(':', 13) + 1, wrong.find('@') - wrong.find(':', 13) - 1, "s3cr3t");
  EXPECT_THAT(open(wrong), IsError(ErrorKind::kDenied, Not(HasSubstr("s3cr3t"))));
  std::string nowhere = ServerUrl();
  nowhere.replace(nowhere.rfind('/') + 1, nowhere.npos, "no_such_database");
  EXPECT_THAT(open(nowhere), IsError(ErrorKind::kNotFound, HasSubstr("no_such_database")));
  EXPECT_THAT(open(ServerUrl() + "?sslmode=verify-full"),
              IsError(ErrorKind::kDenied, HasSubstr("sslrootcert")));
}

TEST(PostgresAddressTest, ReadsUrlsAndAddsSafeDefaults) {
  auto libpq = LoadLibpq();
  if (!libpq.ok()) GTEST_SKIP() << libpq.status().ToString();
  auto parse = [&](const std::string& url) { return ParsePostgresUrl(**libpq, url); };
  auto value = [&](const std::string& url, const std::string& keyword) -> std::string {
    auto address = parse(url).ValueOrDie();
    for (const auto& [name, text] : address.parameters) {
      if (name == keyword) return text;
    }
    return "";
  };
  EXPECT_EQ(value("postgresql://me@db.example.com/pond", "sslmode"), "verify-full");
  EXPECT_EQ(value("postgresql://me@db.example.com/pond?sslmode=require", "sslmode"), "require");
  EXPECT_EQ(value("postgresql://me@localhost,db.example.com/pond", "sslmode"), "verify-full");
  EXPECT_EQ(value("postgresql://me@localhost/pond", "sslmode"), "");
  EXPECT_EQ(value("postgresql://me@127.0.0.1:7/pond", "port"), "7");
  ::setenv("POND_SECRET_FOR_TEST", "hunter2", 1);
  EXPECT_EQ(value("postgresql://me@h/p?password_env=POND_SECRET_FOR_TEST&schema=a%20b", "password"),
            "hunter2");
  auto address = parse("postgresql://me:pw@h:1/p?schema=a%20b").ValueOrDie();
  EXPECT_EQ(address.schema, "a b");
  EXPECT_EQ(address.name, "postgresql://me@h:1/p?schema=a b");
  EXPECT_EQ(parse("postgres://h/p").ValueOrDie().schema, "public");
}

TEST(PostgresAddressTest, RefusesWhatItCannotUse) {
  auto libpq = LoadLibpq();
  if (!libpq.ok()) GTEST_SKIP() << libpq.status().ToString();
  auto refusal = [&](const std::string& url) { return ParsePostgresUrl(**libpq, url).status(); };
  EXPECT_THAT(refusal("mysql://h/p"), IsError(ErrorKind::kInvalid, HasSubstr("postgresql://")));
  EXPECT_THAT(refusal("postgresql://h/p?nonsense=1"),
              IsError(ErrorKind::kInvalid, HasSubstr("nonsense")));
  EXPECT_THAT(refusal("postgresql://me:hunter%zz2@h/p"),
              IsError(ErrorKind::kInvalid, Not(HasSubstr("hunter"))));
  EXPECT_THAT(refusal("postgresql://h/p?password_env=NO_SUCH_VARIABLE_HERE"),
              IsError(ErrorKind::kInvalid, HasSubstr("NO_SUCH_VARIABLE_HERE")));
  EXPECT_THAT(refusal("postgresql://me:x@h/p?password_env=HOME"), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(refusal("postgresql://h/p?schema="), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(refusal("postgresql://h/p?schema=pg_catalog"), IsError(ErrorKind::kInvalid));
}

}  // namespace
}  // namespace millpond::ledger
