// Labels over a real pond: files and expressions in, latest labels and summaries out, each checked
// against a plain map of what was said.
#include "label/labels.h"

#include <arrow/api.h>

#include <fstream>
#include <random>
#include <set>

#include "base/error_matchers.h"
#include "base/stop_at_progress.h"
#include "label/label_rows.h"
#include "query/scratch_pond_testing.h"

namespace millpond::label {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

class LabelsTest : public ::testing::Test {
 protected:
  LabelsTest() {
    EXPECT_THAT(pond_.Create("shop.t", "SELECT i AS n, 'c' || i AS code FROM range(10) t(i)"),
                IsOk());
  }
  LabelRequest Of(const std::string& file) const {
    LabelRequest request;
    request.table = "shop.t";
    request.url = folder_ / file;
    request.author = "ana";
    return request;
  }
  LabelRequest File(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return Of(name);
  }
  LabelRequest Expression(const std::string& sql) const {
    LabelRequest request;
    request.table = "shop.t";
    request.expression = sql;
    request.author = "ana";
    return request;
  }
  Result<LabelReport> Add(const LabelRequest& request, const base::Context& context = {}) {
    return AddLabels(pond_.session(), request, context);
  }
  Json Latest(const std::string& set = "") {
    const auto sql = LatestLabelsSql("shop.t", set).ValueOrDie();
    return pond_.Rows("SELECT sample_id, label, annotator FROM (" + sql + ") ORDER BY 1, 3");
  }
  size_t Commits() { return table::History(pond_.catalog()).Log(1000).ValueOrDie().size(); }

