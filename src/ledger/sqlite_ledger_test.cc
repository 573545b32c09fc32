// The SQLite ledger: the contract, and what only a file can go wrong with.
#include "ledger/sqlite_ledger.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error_matchers.h"
#include "base/temporary_folder.h"
#include "ledger/ledger_contract.h"
#include "ledger/migration.h"
#include "ledger/sqlite_connection.h"

namespace millpond::ledger {
namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::AllOf;
using ::testing::HasSubstr;

LedgerForTest MakeSqliteLedgerForTest() {
  auto folder = std::make_shared<base::TemporaryFolder>();
  const std::string path = *folder / "ledger.db";
  return {OpenSqliteLedger(path, OpenMode::kCreate).ValueOrDie(),
          [path] { return OpenSqliteLedger(path, OpenMode::kExisting); }, folder};
}

INSTANTIATE_TEST_SUITE_P(Sqlite, LedgerContract, ::testing::Values(MakeSqliteLedgerForTest));

class SqliteLedgerTest : public ::testing::Test {
 protected:
  Result<std::shared_ptr<Ledger>> Create() { return OpenSqliteLedger(path_, OpenMode::kCreate); }
  Result<std::shared_ptr<Ledger>> Reopen(int busy_ms = 30000) {
    return OpenSqliteLedger(path_, OpenMode::kExisting, busy_ms);
  }
  std::unique_ptr<SqliteConnection> Raw() {
    return SqliteConnection::Open(path_, false, 1000).ValueOrDie();
  }

  base::TemporaryFolder folder_;
  std::string path_ = folder_ / "ledger.db";
};

TEST_F(SqliteLedgerTest, CreationLeavesOneFileAndNeverReplacesIt) {
  ASSERT_THAT(Create(), IsOk());
  EXPECT_THAT(Create(), IsError(ErrorKind::kAlreadyExists, HasSubstr(path_)));
  EXPECT_THAT(Reopen(), IsOk());
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    names.push_back(entry.path().filename());
  }
  EXPECT_THAT(names, ::testing::ElementsAre("ledger.db"));
}

TEST_F(SqliteLedgerTest, WhatDeadCreatorsLeftIsRemoved) {
  const std::vector<std::string> left = {"ledger.db.new-1", "ledger.db.new-1-wal",
                                         "ledger.db.new-1-shm"};
  const auto leave = [&] {
    for (const std::string& name : left) std::ofstream(folder_ / name) << "half a ledger";
  };
  const auto count = [&] {
    return std::count_if(left.begin(), left.end(),
                         [&](const std::string& name) { return fs::exists(folder_ / name); });
  };
  std::ofstream(folder_ / "other.db.new-1") << "not ours";
  fs::create_directory(folder_ / "ledger.db.new-folder");
  leave();
  ASSERT_THAT(Create(), IsOk());
  EXPECT_EQ(count(), 0);
  leave();
  {
    // As a creator in another process holds it.
    const int folder = ::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_EQ(::flock(folder, LOCK_SH), 0);
    ASSERT_THAT(Reopen(), IsOk());
    EXPECT_EQ(count(), 3) << "taken from a living creator";
    ::close(folder);
  }
  ASSERT_THAT(Reopen(), IsOk());
  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(fs::exists(folder_ / "other.db.new-1"));
  EXPECT_TRUE(fs::exists(folder_ / "ledger.db.new-folder"));
}

TEST_F(SqliteLedgerTest, OneOfManyCreatorsWins) {
  std::atomic<int> won = 0, lost = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&] {
        auto made = Create();
        if (made.ok()) ++won;
        if (!made.ok() && base::KindOf(made.status()) == ErrorKind::kAlreadyExists) ++lost;
      });
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 5);
}

TEST_F(SqliteLedgerTest, MissingFilesAndFoldersAreNotFound) {
  EXPECT_THAT(Reopen(), IsError(ErrorKind::kNotFound, HasSubstr(path_)));
  EXPECT_THAT(OpenSqliteLedger(folder_ / "no/ledger.db", OpenMode::kCreate),
              IsError(ErrorKind::kNotFound));
  EXPECT_THAT(OpenSqliteLedger(folder_.path(), OpenMode::kExisting), IsError(ErrorKind::kInvalid));
}

