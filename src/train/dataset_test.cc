// Datasets over real tables: every split, freezing, and what freezing refuses.
#include "train/dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <set>

#include "base/error_matchers.h"
#include "table/pins.h"
#include "table/upkeep.h"
#include "train/pond_testing.h"

namespace millpond::train {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using testing::HasSubstr;

// id 0..n-1, customer (7 rows each), stars 1..3 (unevenly), day, side.
std::string Reviews(int from, int to) {
  return fmt::format(
      "SELECT range AS id, 'c' || (range // 7) AS customer, CASE WHEN range % 10 = 0 THEN 3 "
      "WHEN range % 3 = 0 THEN 2 ELSE 1 END AS stars, DATE '2026-01-01' + (range // 10)::INTEGER "
      "AS "
      "day, CASE WHEN range % 4 = 0 THEN 'test' WHEN range % 11 = 5 THEN NULL ELSE 'train' END AS "
      "side, range::DOUBLE / 3 AS score FROM range({}, {})",
      from, to);
}

class DatasetTest : public testing::Test {
 protected:
  DatasetTest() { pond_.Fill("shop.reviews", Reviews(0, 1000)); }

  std::string Yaml(const std::string& split, const std::string& more = "") {
    return "{name: reviews, query: FROM shop.reviews, key: id, split: " + split + more + "}";
  }

  // Ids by part.
  std::map<std::string, std::vector<int64_t>> Parts(const Dataset& dataset) {
    std::map<std::string, std::vector<int64_t>> parts;
    for (const std::string& part : dataset.plan.parts) {
      parts[part] = SegmentInts(*pond_.OpenSegment(dataset, part), "id");
    }
    return parts;
  }

  void Change(const std::function<Status(table::PendingCommit&)>& change) {
    table::CommitInfo info;
    info.author = "ana";
    info.message = info.operation = "test";
    table::PendingCommit commit(pond_.catalog(), info);
    ASSERT_THAT(change(commit), IsOk());
    ASSERT_THAT(commit.Land({}), IsOk());
  }

  std::vector<std::string> Problems() {
    std::vector<std::string> problems;
    for (const auto& finding : table::Verify(*pond_.catalog(), false, {}).ValueOrDie()) {
      problems.push_back(finding.subject + ": " + finding.problem);
    }
    return problems;
  }

