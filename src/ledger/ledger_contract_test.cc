// The tests of LedgerContract; each implementation's test file instantiates them.
#include "ledger/ledger_contract.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <set>
#include <thread>

#include "base/error_matchers.h"

namespace millpond::ledger {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StrEq;

Row Experiment(std::string name, std::string description = "d", int64_t created = 0) {
  return {
      {"name", std::move(name)}, {"description", std::move(description)}, {"created_ms", created}};
}

std::vector<std::string> NamesOf(const Result<std::vector<Row>>& rows) {
  EXPECT_THAT(rows, IsOk());
  std::vector<std::string> names;
  for (const Row& row : *rows) names.push_back(TextOf(row, "name").ValueOrDie());
  return names;
}

TEST_P(LedgerContract, StartsAtTheLatestVersionWithItsMainBranch) {
  EXPECT_GE(ledger_.Version().ValueOrDie(), 1);
  auto rows = ledger_.Select({"pond_ref"}).ValueOrDie();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(TextOf(rows[0], "name").ValueOrDie(), "main");
  EXPECT_EQ(OptionalTextOf(rows[0], "commit_id").ValueOrDie(), std::nullopt);
  EXPECT_THAT(ledger_.CheckIntegrity(), IsOk());
}

TEST_P(LedgerContract, ValuesOfEveryTypeComeBackUnchanged) {
  ASSERT_THAT(
      ledger_.Apply(Transaction()
                        .Insert("experiment", Experiment("größe '\"; 注文 😀", "", INT64_MIN))
                        .Insert("experiment", Experiment("b", "d", INT64_MAX))),
      IsOk());
  auto rows = ledger_.Select({"experiment", {}, {{"created_ms"}}}).ValueOrDie();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], Experiment("größe '\"; 注文 😀", "", INT64_MIN));
  EXPECT_EQ(rows[1], Experiment("b", "d", INT64_MAX));
}

TEST_P(LedgerContract, ATransactionLandsWholeOrNotAtAll) {
  ASSERT_THAT(ledger_.Apply(Transaction().Insert("experiment", Experiment("a"))), IsOk());
  Transaction transaction;
  transaction.Insert("experiment", Experiment("b"))
      .Update("experiment", {{"description", "changed"}}, {{"name", Compare::kEqual, "a"}})
      .Insert("experiment", Experiment("a"), "the experiment 'a' exists already");
  EXPECT_THAT(ledger_.Apply(transaction),
              IsError(ErrorKind::kAlreadyExists, StrEq("the experiment 'a' exists already")));
  auto rows = ledger_.Select({"experiment"}).ValueOrDie();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0], Experiment("a"));
}

TEST_P(LedgerContract, AnEmptyTransactionIsFine) { EXPECT_THAT(ledger_.Apply({}), IsOk()); }

TEST_P(LedgerContract, AppendKeepsTheOrder) {
  Transaction first, second;
  first.Insert("experiment", Experiment("a"));
  second.Delete("experiment", {{"name", Compare::kEqual, "a"}}, 1)
      .Insert("experiment", Experiment("b"));
  EXPECT_THAT(ledger_.Apply(first.Append(second)), IsOk());
  EXPECT_THAT(NamesOf(ledger_.Select({"experiment"})), ElementsAre("b"));
}

TEST_P(LedgerContract, DuplicateKeysWithoutAMessageNameTheTable) {
  ASSERT_THAT(ledger_.Apply(Transaction().Insert("experiment", Experiment("a"))), IsOk());
  EXPECT_THAT(ledger_.Apply(Transaction().Insert("experiment", Experiment("a"))),
              IsError(ErrorKind::kAlreadyExists, HasSubstr("experiment")));
}