TEST_F(SqliteLedgerTest, WhatIsNoLedgerIsCorrupt) {
  std::ofstream(path_)
      << "this is a text file, and a long enough one to be read as a header.......";
  EXPECT_THAT(Reopen(), IsError(ErrorKind::kCorrupt, AllOf(HasSubstr(path_), HasSubstr("backup"))));
  std::ofstream(path_, std::ios::trunc).close();
  EXPECT_THAT(Reopen(), IsError(ErrorKind::kCorrupt, HasSubstr("not a Millpond ledger")));
}

TEST_F(SqliteLedgerTest, DamagedPagesAreCorrupt) {
  {
    auto ledger = Create().ValueOrDie();
    Transaction transaction;
    for (int i = 0; i < 2000; ++i) {
      transaction.Insert("experiment", {{"name", "experiment " + std::to_string(i)},
                                        {"description", std::string(100, 'x')},
                                        {"created_ms", int64_t{i}}});
    }
    ASSERT_THAT(ledger->Apply(transaction), IsOk());
  }
  const auto size = fs::file_size(path_);
  std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(size / 2));
  file << std::string(60'000, '\xAA');
  file.close();
  auto ledger = Reopen().ValueOrDie();
  EXPECT_THAT(ledger->CheckIntegrity(), IsError(ErrorKind::kCorrupt, HasSubstr(path_)));
  EXPECT_THAT(ledger->Select({"experiment"}), IsError(ErrorKind::kCorrupt, HasSubstr(path_)));
}

TEST_F(SqliteLedgerTest, DanglingRowsAreFoundByTheCheck) {
  auto ledger = Create().ValueOrDie();
  {
    auto raw = Raw();
    ASSERT_THAT(raw->Execute("PRAGMA foreign_keys = OFF"), IsOk());
    ASSERT_THAT(raw->Execute("INSERT INTO run_param VALUES ('nobody', 'k', 'v')"), IsOk());
  }
  EXPECT_THAT(ledger->CheckIntegrity(), IsError(ErrorKind::kCorrupt, HasSubstr("run_param")));
}

TEST_F(SqliteLedgerTest, ANewerVersionIsRefused) {
  ASSERT_THAT(Create(), IsOk());
  ASSERT_THAT(Raw()->Execute("UPDATE ledger_version SET version = 999"), IsOk());
  EXPECT_THAT(Reopen(), IsError(ErrorKind::kInvalid, AllOf(HasSubstr("999"), HasSubstr("newer"))));
}

TEST_F(SqliteLedgerTest, ALockHeldTooLongIsUnavailable) {
  auto ledger = Create().ValueOrDie();
  auto impatient = Reopen(50).ValueOrDie();
  auto raw = Raw();
  ASSERT_THAT(raw->Execute("BEGIN IMMEDIATE"), IsOk());
  EXPECT_THAT(impatient->Reserve("n", 1),
              IsError(ErrorKind::kUnavailable, AllOf(HasSubstr(path_), HasSubstr("50 ms"))));
  EXPECT_THAT(impatient->Select({"run"}), IsOk());  // Readers never wait.
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_THAT(raw->Execute("COMMIT"), IsOk());
  });
  EXPECT_THAT(ledger->Reserve("n", 1), IsOk());
}