  base::TemporaryFolder folder_;
  query::ScratchPond pond_;
};

TEST_F(LabelsTest, AFileOfLabels) {
  const auto report = Add(File("l.csv", "sample_id,label\n0,gut\n1,größe\n2,007\n")).ValueOrDie();
  EXPECT_EQ(report.labels, 3);
  EXPECT_EQ(report.rejected, 0);
  EXPECT_EQ(report.labels_table.ToString(), "shop.t_labels");
  EXPECT_EQ(report.commit->operation, "label");
  EXPECT_EQ(report.commit->details["labels"], 3);
  EXPECT_EQ(Latest(), Json({{0, "gut", "ana"}, {1, "größe", "ana"}, {2, "007", "ana"}}))
      << "labels keep their text";
  const Json rows = pond_.Rows("SELECT DISTINCT label_set, source, confidence FROM shop.t_labels");
  EXPECT_EQ(rows, Json({{"default", folder_ / "l.csv", nullptr}}));
}

TEST_F(LabelsTest, WhatDoesNotFitIsRejectedWithItsReason) {
  LabelRequest request = File("l.csv",
                              "sample_id,label,sure,at,who\n"
                              "0,a,0.5,2024-01-01,x\n"
                              "99,a,0.5,2024-01-01,x\n"
                              "one,a,0.5,2024-01-01,x\n"
                              "1,,0.5,2024-01-01,x\n"
                              "2,c,0.5,2024-01-01,x\n"
                              "3,a,1.5,2024-01-01,x\n"
                              "4,a,0.5,yesterday,x\n"
                              "5,a,,,\n");
  request.classes = {"a", "b"};
  request.confidence_column = "sure";
  request.time_column = "at";
  request.annotator_column = "who";
  const auto report = Add(request).ValueOrDie();
  EXPECT_EQ(report.labels, 2);
  EXPECT_EQ(report.rejected, 6);
  EXPECT_EQ(report.rejects_table->ToString(), "shop.t_labels_rejects");
  EXPECT_EQ(report.reasons.at("no such sample"), 1);
  EXPECT_EQ(report.reasons.at("no label"), 1);
  EXPECT_EQ(report.reasons.at("not one of the classes"), 1);
  EXPECT_EQ(report.reasons.at("the row could not be read"), 3);
  EXPECT_EQ(Latest(), Json({{0, "a", "x"}, {5, "a", "ana"}}));
  EXPECT_EQ(pond_.Rows("SELECT count(*) FROM shop.t_labels_rejects"), Json({{6}}));
  request.strict = true;
  EXPECT_THAT(Add(request), IsError(ErrorKind::kInvalid, HasSubstr("nothing was labelled")));
}

TEST_F(LabelsTest, KeysNameSamples) {
  ASSERT_THAT(pond_.Append("shop.t", "SELECT 100::BIGINT AS n, 'c1' AS code"), IsOk());
  LabelRequest request = File("l.csv", "code,label\nc0,a\nc1,a\nc77,a\n");
  request.key = {"code"};
  const auto report = Add(request).ValueOrDie();
  EXPECT_EQ(report.labels, 1);
  EXPECT_EQ(report.reasons.at("several samples have this key"), 1);
  EXPECT_EQ(report.reasons.at("no sample has this key"), 1);
  EXPECT_EQ(Latest(), Json({{0, "a", "ana"}}));
  request = File("two.csv", "n,code,label\n3,c3,b\n3,c4,b\n");
  request.key = {"n", "code"};
  EXPECT_EQ(Add(request).ValueOrDie().labels, 1);
  request.key = {"nn"};
  EXPECT_THAT(Add(request), IsError(ErrorKind::kInvalid, HasSubstr("'nn'")));
}

TEST_F(LabelsTest, TheLatestOfEachAnnotatorCounts) {
  ASSERT_THAT(Add(File("a.csv", "sample_id,label\n0,a\n1,a\n")), IsOk());
  LabelRequest other = Of("a.csv");
  other.annotator = "bob";
  ASSERT_THAT(Add(other), IsOk());
  const auto again = Add(File("b.csv", "sample_id,label\n0,a\n1,b\n1,b\n")).ValueOrDie();
  EXPECT_EQ(again.labels, 1);
  EXPECT_EQ(again.unchanged, 2);
  EXPECT_EQ(Latest(), Json({{0, "a", "ana"}, {0, "a", "bob"}, {1, "b", "ana"}, {1, "a", "bob"}}));
  EXPECT_FALSE(Add(Of("b.csv")).ValueOrDie().commit) << "all said already";
  const auto twice = Add(File("c.csv", "sample_id,label\n2,x\n2,y\n")).ValueOrDie();
  EXPECT_EQ(twice.reasons.at("labelled twice at one time"), 1);
}

TEST_F(LabelsTest, SummariesAgreeWithAPlainMap) {
  std::mt19937 random(5);  // NOLINT(cert-msc51-cpp): the same every time.
  std::map<std::pair<int, std::string>, std::string> said;
  for (int round = 0; round < 4; ++round) {
    std::string text = "sample_id,label,who\n";
    for (int i = 0; i < 8; ++i) {
      const int sample = static_cast<int>(random() % 10);
      const std::string who = random() % 2 == 0 ? "x" : "y";
      if (text.find(fmt::format("\n{},", sample)) != std::string::npos) continue;
      const std::string label(1, static_cast<char>('a' + random() % 3));
      text += fmt::format("{},{},{}\n", sample, label, who);
      said[{sample, who}] = label;
    }
    LabelRequest request = File(fmt::format("r{}.csv", round), text);
    request.annotator_column = "who";
    ASSERT_THAT(Add(request), IsOk());
  }
  std::map<int, std::set<std::string>> by_sample;
  std::map<std::string, std::set<int>> classes, annotators;
  for (const auto& [key, label] : said) {
    by_sample[key.first].insert(label);
    classes[label].insert(key.first);
    annotators[key.second].insert(key.first);
  }
  int64_t conflicts = 0;
  for (const auto& [sample, labels] : by_sample) conflicts += labels.size() > 1;
  const auto summaries = SummarizeLabels(pond_.session(), "shop.t", {}).ValueOrDie();
  ASSERT_EQ(summaries.size(), 1U);
  EXPECT_EQ(summaries[0].samples, 10);
  EXPECT_EQ(summaries[0].labelled, static_cast<int64_t>(by_sample.size()));
  EXPECT_EQ(summaries[0].conflicts, conflicts);
  EXPECT_EQ(summaries[0].orphans, 0);
  for (const auto& [label, samples] : classes) {
    EXPECT_EQ(summaries[0].classes.at(label), static_cast<int64_t>(samples.size())) << label;
  }
  for (const auto& [who, samples] : annotators) {
    EXPECT_EQ(summaries[0].annotators.at(who), static_cast<int64_t>(samples.size())) << who;
  }
  EXPECT_EQ(ToJson(summaries[0])["coverage"], static_cast<double>(by_sample.size()) / 10);
}

TEST_F(LabelsTest, SetsLiveSideBySideAndOrphansAreCounted) {
  EXPECT_TRUE(SummarizeLabels(pond_.session(), "shop.t", {}).ValueOrDie().empty());
  ASSERT_THAT(Add(File("a.csv", "sample_id,label\n0,a\n9,a\n")), IsOk());
  LabelRequest second = Of("a.csv");
  second.label_set = "größe";
  ASSERT_THAT(Add(second), IsOk());
  table::PendingCommit commit(
      pond_.catalog(),
      {.author = "ana", .message = "cut", .operation = "test", .idempotency_key = {}});
  const table::TableName name{"shop", "t"};
  auto writer = table::TableWriter::Open(pond_.catalog(), name, commit.SchemaOf(name).ValueOrDie())
                    .ValueOrDie();
  auto rows = pond_.session().Sql("SELECT * FROM shop.t WHERE sample_id < 5", {}, {}).ValueOrDie();
  while (auto batch = rows.reader->Next().ValueOrDie()) {
    ASSERT_THAT(writer->Write(*batch, {}), IsOk());
  }
  const auto base = commit.Existing(name).ValueOrDie().metadata->current_snapshot_id;
  ASSERT_THAT(commit.Overwrite(name, writer->Finish().ValueOrDie(), base), IsOk());
  ASSERT_THAT(commit.Land({}), IsOk());
  const auto summaries = SummarizeLabels(pond_.session(), "shop.t", {}).ValueOrDie();
  ASSERT_EQ(summaries.size(), 2U);
  for (const LabelSummary& summary : summaries) {
    EXPECT_EQ(summary.labelled, 1) << summary.label_set;
    EXPECT_EQ(summary.orphans, 1) << summary.label_set;
  }
  EXPECT_EQ(Latest("größe").size(), 2U);
  EXPECT_EQ(Latest("it's").size(), 0U);
}

TEST_F(LabelsTest, ExpressionsLabel) {
  const auto report =
      Add(Expression("CASE WHEN n > 6 THEN 'high' WHEN n < 2 THEN 'low' END -- the rest"))
          .ValueOrDie();
  EXPECT_EQ(report.labels, 5);
  EXPECT_EQ(Latest()[0], Json({0, "low", "ana"}));
  EXPECT_EQ(report.commit->inputs[0]["expression"].is_string(), true);
  EXPECT_EQ(Add(Expression("n % 2 = 0")).ValueOrDie().labels, 10);
  EXPECT_THAT(Add(Expression("nothing")), IsError(ErrorKind::kInvalid));
  auto& decision = pond_.policies().decisions[{"shop", "t"}];
  decision.allowed = true;
  decision.masks["n"] = "0::BIGINT";
  decision.policy_hash = "p";
  EXPECT_THAT(Add(Expression("n")), IsError(ErrorKind::kDenied, HasSubstr("shop.t")));
}

TEST_F(LabelsTest, MistakesAreNamed) {
  EXPECT_THAT(Add(Expression("")), IsError(ErrorKind::kInvalid));
  LabelRequest both = Expression("1");
  both.url = "x.csv";
  EXPECT_THAT(Add(both), IsError(ErrorKind::kInvalid));
  LabelRequest at = Expression("1");
  at.table = "shop.t@~1";
  EXPECT_THAT(Add(at), IsError(ErrorKind::kInvalid, HasSubstr("~1")));
  LabelRequest nobody = Expression("1");
  nobody.author.clear();
  EXPECT_THAT(Add(nobody), IsError(ErrorKind::kInvalid, HasSubstr("author")));
  LabelRequest unknown = Expression("1");
  unknown.table = "shop.x";
  EXPECT_THAT(Add(unknown), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(Add(File("n.csv", "id,label\n0,a\n")),
              IsError(ErrorKind::kInvalid, HasSubstr("sample_id")));
  EXPECT_THAT(Add(File("m.csv", "sample_id,lable\n0,a\n")),
              IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'lable'")));
  EXPECT_THAT(Add(Of("absent.csv")), IsError(ErrorKind::kNotFound));
  EXPECT_EQ(Commits(), 1U);
}

TEST_F(LabelsTest, EmptyTablesAndEmptyFiles) {
  ASSERT_THAT(pond_.Create("shop.none", "SELECT 1 AS n WHERE false"), IsOk());
  LabelRequest request = Expression("n");
  request.table = "shop.none";
  EXPECT_EQ(Add(request).ValueOrDie().labels, 0);
  EXPECT_FALSE(Add(File("e.csv", "sample_id,label\n")).ValueOrDie().commit);
}

TEST_F(LabelsTest, CancelledInTheMiddleNothingLands) {
  ASSERT_THAT(pond_.Create("shop.big", "SELECT i AS n FROM range(250000) t(i)"), IsOk());
  base::StopAtProgress stopping;
  LabelRequest request = Expression("n % 3");
  request.table = "shop.big";
  EXPECT_THAT(Add(request, stopping.context()), IsError(ErrorKind::kCancelled));
  EXPECT_GT(stopping.done(), 0) << "it had begun";
  EXPECT_EQ(Commits(), 2U);
  EXPECT_THAT(pond_.catalog()->Load({"shop", "big_labels"}), IsError(ErrorKind::kNotFound));
}

// Labels that land while others are being read: both are kept.
TEST_F(LabelsTest, TwoAnnotatorsAtOnce) {
  ASSERT_THAT(pond_.Create("shop.big", "SELECT i AS n FROM range(150000) t(i)"), IsOk());
  LabelRequest bob = Expression("CASE WHEN n < 5 THEN 'b' END");
  bob.table = "shop.big";
  bob.annotator = "bob";
  ASSERT_THAT(Add(bob), IsOk());
  base::Context context;
  bool inside = false;
  context.progress = [&](const base::Progress&) {
    LabelRequest more = bob;
    more.expression = "CASE WHEN n < 7 THEN 'b' END";
    if (std::exchange(inside, true)) return;
    EXPECT_EQ(Add(more).ValueOrDie().labels, 2);
  };
  LabelRequest request = Expression("'a'");
  request.table = "shop.big";
  EXPECT_EQ(Add(request, context).ValueOrDie().labels, 150000);
  ASSERT_TRUE(inside);
  EXPECT_EQ(pond_.Rows("SELECT annotator, count(*) FROM shop.big_labels GROUP BY 1 ORDER BY 1"),
            Json::array({{"ana", 150000}, {"bob", 7}}));
}

TEST(LabelRowsTest, BatchesFitTheSchema) {
  const auto batch =
      LabelBatch({{3, "ä", "ana", 1700000000123, 0.25}, {4, "", "bob", 0, {}}}, "set", "from")
          .ValueOrDie();
  ASSERT_THAT(batch->ValidateFull(), IsOk());
  EXPECT_TRUE(batch->schema()->Equals(*LabelsSchema()));
  EXPECT_EQ(static_cast<const arrow::TimestampArray&>(*batch->column(4)).Value(0),
            1700000000123000);
  EXPECT_TRUE(batch->column(6)->IsNull(1));
  for (const std::string& name : LabelsIdentifier()) {
    EXPECT_FALSE(LabelsSchema()->GetFieldByName(name)->nullable()) << name;
  }
  EXPECT_EQ(LabelBatch({}, "set", "from").ValueOrDie()->num_rows(), 0);
}

}  // namespace
}  // namespace millpond::label