TEST_P(LedgerContract, UniqueColumnsBesideTheKeyAreDuplicatesToo) {
  auto commit = [](std::string id, int64_t sequence) {
    return Row{{"commit_id", id},     {"sequence", sequence}, {"author", "a"},
               {"message", "m"},      {"operation", "o"},     {"created_ms", int64_t{0}},
               {"inputs", "{}"},      {"details", "{}"},      {"idempotency_key", "k" + id},
               {"parent_id", Value()}};
  };
  ASSERT_THAT(ledger_.Apply(Transaction().Insert("pond_commit", commit("a", 1))), IsOk());
  EXPECT_THAT(ledger_.Apply(Transaction().Insert("pond_commit", commit("b", 1), "taken")),
              IsError(ErrorKind::kAlreadyExists, StrEq("taken")));
  EXPECT_THAT(ledger_.Apply(Transaction().Upsert("pond_commit", commit("b", 1))),
              IsError(ErrorKind::kAlreadyExists));
}

TEST_P(LedgerContract, AnUnexpectedNumberOfRowsIsAConflict) {
  ASSERT_THAT(ledger_.Apply(Transaction().Insert("experiment", Experiment("a"))), IsOk());
  const Conditions is_a = {{"name", Compare::kEqual, "a"}};
  const Conditions is_b = {{"name", Compare::kEqual, "b"}};
  EXPECT_THAT(
      ledger_.Apply(Transaction()
                        .Update("experiment", {{"description", "new"}}, is_a, 1)
                        .Update("experiment", {{"description", "new"}}, is_b, 1, "moved on")),
      IsError(ErrorKind::kConflict, StrEq("moved on")));
  EXPECT_EQ(ledger_.Select({"experiment"}).ValueOrDie()[0], Experiment("a"));
  EXPECT_THAT(ledger_.Apply(Transaction().Delete("experiment", is_b, 1)),
              IsError(ErrorKind::kConflict, HasSubstr("0 rows")));
  EXPECT_THAT(ledger_.Apply(Transaction().Delete("experiment", is_b)), IsOk());
  EXPECT_THAT(ledger_.Apply(Transaction().Update("experiment", {{"description", "d"}}, is_a, 1)),
              IsOk());
}

TEST_P(LedgerContract, UpsertInsertsAndThenSets) {
  ASSERT_THAT(ledger_.Apply(Transaction().Upsert("experiment", Experiment("a", "one", 1))), IsOk());
  ASSERT_THAT(ledger_.Apply(Transaction().Upsert("experiment", Experiment("a", "two", 2))), IsOk());
  auto rows = ledger_.Select({"experiment"}).ValueOrDie();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0], Experiment("a", "two", 2));
  EXPECT_THAT(ledger_.Apply(Transaction().Upsert("experiment", {{"description", "x"}})),
              IsError(ErrorKind::kInvalid, HasSubstr("name")));
}

TEST_P(LedgerContract, UpsertKeepsRowsThatReferToIt) {
  Row run = {{"run_id", "r"},       {"experiment", "a"}, {"name", "n"},
             {"status", "running"}, {"author", "me"},    {"started_ms", int64_t{1}},
             {"environment", "{}"}};
  ASSERT_THAT(ledger_.Apply(Transaction().Insert("experiment", Experiment("a")).Insert("run", run)),
              IsOk());
  ASSERT_THAT(ledger_.Apply(Transaction().Upsert("experiment", Experiment("a", "new"))), IsOk());
  EXPECT_EQ(ledger_.Select({"run"}).ValueOrDie().size(), 1u);
}

