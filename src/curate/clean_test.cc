// Recipes run over a real pond: what each step makes of rows, what is kept of what is refused, and
// that a recipe lands whole or not at all.
#include <cmath>

#include "base/error_matchers.h"
#include "curate/recipe.h"
#include "query/scratch_pond_testing.h"
#include "table/schema.h"

namespace millpond::curate {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

CleanRequest Of(const std::string& table, bool dry_run = false, bool strict = false) {
  CleanRequest request;
  request.table = table;
  request.dry_run = dry_run;
  request.strict = strict;
  return request;
}

class CleanTest : public ::testing::Test {
 protected:
  void Create(const std::string& sql) { ASSERT_THAT(pond_.Create("shop.t", sql), IsOk()); }
  Result<CleanReport> Run(const std::string& yaml, CleanRequest request = {},
                          const base::Context& context = {}) {
    ARROW_ASSIGN_OR_RAISE(const Recipe recipe, ParseRecipe(yaml, "r.yaml"));
    if (request.table.empty()) request.table = "shop.t";
    request.author = "ana";
    return Clean(pond_.session(), recipe, request, context);
  }
  /// The column after a recipe over a fresh table of this column.
  Json After(const std::string& values, const std::string& type, const std::string& yaml) {
    const std::string name = fmt::format("shop.v{}", ++tables_);
    auto made = pond_.Create(name, "SELECT v::" + type + " AS v FROM (VALUES " + values + ") t(v)");
    EXPECT_THAT(made, IsOk()) << values;
    const auto report = Run(yaml, Of(name));
    if (!report.ok()) return report.status().message();
    last_ = *report;
    Json column = Json::array();
    for (const Json& row : pond_.Rows("SELECT v FROM " + name + " ORDER BY sample_id")) {
      column.push_back(row[0]);
    }
    return column;
  }
  Json Rows(const std::string& sql) { return pond_.Rows(sql); }
  size_t Commits() { return table::History(pond_.catalog()).Log(1000).ValueOrDie().size(); }