  TrainPond pond_;
};

TEST_F(DatasetTest, HashSplitIsNearItsSharesAndStaysUnderAddedRows) {
  auto before = Parts(pond_.Define(Yaml("{by: hash, parts: {train: 0.7, val: 0.2, test: 0.1}}")));
  EXPECT_NEAR(static_cast<double>(before["train"].size()), 700, 60);
  EXPECT_NEAR(static_cast<double>(before["test"].size()), 100, 40);
  EXPECT_EQ(before["train"].size() + before["val"].size() + before["test"].size(), 1000u);
  pond_.Fill("shop.reviews", Reviews(1000, 1500));
  auto after = Parts(pond_.datasets().Open("reviews", {}).ValueOrDie());
  for (auto& [part, ids] : before) {
    EXPECT_TRUE(std::ranges::includes(after[part], ids)) << part;
  }
  EXPECT_EQ(after["train"].size() + after["val"].size() + after["test"].size(), 1500u);
}

TEST_F(DatasetTest, SeedMovesTheHashSplit) {
  auto one = Parts(pond_.Define(Yaml("{by: hash, parts: {a: 0.5, b: 0.5}}")));
  auto two = Parts(pond_.Define(Yaml("{by: hash, seed: 1, parts: {a: 0.5, b: 0.5}}")));
  EXPECT_NE(one["a"], two["a"]);
}

TEST_F(DatasetTest, StratifiedSplitIsExactInEveryClass) {
  Dataset dataset =
      pond_.Define(Yaml("{by: stratified, column: stars, parts: [{name: train, share: 0.8}, {name: "
                        "test, share: 0.2}]}"));
  auto train = pond_.OpenSegment(dataset, "train");
  auto test = pond_.OpenSegment(dataset, "test");
  EXPECT_EQ(train->rows() + test->rows(), 1000);
  std::map<int64_t, int64_t> all, first;
  auto count = [&](const Segment& segment, std::map<int64_t, int64_t>* counts) {
    for (const auto& batch : segment.batches()) {
      const auto& stars = static_cast<const arrow::Int32Array&>(*batch->GetColumnByName("stars"));
      for (int64_t row = 0; row < stars.length(); ++row) ++(*counts)[stars.Value(row)];
    }
  };
  count(*train, &first);
  all = first;
  count(*test, &all);
  ASSERT_EQ(all.size(), 3u);
  for (auto [stars, rows] : all) {
    EXPECT_EQ(first[stars], std::llround(0.8 * static_cast<double>(rows))) << stars;
  }
}

TEST_F(DatasetTest, StratifiedSplitHasNullAsAClass) {
  Dataset dataset = pond_.Define(Yaml(
      "{by: stratified, column: side, parts: [{name: a, share: 0.5}, {name: b, share: 0.5}]}"));
  EXPECT_EQ(dataset.plan.class_cuts.size(), 3u);
  EXPECT_TRUE(dataset.plan.class_cuts.contains("null"));
  EXPECT_NEAR(static_cast<double>(pond_.OpenSegment(dataset, "a")->rows()), 500, 2);
}

TEST_F(DatasetTest, GroupSplitLeaksNoGroup) {
  Dataset dataset =
      pond_.Define(Yaml("{by: group, column: customer, parts: {train: 0.6, test: 0.4}}"));
  auto parts = Parts(dataset);
  std::set<int64_t> train, test;
  for (int64_t id : parts["train"]) train.insert(id / 7);
  for (int64_t id : parts["test"]) test.insert(id / 7);
  EXPECT_FALSE(train.empty());
  EXPECT_FALSE(test.empty());
  for (int64_t group : train) EXPECT_FALSE(test.contains(group)) << group;
}

TEST_F(DatasetTest, TimeSplitByCutPointsAndByShares) {
  auto cut = Parts(pond_.Define(
      Yaml("{by: time, column: day, parts: [{name: train, until: 2026-01-11}, {name: test}]}")));
  EXPECT_EQ(cut["train"].size(), 100u);
  EXPECT_EQ(cut["train"].back(), 99);
  auto shares =
      Parts(pond_.Define(Yaml("{by: time, column: day, parts: [{name: train, share: 0.7}, {name: "
                              "val, share: 0.15}, {name: test, "
                              "share: 0.15}]}")));
  EXPECT_EQ(shares["train"].size(), 700u);
  EXPECT_EQ(shares["val"].size(), 150u);
  EXPECT_EQ(shares["test"].front(), 850);
  auto integers = Parts(pond_.Define(
      Yaml("{by: time, column: id, parts: [{name: train, until: 10}, {name: test}]}")));
  EXPECT_EQ(integers["train"].size(), 10u);
}

TEST_F(DatasetTest, TimeSplitKeepsOneInstantOnOneSide) {
  auto parts = Parts(pond_.Define(
      Yaml("{by: time, column: day, parts: [{name: a, share: 0.333}, {name: b, share: 0.667}]}")));
  EXPECT_EQ(parts["a"].size() % 10, 0u);  // Ten rows a day.
  EXPECT_NEAR(static_cast<double>(parts["a"].size()), 333, 10);
}

TEST_F(DatasetTest, GivenSplitTakesItsPartsFromTheColumn) {
  Dataset dataset = pond_.Define(Yaml("{by: given, column: side}"));
  EXPECT_THAT(dataset.plan.parts, testing::ElementsAre("test", "train"));
  auto parts = Parts(dataset);
  EXPECT_EQ(parts["test"].size(), 250u);
  Dataset frozen = pond_.datasets().Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  EXPECT_GT(frozen.summary["unassigned"], 0);
  EXPECT_EQ(frozen.summary["total"], 1000);
}

TEST_F(DatasetTest, SplitsNeedColumnsThatServe) {
  auto define = [&](const std::string& split) {
    auto definition = ParseDefinition(Yaml(split), "x").ValueOrDie();
    return pond_.datasets().Define(definition, "ana", {}).status();
  };
  EXPECT_THAT(define("{by: stratified, column: score, parts: {a: 1}}"),
              IsError(ErrorKind::kInvalid, HasSubstr("'score'")));
  EXPECT_THAT(define("{by: time, column: side, parts: [{name: a, share: 1}]}"),
              IsError(ErrorKind::kInvalid, HasSubstr("no time")));
  EXPECT_THAT(define("{by: group, column: custmer, parts: {a: 1}}"),
              IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'customer'")));
}

TEST_F(DatasetTest, DefineChecksAgainstTheTables) {
  auto define = [&](const std::string& yaml) {
    return pond_.datasets().Define(ParseDefinition(yaml, "x").ValueOrDie(), "ana", {}).status();
  };
  EXPECT_THAT(define("{name: a, query: FROM shop.nothing}"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(define("{name: a, query: FROM shop.reviews}"),
              IsError(ErrorKind::kInvalid, HasSubstr("key 'sample_id'")));
  EXPECT_THAT(define("{name: a, query: FROM shop.reviews, key: score}"),
              IsError(ErrorKind::kInvalid, HasSubstr("cannot identify")));
  EXPECT_THAT(define("{name: a, query: FROM shop.reviews, key: id, labels: star}"),
              IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'stars'")));
  EXPECT_THAT(define("{name: a, query: 'SELECT id, id FROM shop.reviews', key: id}"),
              IsError(ErrorKind::kInvalid, HasSubstr("twice")));
  EXPECT_THAT(pond_.datasets().Show("a"), IsError(ErrorKind::kNotFound));
}

TEST_F(DatasetTest, FrozenVersionStaysWhileTheTableGrows) {
  pond_.Define(Yaml("{by: hash, parts: {train: 0.8, test: 0.2}}", ", labels: stars"));
  Datasets datasets = pond_.datasets();
  Dataset frozen = datasets.Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  EXPECT_EQ(frozen.summary["total"], 1000);
  EXPECT_EQ(frozen.hash.size(), 64u);
  pond_.Fill("shop.reviews", Reviews(1000, 1200));
  Dataset opened = datasets.Open("reviews@v1", {}).ValueOrDie();
  EXPECT_EQ(opened.hash, frozen.hash);
  EXPECT_EQ(opened.author, "ana");
  EXPECT_EQ(pond_.OpenSegment(opened, "all")->rows(), 1000);
  EXPECT_EQ(pond_.OpenSegment(datasets.Open("reviews", {}).ValueOrDie(), "all")->rows(), 1200);
  // Redefining the dataset leaves the version alone.
  pond_.Define(Yaml("{by: hash, parts: {train: 0.5, test: 0.5}}"));
  EXPECT_EQ(datasets.Open("reviews@v1", {}).ValueOrDie().hash, frozen.hash);
  EXPECT_THAT(datasets.Show("reviews").ValueOrDie().versions, testing::ElementsAre("v1"));
}

TEST_F(DatasetTest, FrozenVersionOutlivesItsTable) {
  pond_.Define(Yaml("{by: none}"));
  Datasets datasets = pond_.datasets();
  Dataset frozen = datasets.Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  Change([&](table::PendingCommit& commit) { return commit.Drop({"shop", "reviews"}); });
  // Another table of that name is not what was frozen.
  pond_.Fill("shop.reviews", Reviews(5000, 5010));
  ASSERT_TRUE(table::RemoveOrphans(*pond_.catalog(), 0, false, {}).ok());
  Dataset opened = datasets.Open("reviews@v1", {}).ValueOrDie();
  auto segment = pond_.OpenSegment(opened, "all");
  EXPECT_EQ(segment->rows(), 1000);
  EXPECT_EQ(SegmentInts(*segment, "id").front(), 0);
  EXPECT_EQ(pond_.OpenSegment(datasets.Open("reviews", {}).ValueOrDie(), "all")->rows(), 10);
  EXPECT_THAT(Problems(), testing::IsEmpty());
}

TEST_F(DatasetTest, FrozenVersionFollowsARenamedTable) {
  pond_.Define(Yaml("{by: none}"));
  Dataset frozen = pond_.datasets().Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  Change([&](table::PendingCommit& commit) {
    return commit.Rename({"shop", "reviews"}, {"shop", "opinions"});
  });
  // More commits than metadata files are kept.
  for (int i = 0; i < 22; ++i) pond_.Fill("shop.opinions", Reviews(1000 + i, 1001 + i));
  Dataset opened = pond_.datasets().Open("reviews@v1", {}).ValueOrDie();
  EXPECT_EQ(opened.hash, frozen.hash);
  EXPECT_EQ(pond_.OpenSegment(opened, "all")->rows(), 1000);
}

TEST_F(DatasetTest, VersionsFrozenBeforePinsHadAPlaceAreFoundToo) {
  pond_.Define(Yaml("{by: none}"));
  Dataset frozen = pond_.datasets().Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  base::Json inputs = table::PinsToJson(PinsOf(frozen).pins);
  for (base::Json& input : inputs) input.erase("metadata");
  ledger::Transaction change;
  change.Update("dataset_version", {{"inputs", inputs.dump()}}, {}, 1);
  ASSERT_THAT(pond_.catalog()->ledger().Apply(change), IsOk());
  Change([&](table::PendingCommit& commit) {
    return commit.Rename({"shop", "reviews"}, {"shop", "opinions"});
  });
  Dataset opened = pond_.datasets().Open("reviews@v1", {}).ValueOrDie();
  EXPECT_EQ(pond_.OpenSegment(opened, "all")->rows(), 1000);
}

TEST_F(DatasetTest, NothingOfAFrozenVersionIsAnOrphan) {
  pond_.Define(Yaml("{by: none}"));
  // Unknown to the history: what it names of the table has been trimmed.
  for (int i = 0; i < 22; ++i) pond_.Fill("shop.reviews", Reviews(1000 + i, 1001 + i));
  Dataset frozen = pond_.datasets().Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  ledger::Transaction drop;
  drop.Delete("iceberg_tables", {}, 1);
  ASSERT_THAT(pond_.catalog()->ledger().Apply(drop), IsOk());
  ASSERT_TRUE(table::RemoveOrphans(*pond_.catalog(), 0, false, {}).ok());
  EXPECT_EQ(pond_.OpenSegment(frozen, "all")->rows(), 1022);
}

TEST_F(DatasetTest, FreezingTagsTheSnapshots) {
  pond_.Define(Yaml("{by: none}"));
  Dataset frozen = pond_.datasets().Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  pond_.Fill("shop.reviews", Reviews(1000, 1010));
  const auto table = pond_.catalog()->Load({"shop", "reviews"}).ValueOrDie();
  const auto tag = table.metadata->refs.at("dataset/reviews@v1");
  EXPECT_TRUE(tag.is_tag);
  EXPECT_EQ(tag.snapshot_id, frozen.inputs.at(0).snapshot_id);
}

TEST_F(DatasetTest, SaysWhereASnapshotIsGone) {
  pond_.Define(Yaml("{by: none}"));
  Dataset frozen = pond_.datasets().Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  frozen.inputs.at(0).snapshot_id = 42;
  EXPECT_THAT(pond_.session()->Sql("FROM shop.reviews", PinsOf(frozen), {}),
              IsError(ErrorKind::kNotFound, HasSubstr("snapshot 42 of shop.reviews")));
}

TEST_F(DatasetTest, FreezingAgainIsTheSameOrRefused) {
  pond_.Define(Yaml("{by: hash, parts: {train: 0.8, test: 0.2}}"));
  Datasets datasets = pond_.datasets();
  Dataset first = datasets.Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  Dataset again = datasets.Freeze("reviews", "v1", {"ben"}, {}).ValueOrDie();
  EXPECT_EQ(again.hash, first.hash);
  EXPECT_EQ(again.author, "ana");
  EXPECT_EQ(datasets.Freeze("reviews", "v2", {"ben"}, {}).ValueOrDie().hash, first.hash);
  pond_.Fill("shop.reviews", Reviews(1000, 1001));
  EXPECT_THAT(datasets.Freeze("reviews", "v1", {"ana"}, {}),
              IsError(ErrorKind::kAlreadyExists, HasSubstr("reviews@v1")));
  EXPECT_THAT(datasets.Freeze("reviews", "v3", {"ana"}, {}), IsOk());
  EXPECT_EQ(datasets.Versions("reviews").ValueOrDie().size(), 3u);
}

TEST_F(DatasetTest, FreezeRefusesBadKeysEmptyPartsAndLeaks) {
  Datasets datasets = pond_.datasets();
  auto freeze = [&](const std::string& yaml, bool allow_leaks = false) {
    pond_.Define(yaml);
    return datasets.Freeze("x", "v1", {"ana", allow_leaks}, {});
  };
  EXPECT_THAT(freeze("{name: x, query: FROM shop.reviews, key: customer}"),
              IsError(ErrorKind::kInvalid, HasSubstr("customer=c0 is there more than once")));
  EXPECT_THAT(freeze("{name: x, query: 'SELECT nullif(id, 5) AS id FROM shop.reviews', key: id}"),
              IsError(ErrorKind::kInvalid, HasSubstr("null")));
  EXPECT_THAT(freeze("{name: x, query: FROM shop.reviews WHERE id < 0, key: id}"),
              IsError(ErrorKind::kInvalid, HasSubstr("'all'")));
  EXPECT_THAT(
      freeze("{name: x, query: FROM shop.reviews, key: id, split: {by: time, column: id, parts: "
             "[{name: a, until: -5}, {name: b}]}}"),
      IsError(ErrorKind::kInvalid, HasSubstr("part 'a'")));
  std::string leaky =
      "{name: x, query: FROM shop.reviews, key: id, group: customer, split: {by: hash, parts: {a: "
      "0.5, b: "
      "0.5}}}";
  EXPECT_THAT(freeze(leaky), IsError(ErrorKind::kInvalid, HasSubstr("'customer'")));
  Dataset allowed = freeze(leaky, true).ValueOrDie();
  EXPECT_GT(allowed.summary["leaks"]["groups"], 100);
  EXPECT_THAT(datasets.Freeze("x", "a/b", {"ana"}, {}), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(datasets.Freeze("y", "v1", {"ana"}, {}), IsError(ErrorKind::kNotFound));
}

TEST_F(DatasetTest, KeyOfTwoColumnsIdentifies) {
  pond_.Define(
      "{name: x, query: 'SELECT customer, id % 7 AS n FROM shop.reviews', key: [customer, n]}");
  EXPECT_THAT(pond_.datasets().Freeze("x", "v1", {"ana"}, {}), IsOk());
}

TEST_F(DatasetTest, AQueryThatAnEarlierVersionLetPassIsReadButNotFrozen) {
  pond_.Define(Yaml("{by: none}"));
  Dataset frozen = pond_.datasets().Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  base::Json stored = DefinitionToJson(frozen.definition);
  stored["query"] = "FROM shop.reviews LIMIT 5";
  ledger::Transaction change;
  change.Update("dataset", {{"definition", stored.dump()}}, {}, 1);
  ASSERT_THAT(pond_.catalog()->ledger().Apply(change), IsOk());
  EXPECT_THAT(pond_.datasets().Open("reviews", {}), IsOk());
  EXPECT_THAT(pond_.datasets().Freeze("reviews", "v2", {"ana"}, {}),
              IsError(ErrorKind::kInvalid, HasSubstr("limit without ORDER BY")));
}

TEST_F(DatasetTest, OpenNamesWhatThereIs) {
  pond_.Define(Yaml("{by: none}"));
  EXPECT_THAT(pond_.datasets().Open("review", {}),
              IsError(ErrorKind::kNotFound, HasSubstr("Did you mean 'reviews'")));
  EXPECT_THAT(pond_.datasets().Open("reviews@v9", {}), IsError(ErrorKind::kNotFound));
}

TEST_F(DatasetTest, TableInOtherCaseIsPinnedOrRefused) {
  pond_.Define("{name: x, query: FROM Shop.Reviews, key: id}");
  Dataset frozen = pond_.datasets().Freeze("x", "v1", {"ana"}, {}).ValueOrDie();
  pond_.Fill("shop.reviews", Reviews(1000, 1100));
  auto segment = Segment::Open(*pond_.session(), pond_.cache(), frozen, "all", {}, {});
  if (segment.ok()) {
    EXPECT_EQ((*segment)->rows(), 1000);
  } else {
    EXPECT_THAT(segment, IsError(ErrorKind::kInvalid));
  }
}

TEST_F(DatasetTest, DamagedVersionInTheLedgerIsNoticed) {
  pond_.Define(Yaml("{by: none}"));
  Dataset frozen = pond_.datasets().Freeze("reviews", "v1", {"ana"}, {}).ValueOrDie();
  ledger::Transaction change;
  change.Update("dataset_version", {{"inputs", std::string("[]")}},
                {{"version", ledger::Compare::kEqual, std::string("v1")}});
  ASSERT_THAT(pond_.catalog()->ledger().Apply(change), IsOk());
  EXPECT_THAT(pond_.datasets().Open("reviews@v1", {}), IsError(ErrorKind::kCorrupt));
}

TEST_F(DatasetTest, PlanReadsBackTheSame) {
  for (const char* split :
       {"{by: none}", "{by: hash, seed: 18446744073709551615, parts: {a: 0.1, b: 0.9}}",
        "{by: stratified, column: stars, parts: {a: 0.1, b: 0.9}}",
        "{by: time, column: day, parts: [{name: a, share: 0.5}, {name: b, share: 0.5}]}",
        "{by: given, column: side}"}) {
    SplitPlan plan = pond_.Define(Yaml(split)).plan;
    base::Json json = PlanToJson(plan);
    auto text = base::ParseJson(base::CanonicalJson(json), "x").ValueOrDie();
    EXPECT_EQ(PlanToJson(PlanFromJson(text, "x").ValueOrDie()), json) << split;
  }
  EXPECT_THAT(PlanFromJson(base::Json::object(), "x"), IsError(ErrorKind::kCorrupt));
}

TEST_F(DatasetTest, PolicyAppliesToWhatIsLoaded) {
  Dataset dataset = pond_.Define(Yaml("{by: none}"));
  auto masked = pond_.OpenSession(std::make_shared<MaskingPoint>(
      "id < 10", std::map<std::string, std::string>{{"customer", "'hidden'"}}, "policy-1"));
  auto open = Segment::Open(*pond_.session(), pond_.cache(), dataset, "all", {}, {}).ValueOrDie();
  auto veiled = Segment::Open(*masked, pond_.cache(), dataset, "all", {}, {}).ValueOrDie();
  EXPECT_EQ(open->rows(), 1000);
  EXPECT_EQ(veiled->rows(), 10);
  const auto& customer =
      static_cast<const arrow::StringArray&>(*veiled->batches()[0]->GetColumnByName("customer"));
  EXPECT_EQ(customer.GetView(0), "hidden");
}

}  // namespace
}  // namespace millpond::train