TEST_P(LedgerContract, ForeignKeysHold) {
  Row param = {{"run_id", "nobody"}, {"key", "k"}, {"value", "v"}};
  EXPECT_THAT(ledger_.Apply(Transaction().Insert("run_param", param)),
              IsError(ErrorKind::kNotFound, HasSubstr("run_param")));
  Row version = {{"name", "d"},    {"version", "v1"}, {"hash", "h"},   {"definition", "{}"},
                 {"inputs", "{}"}, {"summary", "{}"}, {"author", "a"}, {"created_ms", int64_t{0}}};
  Row dataset = {{"name", "d"},
                 {"definition", "{}"},
                 {"author", "a"},
                 {"created_ms", int64_t{0}},
                 {"updated_ms", int64_t{0}}};
  ASSERT_THAT(
      ledger_.Apply(Transaction().Insert("dataset", dataset).Insert("dataset_version", version)),
      IsOk());
  EXPECT_THAT(ledger_.Apply(Transaction().Delete("dataset", {{"name", Compare::kEqual, "d"}})),
              IsError(ErrorKind::kConflict));
}

TEST_P(LedgerContract, ConditionsCompareAsTheySay) {
  Transaction transaction;
  int64_t created = 0;
  for (const char* name : {"a", "ab", "abc", "Ab", "b%_", "b"}) {
    transaction.Insert("experiment", Experiment(name, "d", created++));
  }
  ASSERT_THAT(ledger_.Apply(transaction), IsOk());
  auto where = [&](Condition condition) {
    return NamesOf(ledger_.Select({"experiment", {condition}, {{"created_ms"}}}));
  };
  EXPECT_THAT(where({"name", Compare::kEqual, "ab"}), ElementsAre("ab"));
  EXPECT_THAT(where({"created_ms", Compare::kNotEqual, int64_t{0}}),
              ElementsAre("ab", "abc", "Ab", "b%_", "b"));
  EXPECT_THAT(where({"created_ms", Compare::kLess, int64_t{2}}), ElementsAre("a", "ab"));
  EXPECT_THAT(where({"created_ms", Compare::kLessEqual, int64_t{1}}), ElementsAre("a", "ab"));
  EXPECT_THAT(where({"created_ms", Compare::kGreater, int64_t{4}}), ElementsAre("b"));
  EXPECT_THAT(where({"created_ms", Compare::kGreaterEqual, int64_t{4}}), ElementsAre("b%_", "b"));
  EXPECT_THAT(where({"name", Compare::kStartsWith, "ab"}), ElementsAre("ab", "abc"));
  EXPECT_THAT(where({"name", Compare::kStartsWith, "b%"}), ElementsAre("b%_"));
  EXPECT_EQ(where({"name", Compare::kStartsWith, ""}).size(), 6u);
  EXPECT_THAT(where({"name", Compare::kEqual, "x' OR '1'='1"}), ElementsAre());
}

TEST_P(LedgerContract, NullIsFoundByEqualityWithNull) {
  EXPECT_EQ(
      ledger_.Select({"pond_ref", {{"commit_id", Compare::kEqual, Value()}}}).ValueOrDie().size(),
      1u);
  EXPECT_EQ(ledger_.Select({"pond_ref", {{"commit_id", Compare::kNotEqual, Value()}}})
                .ValueOrDie()
                .size(),
            0u);
  EXPECT_THAT(ledger_.Select({"pond_ref", {{"commit_id", Compare::kLess, Value()}}}),
              IsError(ErrorKind::kInvalid));
  EXPECT_THAT(ledger_.Select({"pond_ref", {{"commit_id", Compare::kStartsWith, int64_t{1}}}}),
              IsError(ErrorKind::kInvalid));
}

TEST_P(LedgerContract, OrdersAndLimits) {
  Transaction transaction;
  for (int i = 0; i < 10; ++i) {
    transaction.Insert("experiment",
                       Experiment(std::string(1, static_cast<char>('a' + i)), "d", i % 2));
  }
  ASSERT_THAT(ledger_.Apply(transaction), IsOk());
  EXPECT_THAT(
      NamesOf(ledger_.Select({"experiment", {}, {{"created_ms", true}, {"name", false}}, 3})),
      ElementsAre("b", "d", "f"));
  EXPECT_THAT(NamesOf(ledger_.Select({"experiment", {}, {{"name", true}}, 1})), ElementsAre("j"));
  EXPECT_TRUE(ledger_.Select({"experiment", {}, {}, 0}).ValueOrDie().empty());
  EXPECT_THAT(ledger_.Select({"experiment", {}, {}, -1}), IsError(ErrorKind::kInvalid));
}