TEST_F(SqliteLedgerTest, AFullDiskIsExhaustedAndChangesNothing) {
  auto ledger = Create().ValueOrDie();
  ASSERT_THAT(ledger->Reserve("n", 1), IsOk());
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small{fs::file_size(path_), before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  Status status = ledger->Apply(Transaction().Insert(
      "experiment",
      {{"name", "a"}, {"description", std::string(4 << 20, 'x')}, {"created_ms", int64_t{0}}}));
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(status, IsError(ErrorKind::kExhausted, HasSubstr(path_)));
  EXPECT_TRUE(ledger->Select({"experiment"}).ValueOrDie().empty());
  EXPECT_EQ(ledger->Reserve("n", 1).ValueOrDie(), 1);
  EXPECT_THAT(ledger->CheckIntegrity(), IsOk());
}

TEST_F(SqliteLedgerTest, UsesTheLogAndFullSync) {
  ASSERT_THAT(Create(), IsOk());
  auto raw = Raw();
  EXPECT_EQ(raw->Select({"PRAGMA journal_mode", {}}).ValueOrDie()[0]["journal_mode"], Value("wal"));
  EXPECT_EQ(raw->Select({"PRAGMA synchronous", {}}).ValueOrDie()[0]["synchronous"],
            Value(int64_t{2}));
  EXPECT_EQ(raw->Select({"PRAGMA foreign_keys", {}}).ValueOrDie()[0]["foreign_keys"],
            Value(int64_t{1}));
}

TEST_F(SqliteLedgerTest, BytesThatWeNeverWriteAreCorrupt) {
  auto ledger = Create().ValueOrDie();
  ASSERT_THAT(Raw()->Execute("INSERT INTO experiment VALUES ('a', x'00ff', 0)"), IsOk());
  EXPECT_THAT(ledger->Select({"experiment"}),
              IsError(ErrorKind::kCorrupt, HasSubstr("description")));
}

constexpr std::string_view kFirst[] = {"CREATE TABLE one (a BIGINT)", "INSERT INTO one VALUES (1)"};
constexpr std::string_view kSecond[] = {"CREATE TABLE two (a BIGINT)",
                                        "INSERT INTO two SELECT a + 1 FROM one"};
constexpr std::string_view kBroken[] = {"CREATE TABLE three (a BIGINT)",
                                        "INSERT INTO nowhere VALUES (1)"};

TEST_F(SqliteLedgerTest, MigratesForwardOnceAndInOneTransaction) {
  auto connection = SqliteConnection::Open(path_, true, 1000).ValueOrDie();
  const std::vector<Migration> first = {{1, kFirst}};
  const std::vector<Migration> second = {{1, kFirst}, {2, kSecond}};
  const std::vector<Migration> broken = {{1, kFirst}, {2, kSecond}, {3, kBroken}};
  ASSERT_THAT(connection->BeginAlone(), IsOk());
  ASSERT_THAT(
      FinishTransaction(connection.get(), [&] { return CreateSchema(connection.get(), first); }),
      IsOk());
  EXPECT_EQ(ReadVersion(connection.get()).ValueOrDie(), 1);
  EXPECT_THAT(Migrate(connection.get(), broken),
              IsError(ErrorKind::kInternal, HasSubstr("version 3")));
  EXPECT_EQ(ReadVersion(connection.get()).ValueOrDie(), 1);
  EXPECT_FALSE(connection->Execute("SELECT * FROM two").ok());
  ASSERT_THAT(Migrate(connection.get(), second), IsOk());
  ASSERT_THAT(Migrate(connection.get(), second), IsOk());
  EXPECT_EQ(ReadVersion(connection.get()).ValueOrDie(), 2);
  EXPECT_EQ(connection->Select({"SELECT a FROM two", {}}).ValueOrDie()[0]["a"], Value(int64_t{2}));
  EXPECT_THAT(Migrate(connection.get(), first), IsError(ErrorKind::kInvalid));
}

TEST_F(SqliteLedgerTest, ManyShapesOfStatementsDoNotPileUp) {
  auto ledger = Create().ValueOrDie();
  for (int i = 0; i < 400; ++i) {
    Conditions where;
    for (int j = 0; j <= i; ++j) where.push_back({"name", Compare::kNotEqual, "x"});
    ASSERT_THAT(ledger->Select({"experiment", where}), IsOk());
  }
  EXPECT_THAT(ledger->Reserve("n", 1), IsOk());
}

}  // namespace
}  // namespace millpond::ledger