  query::ScratchPond pond_;
  CleanReport last_;
  int tables_ = 0;
};

TEST_F(CleanTest, CastsKeepTheirMeaningOrRefuse) {
  const std::string to_int = "- cast: {column: v, to: int64, on_error: 'null'}";
  EXPECT_EQ(After("('7'), (' -3 '), ('+4'), ('1.0'), ('1.5'), ('x'), (''), (NULL), "
                  "('9223372036854775808'), ('1e3')",
                  "VARCHAR", to_int),
            Json({7, -3, 4, 1, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr}));
  EXPECT_EQ(After("(1.0), (2.5), ('NaN'), (1e30), (NULL)", "DOUBLE", to_int),
            Json({1, nullptr, nullptr, nullptr, nullptr}));
  EXPECT_EQ(After("('yes'), ('N'), ('1'), ('OFF'), ('maybe')", "VARCHAR",
                  "- cast: {column: v, to: bool, on_error: 'null'}"),
            Json({true, false, true, false, nullptr}));
  EXPECT_EQ(After("(0), (1), (2)", "BIGINT", "- cast: {column: v, to: bool, on_error: 'null'}"),
            Json({false, true, nullptr}));
  EXPECT_EQ(After("('1.25'), ('1.255'), ('99999999')", "VARCHAR",
                  "- cast: {column: v, to: 'decimal(9,2)', on_error: 'null'}"),
            Json({1.25, nullptr, nullptr}));
  EXPECT_EQ(After("('29.02.2024'), ('30.02.2024')", "VARCHAR",
                  "- cast: {column: v, to: date, format: '%d.%m.%Y', on_error: 'null'}"),
            Json({"2024-02-29", nullptr}));
  EXPECT_EQ(After("(1), (NULL)", "BIGINT", "- cast: {column: v, to: string}"),
            Json({"1", nullptr}));
  EXPECT_THAT(After("(1)", "BIGINT", "- cast: {column: v, to: 'list<int64>'}").dump(),
              HasSubstr("cast has no target"));
}

TEST_F(CleanTest, FillsGaps) {
  const std::string gaps = "(1), (NULL), (3), (NULL), (8)";
  EXPECT_EQ(After(gaps, "BIGINT", "- fill: {column: v, value: 0}"), Json({1, 0, 3, 0, 8}));
  EXPECT_EQ(After(gaps, "BIGINT", "- fill: {column: v, method: mean}"), Json({1, 4, 3, 4, 8}));
  EXPECT_EQ(last_.steps[0].values["v"]["mean"], 4);
  EXPECT_EQ(After(gaps, "DOUBLE", "- fill: {column: v, method: median}"), Json({1, 3, 3, 3, 8}));
  EXPECT_EQ(
      After("('b'), (NULL), ('a'), ('b'), ('a')", "VARCHAR", "- fill: {column: v, method: mode}"),
      Json({"b", "a", "a", "b", "a"}))
      << "of two that are as frequent, the least";
  EXPECT_EQ(After("(NULL), (1), (NULL), (NULL), (2), (NULL)", "BIGINT",
                  "- fill: {column: v, method: forward}"),
            Json({nullptr, 1, 1, 1, 2, 2}));
  EXPECT_EQ(After("('1'), ('NaN'), (NULL)", "DOUBLE", "- fill: {column: v, value: 5}"),
            Json({1, "NaN", 5}));
  EXPECT_EQ(After("('1'), ('NaN'), (NULL)", "DOUBLE", "- fill: {column: v, value: 5, nan: true}"),
            Json({1, 5, 5}));
  EXPECT_EQ(
      After("('1'), ('NaN'), (NULL), ('Infinity')", "DOUBLE", "- fill: {column: v, method: mean}"),
      Json({1, "NaN", 1, "Infinity"}));
  EXPECT_EQ(After("(NULL)", "BIGINT", "- fill: {column: v, method: mean}"), Json({nullptr}))
      << "nothing to fit on";
  EXPECT_THAT(After("(NULL)", "BIGINT", "- fill: {column: v, value: 1.5}").dump(),
              HasSubstr("no whole number"));
}

TEST_F(CleanTest, ClipsAndNormalises) {
  EXPECT_EQ(After("(-5), (2), (NULL), (50)", "BIGINT", "- clip: {column: v, min: 0, max: 10}"),
            Json({0, 2, nullptr, 10}));
  EXPECT_EQ(last_.steps[0].cells_changed, 2);
  EXPECT_EQ(
      After("('-5'), ('NaN'), ('50'), ('Infinity')", "DOUBLE", "- clip: {column: v, max: 10}"),
      Json({-5, "NaN", 10, 10}));
  std::string hundred = "(0)";
  for (int i = 1; i < 101; ++i) hundred += fmt::format(", ({})", i);
  const Json clipped =
      After(hundred, "BIGINT", "- clip: {column: v, lower_quantile: 0.1, upper_quantile: 0.9}");
  EXPECT_EQ(clipped[0], 10);
  EXPECT_EQ(clipped[50], 50);
  EXPECT_EQ(clipped[100], 90);
  EXPECT_EQ(After("(0), (5), (10), (NULL)", "BIGINT", "- normalise: {column: v, method: minmax}"),
            Json({0.0, 0.5, 1.0, nullptr}));
  // Population deviation, as scikit-learn's StandardScaler.
  const Json scores =
      After("(2), (4), (4), (4), (5), (5), (7), (9)", "DOUBLE", "- normalise: {column: v}");
  EXPECT_EQ(scores[0], -1.5);
  EXPECT_EQ(scores[7], 2.0);
  EXPECT_EQ(After("(3), (3)", "BIGINT", "- normalise: {column: v}"), Json({0.0, 0.0}));
  EXPECT_EQ(After("(NULL)", "BIGINT", "- normalise: {column: v}"), Json({nullptr}));
}

TEST_F(CleanTest, TextsAndReplacements) {
  EXPECT_EQ(After("('  Größe  X '), (NULL)", "VARCHAR",
                  "- text: {column: v, apply: [trim, lower, collapse, strip_accents]}"),
            Json({"große x", nullptr}));
  EXPECT_EQ(After("(' '), ('x')", "VARCHAR", "- text: {column: v, apply: [trim, empty_to_null]}"),
            Json({nullptr, "x"}));
  EXPECT_EQ(After("('--a-b--')", "VARCHAR", "- text: {column: v, apply: [{strip: '-'}]}"),
            Json({"a-b"}));
  EXPECT_EQ(After("('e' || chr(769))", "VARCHAR", "- text: {column: v, apply: nfc}"), Json({"é"}));
  EXPECT_EQ(
      After("('y'), ('n'), ('?'), (NULL)", "VARCHAR",
            "- replace: {column: v, values: [[y, 'yes'], [n, no], ['?', null], [null, none]]}"),
      Json({"yes", "no", nullptr, "none"}));
  EXPECT_EQ(After("(1), (2), (3)", "BIGINT", "- replace: {column: v, values: {1: 10, 2: null}}"),
            Json({10, nullptr, 3}));
  EXPECT_EQ(After("('a1b22')", "VARCHAR", "- replace: {column: v, regex: '[0-9]+', with: '#'}"),
            Json({"a#b#"}));
  EXPECT_THAT(After("(1)", "BIGINT", "- trim: v").dump(), HasSubstr("needs text"));
}

TEST_F(CleanTest, RowsAreChosenAndKeepTheirIds) {
  Create("SELECT * FROM (VALUES (1, 'a'), (1, 'a'), (2, NULL), (1, 'a'), (2, NULL)) t(i, s)");
  const auto report = Run("- dedup: {keep: last}").ValueOrDie();
  EXPECT_EQ(report.rows_in, 5);
  EXPECT_EQ(report.rows_out, 2);
  EXPECT_EQ(Rows("SELECT sample_id, i FROM shop.t ORDER BY 1"), Json({{3, 1}, {4, 2}}));
  ASSERT_THAT(Run("- filter: {where: 'i > 1 -- comment'}"), IsOk());
  EXPECT_EQ(Rows("SELECT sample_id FROM shop.t"), Json({{4}}));
  ASSERT_THAT(Run("- drop: {rows_with_nulls: [s]}"), IsOk());
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.t"), Json({{0}}));
}

TEST_F(CleanTest, ColumnsAreDroppedRenamedAndDerived) {
  Create("SELECT 1 AS a, 2 AS b, 3 AS c");
  const auto ids = [&](const std::string& name) {
    const auto table = pond_.catalog()->Load({"shop", "t"}).ValueOrDie();
    return *table::FieldIdOf(*table.metadata->schema().arrow->GetFieldByName(name));
  };
  const int32_t a = ids("a"), c = ids("c");
  ASSERT_THAT(Run("- rename: {columns: {a: \"größe\"}}\n- drop: b\n- derive: {column: d, as: "
                  "'\"größe\" + c'}\n- derive: {column: c, as: 'c || c'}"),
              IsOk());
  EXPECT_EQ(Rows("SELECT \"größe\", c, d FROM shop.t"), Json({{1, "33", 4}}));
  EXPECT_EQ(ids("größe"), a) << "renamed, the same column";
  EXPECT_NE(ids("c"), c) << "another type is another column";
  EXPECT_EQ(Rows("SELECT a, b, c FROM \"shop\".\"t@~1\""), Json({{1, 2, 3}}))
      << "the earlier version keeps its columns";
  for (const char* bad :
       {"- rename: {column: sample_id, to: x}", "- rename: {column: c, to: D}", "- drop: sample_id",
        "- drop: [größe, c, d]", "- derive: {column: sample_id, as: '1'}",
        "- derive: {column: C, as: '1'}", "- derive: {column: e, as: '1, 2'}",
        "- derive: {column: e, as: 'nothing + 1'}", "- filter: {where: 'c >'}",
        "- fill: {column: cc, value: 1}", "- fill: {column: c}", "- clip: {column: d}",
        "- trim: [c, c]"}) {
    const auto refused = Run(bad);
    ASSERT_FALSE(refused.ok()) << bad;
    const auto kind = base::KindOf(refused.status());
    EXPECT_TRUE(kind == ErrorKind::kInvalid || kind == ErrorKind::kNotFound)
        << bad << ": " << refused.status().ToString();
    EXPECT_THAT(refused.status().message(), HasSubstr("step 1")) << bad;
  }
}

TEST_F(CleanTest, RefusedRowsAreKeptWithTheirReason) {
  Create("SELECT * FROM (VALUES ('1', 'x'), ('two', 'y'), ('3', 'z')) t(n, s)");
  const auto report = Run("- cast: {column: n, to: int32}").ValueOrDie();
  EXPECT_EQ(report.rejected, 1);
  EXPECT_EQ(report.rows_out, 2);
  EXPECT_EQ(report.steps[0].cells_changed, 0) << "a cast changes no value";
  EXPECT_EQ(report.rejects_table->ToString(), "shop.t_rejects");
  EXPECT_EQ(Rows("SELECT sample_id, n FROM shop.t ORDER BY 1"), Json({{0, 1}, {2, 3}}));
  const Json rejects =
      Rows("SELECT refused_sample_id, \"column\", reason, raw FROM shop.t_rejects");
  ASSERT_EQ(rejects.size(), 1U);
  EXPECT_EQ(rejects[0][0], 1);
  EXPECT_EQ(rejects[0][1], "n");
  EXPECT_EQ(rejects[0][2], "expected INTEGER, found 'two'");
  EXPECT_THAT(rejects[0][3].get<std::string>(), HasSubstr("'s': y"));
  EXPECT_EQ(report.commit->changes.size(), 2U);
  EXPECT_EQ(report.commit->details["rejected"], 1);
  EXPECT_EQ(report.commit->details["recipe"], "- cast: {column: n, to: int32}");
}

TEST_F(CleanTest, StrictRefusesTheWhole) {
  Create("SELECT 'two' AS n");
  EXPECT_THAT(Run("- cast: {column: n, to: int32}", Of("shop.t", false, true)),
              IsError(ErrorKind::kInvalid, HasSubstr("nothing was changed")));
  EXPECT_EQ(Commits(), 1U);
}

TEST_F(CleanTest, DryRunsAndNothingToDoLeaveNoCommit) {
  Create("SELECT 'x ' AS s");
  const auto dry = Run("- trim: s", Of("shop.t", true)).ValueOrDie();
  EXPECT_FALSE(dry.commit);
  EXPECT_EQ(dry.steps[0].cells_changed, 1);
  EXPECT_EQ(Rows("SELECT s FROM shop.t"), Json({{"x "}}));
  EXPECT_TRUE(Run("- trim: s").ValueOrDie().commit);
  EXPECT_FALSE(Run("- trim: s").ValueOrDie().commit) << "clean already";
  EXPECT_EQ(Commits(), 2U);
}

TEST_F(CleanTest, EmptyTables) {
  Create("SELECT 1 AS a, 'x' AS s WHERE false");
  const auto report =
      Run("- fill: {column: a, method: mean}\n- normalise: a\n- trim: s\n- dedup:\n"
          "- clip: {column: a, upper_quantile: 0.9}\n- cast: {column: s, to: int64}")
          .ValueOrDie();
  EXPECT_EQ(report.rows_in, 0);
  EXPECT_EQ(report.rows_out, 0);
  EXPECT_TRUE(report.commit) << "the columns have other types now";
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.t"), Json({{0}}));
}

TEST_F(CleanTest, ExpressionsThatAreNotTheSameEachTimeAreNoticed) {
  Create("SELECT i FROM range(2000) t(i)");
  EXPECT_THAT(Run("- filter: {where: 'random() < 0.5'}"),
              IsError(ErrorKind::kInvalid, HasSubstr("not the same each time")));
  EXPECT_EQ(Rows("SELECT count(*) FROM shop.t"), Json({{2000}}));
}

TEST_F(CleanTest, PoliciesDenyIt) {
  Create("SELECT 1 AS a");
  ASSERT_THAT(pond_.Create("shop.other", "SELECT 1 AS b"), IsOk());
  auto& decision = pond_.policies().decisions[{"shop", "other"}];
  decision.allowed = true;
  decision.row_filter = "b > 0";
  decision.policy_hash = "p";
  EXPECT_THAT(Run("- fill: {column: b, value: 2}", Of("shop.other")),
              IsError(ErrorKind::kDenied, HasSubstr("shop.other")));
  EXPECT_THAT(Run("- derive: {column: c, as: '(SELECT max(b) FROM shop.other)'}"),
              IsError(ErrorKind::kDenied, HasSubstr("shop.other")));
  EXPECT_EQ(Commits(), 2U);
}

TEST_F(CleanTest, ATableThatMovedMeanwhileConflicts) {
  Create("SELECT 'x ' AS s");
  base::Context context;
  bool inside = false;
  context.progress = [&](const base::Progress&) {
    if (std::exchange(inside, true)) return;
    ASSERT_THAT(pond_.Append("shop.t", "SELECT 'y ' AS s"), IsOk());
  };
  EXPECT_THAT(Run("- trim: s", {}, context), IsError(ErrorKind::kConflict));
  EXPECT_EQ(Rows("SELECT s FROM shop.t ORDER BY 1"), Json({{"x "}, {"y "}}));
}

TEST_F(CleanTest, CancelledInTheMiddleNothingLands) {
  Create("SELECT 'x ' || i AS s FROM range(300000) t(i)");
  for (const std::string phase : {"clean", "write"}) {
    std::stop_source stop;
    base::Context context;
    context.stop = stop.get_token();
    bool reached = false;
    context.progress = [&](const base::Progress& step) {
      if (!step.phase.starts_with(phase)) return;
      reached = true;
      stop.request_stop();
    };
    EXPECT_THAT(Run("- upper: s\n- lower: s\n- upper: s", {}, context),
                IsError(ErrorKind::kCancelled))
        << phase;
    EXPECT_TRUE(reached) << phase;
  }
  EXPECT_EQ(Commits(), 1U);
  EXPECT_EQ(Rows("SELECT count(*) FILTER (WHERE s LIKE 'x%') FROM shop.t"), Json({{300000}}));
}

TEST_F(CleanTest, OnlyHeadsAreCleaned) {
  Create("SELECT 1 AS a");
  EXPECT_THAT(Run("- drop: a", Of("shop.t@~1")), IsError(ErrorKind::kInvalid, HasSubstr("~1")));
  EXPECT_THAT(Run("- dedup:", Of("shop.x")), IsError(ErrorKind::kNotFound));
}

}  // namespace
}  // namespace millpond::curate
