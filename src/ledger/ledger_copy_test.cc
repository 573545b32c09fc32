// Moving, backing up and restoring between files, and with MILLPOND_TEST_POSTGRES between a file
// and a server.
#include "ledger/ledger_copy.h"

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/error_matchers.h"
#include "base/random_id.h"
#include "base/stop_at_progress.h"
#include "base/temporary_folder.h"
#include "ledger/freeze.h"
#include "ledger/row_copy.h"

namespace millpond::ledger {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::HasSubstr;

const base::Context kContext;

class LedgerCopyTest : public ::testing::Test {
 protected:
  static Row Commit(const std::string& id, int64_t sequence, Value parent) {
    return {{"commit_id", id},     {"sequence", sequence}, {"author", "größe"},
            {"message", "m"},      {"operation", "o"},     {"created_ms", int64_t{0}},
            {"inputs", "{}"},      {"details", "{}"},      {"idempotency_key", Value()},
            {"parent_id", parent}, {"lane", "main"},       {"generation", sequence}};
  }
  // Rows that refer to each other against the order of their keys, and more than one page.
  static void Fill(Ledger& ledger) {
    Transaction rows;
    rows.Insert("pond_commit", Commit("z", 1, Value()))
        .Insert("pond_commit", Commit("a", 2, "z"))
        .Update("pond_ref", {{"commit_id", "a"}}, {{"name", Compare::kEqual, "main"}}, 1);
    for (int64_t i = 0; i < 4500; ++i) {
      rows.Insert("experiment", {{"name", fmt::format("e{}", i)},
                                 {"description", std::string(20, 'x')},
                                 {"created_ms", i}});
    }
    ASSERT_THAT(ledger.Apply(rows), IsOk());
  }
  LedgerPlace Make(const std::string& name) {
    LedgerPlace place{.url = folder_ / name};
    Fill(*OpenLedger(place, OpenMode::kCreate).ValueOrDie());
    return place;
  }
  static std::vector<Row> RowsOf(const LedgerPlace& place, const std::string& table) {
    return ConnectLedger(place).ValueOrDie()->Select({"SELECT * FROM " + table, {}}).ValueOrDie();
  }
  static Status Write(const LedgerPlace& place, const std::string& name = "new") {
    ARROW_ASSIGN_OR_RAISE(auto ledger, OpenLedger(place, OpenMode::kExisting));
    return ledger->Reserve(name, 1).status();
  }

  // There and back, with writes in between.
  void MoveThereAndBack(const LedgerPlace& there) {
    const LedgerPlace here = Make("ledger.db");
    auto old = OpenLedger(here, OpenMode::kExisting).ValueOrDie();
    auto report = MoveRows(here, there, kContext);
    ASSERT_THAT(report, IsOk());
    EXPECT_EQ((*report)["experiment"], 4500);
    EXPECT_EQ((*report)["pond_commit"], 2);
    EXPECT_THAT(old->Reserve("n", 1), IsError(ErrorKind::kUnavailable, HasSubstr("open the pond")));
    EXPECT_THAT(old->Apply(Transaction().Delete("experiment", {})),
                IsError(ErrorKind::kUnavailable));
    EXPECT_THAT(Write(here), IsError(ErrorKind::kUnavailable, HasSubstr("moved")));
    EXPECT_THAT(Write(there), IsOk());
    // Again: as if the caller had been killed before it used the result.
    ASSERT_THAT(AbandonMove(here), IsOk());
    EXPECT_THAT(MoveRows(here, there, kContext),
                IsError(ErrorKind::kAlreadyExists, HasSubstr("other rows")));
    EXPECT_THAT(Write(here), IsOk()) << "a failed move leaves the ledger frozen";
    ASSERT_THAT(OpenLedger(here, OpenMode::kExisting)
                    .ValueOrDie()
                    ->Apply(Transaction().Delete("counter", {})),
                IsOk());
    ASSERT_THAT(Write(here), IsOk());
    ASSERT_THAT(MoveRows(here, there, kContext), IsOk()) << "equal rows are a move taken up";
    ASSERT_THAT(MoveRows(there, here, kContext), IsOk()) << "a moved ledger is filled anew";
    EXPECT_THAT(Write(here), IsOk());
    EXPECT_THAT(Write(there), IsError(ErrorKind::kUnavailable));
    EXPECT_THAT(OpenLedger(here, OpenMode::kExisting).ValueOrDie()->CheckIntegrity(), IsOk());
    EXPECT_THAT(AbandonMove(here), IsError(ErrorKind::kNotFound));
  }