TEST_P(LedgerContract, RefusesWhatItCouldNotGiveBack) {
  EXPECT_THAT(ledger_.Apply(Transaction().Insert("experiment", Experiment(std::string("a\0b", 3)))),
              IsError(ErrorKind::kInvalid, HasSubstr("NUL")));
  EXPECT_THAT(ledger_.Apply(Transaction().Insert("experiment", Experiment("a\xff"))),
              IsError(ErrorKind::kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(ledger_.Apply(Transaction().Insert("experiment", {{"name", std::nan("")}})),
              IsError(ErrorKind::kInvalid, HasSubstr("NaN")));
  EXPECT_THAT(ledger_.Apply(Transaction().Insert("experiment", {})), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(ledger_.Apply(Transaction().Update("experiment", {}, {})),
              IsError(ErrorKind::kInvalid));
  EXPECT_THAT(ledger_.Apply(Transaction().Insert("experiment", {{"name", "a"}})),
              IsError(ErrorKind::kInvalid));  // description may not be NULL
  EXPECT_TRUE(ledger_.Select({"experiment"}).ValueOrDie().empty());
}

TEST_P(LedgerContract, UnknownTablesAndColumnsAreDefects) {
  EXPECT_THAT(ledger_.Select({"no_such_table"}), IsError(ErrorKind::kInternal));
  EXPECT_THAT(ledger_.Select({"experiment", {{"nmae", Compare::kEqual, "nmae"}}}),
              IsError(ErrorKind::kInternal, HasSubstr("nmae")));
  EXPECT_THAT(ledger_.Select({"experiment\"; DROP TABLE run; --"}), IsError(ErrorKind::kInternal));
  EXPECT_THAT(ledger_.Select({"run"}), IsOk());
}

TEST_P(LedgerContract, SelectAllSeesOneState) {
  std::stop_source stop;
  std::jthread writer([&] {
    for (int i = 0; !stop.stop_requested(); ++i) {
      Transaction both;
      both.Upsert("experiment", Experiment("left", "d", i))
          .Upsert("experiment", Experiment("right", "d", i));
      ASSERT_THAT(ledger_.Apply(both), IsOk());
    }
  });
  for (int i = 0; i < 100; ++i) {
    auto results = ledger_
                       .SelectAll({{"experiment", {{"name", Compare::kEqual, "left"}}},
                                   {"experiment", {{"name", Compare::kEqual, "right"}}}})
                       .ValueOrDie();
    ASSERT_EQ(results[0].size(), results[1].size());
    if (results[0].empty()) continue;
    ASSERT_EQ(results[0][0].at("created_ms"), results[1][0].at("created_ms"));
  }
  stop.request_stop();
}

TEST_P(LedgerContract, WhatWasAppliedIsThereForAnother) {
  ASSERT_THAT(ledger_.Apply(Transaction().Insert("experiment", Experiment("a"))), IsOk());
  auto other = made_.open_again().ValueOrDie();
  EXPECT_THAT(NamesOf(other->Select({"experiment"})), ElementsAre("a"));
  ASSERT_THAT(other->Apply(Transaction().Insert("experiment", Experiment("b"))), IsOk());
  EXPECT_THAT(NamesOf(ledger_.Select({"experiment", {}, {{"name"}}})), ElementsAre("a", "b"));
}

TEST_P(LedgerContract, ReserveCountsFromZeroAndRefusesNonsense) {
  EXPECT_EQ(ledger_.Reserve("sample", 10).ValueOrDie(), 0);
  EXPECT_EQ(ledger_.Reserve("sample", 1).ValueOrDie(), 10);
  EXPECT_EQ(ledger_.Reserve("other", 1).ValueOrDie(), 0);
  EXPECT_EQ(ledger_.Reserve("sample", 1).ValueOrDie(), 11);
  EXPECT_THAT(ledger_.Reserve("sample", 0), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(ledger_.Reserve("sample", INT64_MAX), IsError(ErrorKind::kExhausted));
  EXPECT_EQ(ledger_.Reserve("sample", 1).ValueOrDie(), 12);
}

TEST_P(LedgerContract, ThreadsNeverGetTheSameNumber) {
  std::vector<std::vector<int64_t>> taken(8);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : taken) {
      threads.emplace_back([&] {
        for (int i = 0; i < 25; ++i) mine.push_back(ledger_.Reserve("n", 2).ValueOrDie());
      });
    }
  }
  std::set<int64_t> all;
  for (const auto& mine : taken) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 200u);
  EXPECT_EQ(*all.rbegin(), 398);
}

// A child's work; its exit code is its verdict because GoogleTest's does not cross processes.
[[noreturn]] void CountInChild(Ledger& ledger, int result_pipe) {
  for (int i = 0; i < 40; ++i) {
    auto first = ledger.Reserve("n", 3);
    if (!first.ok() || write(result_pipe, &*first, sizeof(int64_t)) != sizeof(int64_t)) _exit(1);
    auto rows = ledger.Select({"counter", {{"name", Compare::kEqual, "total"}}});
    if (!rows.ok()) _exit(2);
  }
  _exit(0);
}

TEST_P(LedgerContract, ProcessesNeverGetTheSameNumber) {
  // Forked while threads of the parent use the ledger: the child gets the same object.
  ASSERT_THAT(ledger_.Reserve("warm", 1), IsOk());
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  std::stop_source stop;
  std::jthread busy([&] {
    while (!stop.stop_requested()) EXPECT_THAT(ledger_.Select({"counter"}), IsOk());
  });
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) CountInChild(ledger_, pipes[1]);
    children.push_back(child);
  }
  close(pipes[1]);
  std::set<int64_t> seen;
  int64_t number = 0;
  size_t count = 0;
  while (read(pipes[0], &number, sizeof(number)) == sizeof(number)) {
    seen.insert(number);
    ++count;
  }
  close(pipes[0]);
  stop.request_stop();
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  }
  EXPECT_EQ(count, 160u);
  EXPECT_EQ(seen.size(), 160u);
  EXPECT_EQ(*seen.rbegin(), 159 * 3);
  EXPECT_EQ(ledger_.Reserve("n", 1).ValueOrDie(), 160 * 3);
  EXPECT_THAT(ledger_.CheckIntegrity(), IsOk());
}

TEST_P(LedgerContract, OneOfTwoSwapsWins) {
  Row table = {{"catalog_name", "millpond"},
               {"table_namespace", "shop"},
               {"table_name", "orders"},
               {"metadata_location", "v0"},
               {"iceberg_type", "TABLE"}};
  ASSERT_THAT(ledger_.Apply(Transaction().Insert("iceberg_tables", table)), IsOk());
  std::atomic<int> won = 0, lost = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 6; ++i) {
      threads.emplace_back([&, i] {
        Transaction swap;
        swap.Update("iceberg_tables",
                    {{"metadata_location", "v1-" + std::to_string(i)},
                     {"previous_metadata_location", "v0"}},
                    {{"table_name", Compare::kEqual, "orders"},
                     {"metadata_location", Compare::kEqual, "v0"}},
                    1, "someone else committed first");
        Status status = ledger_.Apply(swap);
        if (status.ok()) ++won;
        if (base::KindOf(status) == ErrorKind::kConflict) ++lost;
      });
    }
  }
  EXPECT_EQ(won, 1);
  EXPECT_EQ(lost, 5);
}

}  // namespace
}  // namespace millpond::ledger