  base::TemporaryFolder folder_;
};

TEST_F(LedgerCopyTest, MovesBetweenFiles) { MoveThereAndBack({.url = folder_ / "there.db"}); }

TEST_F(LedgerCopyTest, MovesBetweenFileAndServer) {
  const char* url = std::getenv("MILLPOND_TEST_POSTGRES");
  if (url == nullptr) return MoveThereAndBack({.url = folder_ / "also-there.db"});
  MoveThereAndBack({.url = std::string(url) + "?schema=copy" + base::NewUuid().substr(0, 8)});
}

TEST_F(LedgerCopyTest, RefusesToMoveOntoItself) {
  const LedgerPlace here = Make("ledger.db");
  EXPECT_THAT(MoveRows(here, here, kContext), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(Write(here), IsOk());
}

TEST_F(LedgerCopyTest, ACancelledMoveLeavesAllAsItWas) {
  const LedgerPlace here = Make("ledger.db"), there{.url = folder_ / "there.db"};
  base::StopAtProgress stopping;
  EXPECT_THAT(MoveRows(here, there, stopping.context()), IsError(ErrorKind::kCancelled));
  EXPECT_THAT(Write(here), IsOk());
  EXPECT_FALSE(std::filesystem::exists(there.url));
}

TEST_F(LedgerCopyTest, ABackupIsOneStateOfALedgerInUse) {
  const LedgerPlace here = Make("ledger.db");
  std::jthread writer([&](const std::stop_token& stop) {
    auto ledger = OpenLedger(here, OpenMode::kExisting).ValueOrDie();
    for (int64_t i = 0; !stop.stop_requested(); ++i) {
      Transaction both;
      both.Upsert("counter", {{"name", "left"}, {"next", i}})
          .Upsert("counter", {{"name", "right"}, {"next", i}});
      ASSERT_THAT(ledger->Apply(both), IsOk());
    }
  });
  for (int i = 0; i < 3; ++i) {
    const std::string file = folder_ / fmt::format("backup-{}.db", i);
    ASSERT_THAT(BackUp(here, file, kContext), IsOk());
    auto counters = RowsOf({.url = file}, "counter");
    if (counters.empty()) continue;
    ASSERT_EQ(counters.size(), 2u);
    EXPECT_EQ(counters[0]["next"], counters[1]["next"]);
  }
  EXPECT_THAT(BackUp(here, folder_ / "backup-0.db", kContext), IsError(ErrorKind::kAlreadyExists));
}

TEST_F(LedgerCopyTest, RestoresInPlaceAndWhereNothingIs) {
  const LedgerPlace here = Make("ledger.db");
  const std::string backup = folder_ / "backup.db";
  ASSERT_THAT(BackUp(here, backup, kContext), IsOk());
  auto user = OpenLedger(here, OpenMode::kExisting).ValueOrDie();
  ASSERT_THAT(user->Apply(Transaction().Delete("experiment", {})), IsOk());
  ASSERT_THAT(Restore(backup, here, kContext), IsOk());
  EXPECT_EQ(user->Select({"experiment"}).ValueOrDie().size(), 4500u) << "its user sees it";
  const LedgerPlace fresh{.url = folder_ / "fresh.db"};
  ASSERT_THAT(Restore(backup, fresh, kContext), IsOk());
  EXPECT_EQ(RowsOf(fresh, "pond_commit"), RowsOf(here, "pond_commit"));
  EXPECT_THAT(Restore(folder_ / "none.db", here, kContext), IsError(ErrorKind::kNotFound));
  ASSERT_THAT(Freeze(ConnectLedger(here).ValueOrDie().get(), "elsewhere"), IsOk());
  EXPECT_THAT(Restore(backup, here, kContext), IsError(ErrorKind::kUnavailable));
}

TEST_F(LedgerCopyTest, FindsRowsThatDiffer) {
  const LedgerPlace one = Make("one.db"), two = Make("two.db");
  auto left = ConnectLedger(one).ValueOrDie(), right = ConnectLedger(two).ValueOrDie();
  EXPECT_THAT(CompareRows(left.get(), right.get(), kContext), IsOk());
  ASSERT_THAT(right->Execute("UPDATE experiment SET description = 'y' WHERE name = 'e4321'"),
              IsOk());
  EXPECT_THAT(CompareRows(left.get(), right.get(), kContext),
              IsError(ErrorKind::kConflict, HasSubstr("'experiment'")));
}

TEST_F(LedgerCopyTest, EveryTableHasAKeyToCopyBy) {
  const LedgerPlace here = Make("ledger.db");
  auto connection = ConnectLedger(here).ValueOrDie();
  const auto tables = LedgerTables().ValueOrDie();
  EXPECT_GT(tables.size(), 10u);
  for (const std::string& table : tables) {
    EXPECT_FALSE(connection->PrimaryKeyOf(table).ValueOrDie().empty()) << table;
  }
}

}  // namespace
}  // namespace millpond::ledger
