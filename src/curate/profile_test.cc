// Profiles against slow code over the same values, and tables at the edges.
#include "curate/profile.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "base/error_matchers.h"
#include "base/stop_at_progress.h"
#include "query/scratch_pond_testing.h"

namespace millpond::curate {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

ProfileRequest Of(const std::string& table, std::vector<std::string> columns = {}) {
  ProfileRequest request;
  request.table = table;
  request.columns = std::move(columns);
  return request;
}

class ProfileTest : public ::testing::Test {
 protected:
  TableProfile Profile(const ProfileRequest& request) {
    auto profile = ProfileTable(pond_.session(), request, {});
    EXPECT_THAT(profile, IsOk());
    return *std::move(profile);
  }
  ColumnProfile Column(const std::string& name) {
    return Profile(Of("shop.t", {name})).columns.at(0);
  }

  query::ScratchPond pond_;
};

TEST_F(ProfileTest, FiguresAgreeWithSlowCode) {
  std::mt19937 random(3);  // NOLINT(cert-msc51-cpp): the same every time.
  std::string sql = "SELECT x::DOUBLE AS x FROM (VALUES (NULL)";
  std::vector<double> values;
  int64_t nulls = 1, odd = 0;
  for (int i = 0; i < 400; ++i) {
    const unsigned draw = random() % 20;
    if (draw == 0) {
      sql += ", (NULL)";
      ++nulls;
    } else if (draw <= 3) {
      sql += draw == 1 ? ", ('NaN'::DOUBLE)" : draw == 2 ? ", ('Infinity')" : ", ('-Infinity')";
      ++odd;
    } else {
      values.push_back(static_cast<double>(random() % 50) / 4 - 5);
      sql += fmt::format(", ({})", values.back());
    }
  }
  ASSERT_THAT(pond_.Create("shop.t", sql + ") t(x)"), IsOk());
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  std::map<double, int64_t> counts;
  for (const double value : values) {
    sum += value;
    ++counts[value];
  }
  for (const double value : values) squares += (value - sum / n) * (value - sum / n);
  const ColumnProfile x = Column("x");
  EXPECT_EQ(x.type, "DOUBLE");
  EXPECT_EQ(x.count, static_cast<int64_t>(values.size()) + odd);
  EXPECT_EQ(x.nulls, nulls);
  EXPECT_EQ(x.not_finite, odd);
  EXPECT_EQ(x.min, values.front());
  EXPECT_EQ(x.max, values.back());
  EXPECT_NEAR(*x.mean, sum / n, 1e-9);
  EXPECT_NEAR(*x.stddev, std::sqrt(squares / (n - 1)), 1e-9);
  EXPECT_NEAR(static_cast<double>(*x.distinct), static_cast<double>(counts.size() + 3), 8);
  ASSERT_EQ(x.quantiles.size(), 5U);
  for (const auto& [at, value] : x.quantiles) {
    const auto rank = std::lower_bound(values.begin(), values.end(), value) - values.begin();
    const auto end = std::upper_bound(values.begin(), values.end(), value) - values.begin();
    EXPECT_LE(static_cast<double>(rank) / n, at + 0.05) << at;
    EXPECT_GE(static_cast<double>(end) / n, at - 0.05) << at;
  }
  ASSERT_EQ(x.top.size(), 10U);
  for (size_t i = 0; i < x.top.size(); ++i) {
    const auto& [value, count] = x.top[i];
    if (value.is_number()) {
      EXPECT_EQ(count, counts.at(value.get<double>()));
    }
    if (i > 0) {
      EXPECT_GE(x.top[i - 1].second, count);
    }
  }
}

TEST_F(ProfileTest, TextsInCharacters) {
  ASSERT_THAT(pond_.Create("shop.t",
                           "SELECT * FROM (VALUES ('größe'), (''), ('größe'), (NULL), "
                           "('名前')) t(\"名\")"),
              IsOk());
  const ColumnProfile text = Column("名");
  EXPECT_EQ(text.min_length, 0);
  EXPECT_EQ(text.max_length, 5);
  EXPECT_EQ(text.min, "");
  EXPECT_FALSE(text.mean);
  EXPECT_TRUE(text.quantiles.empty());
  ASSERT_EQ(text.top.size(), 3U);
  EXPECT_EQ(text.top[0], (std::pair<Json, int64_t>{"größe", 2}));
}

TEST_F(ProfileTest, EveryTypeAndNothing) {
  const std::string columns =
      "1::BIGINT AS i, 1.5::FLOAT AS f, 2.50::DECIMAL(9,2) AS c, true AS b, DATE '2024-02-29' AS "
      "d, "
      "TIMESTAMP '2024-02-29 12:00:00' AS t, 'x'::BLOB AS bin, [1] AS l, {'a': 1} AS st, 's' AS s";
  ASSERT_THAT(pond_.Create("shop.t", "SELECT " + columns), IsOk());
  const TableProfile full = Profile(Of("shop.t"));
  EXPECT_EQ(full.rows, 1);
  ASSERT_EQ(full.columns.size(), 11U) << "sample_id too";
  for (const ColumnProfile& column : full.columns) {
    EXPECT_EQ(column.count, 1) << column.name;
    const bool plain = column.name != "bin" && column.name != "l" && column.name != "st";
    EXPECT_EQ(column.distinct.has_value(), plain) << column.name;
    EXPECT_EQ(column.min.is_null(), !plain) << column.name;
  }
  ASSERT_THAT(pond_.Create("shop.none", "SELECT " + columns + " WHERE false"), IsOk());
  const TableProfile none = Profile(Of("shop.none"));
  EXPECT_EQ(none.rows, 0);
  for (const ColumnProfile& column : none.columns) {
    EXPECT_EQ(column.count + column.nulls, 0) << column.name;
    EXPECT_TRUE(column.min.is_null()) << column.name;
    EXPECT_FALSE(column.mean) << column.name;
    EXPECT_TRUE(column.top.empty()) << column.name;
  }
  EXPECT_EQ(ToJson(none)["columns"].size(), 11U);
}

TEST_F(ProfileTest, ManyColumnsTakeSeveralPasses) {
  std::string sql = "SELECT 0 AS c0";
  for (int i = 1; i < 120; ++i) sql += fmt::format(", {} AS c{}", i, i);
  ASSERT_THAT(pond_.Create("shop.t", sql), IsOk());
  ProfileRequest without_top = Of("shop.t");
  without_top.top_values = 0;
  const TableProfile profile = Profile(without_top);
  ASSERT_EQ(profile.columns.size(), 121U);
  for (int i = 0; i < 120; ++i) {
    EXPECT_EQ(profile.columns[static_cast<size_t>(i) + 1].max, i);
    EXPECT_TRUE(profile.columns[static_cast<size_t>(i) + 1].top.empty());
  }
}

TEST_F(ProfileTest, ColumnsOfNearlyUniqueValuesHaveNoTop) {
  ASSERT_THAT(pond_.Create("shop.t", "SELECT 'v' || i AS v FROM range(5000) t(i)"), IsOk());
  EXPECT_TRUE(Column("v").top.empty());
}

TEST_F(ProfileTest, VersionsMasksAndMistakes) {
  ASSERT_THAT(pond_.Create("shop.t", "SELECT 5::BIGINT AS i"), IsOk());
  ASSERT_THAT(pond_.Append("shop.t", "SELECT 50::BIGINT AS i"), IsOk());
  EXPECT_EQ(Profile(Of("shop.t@~1")).columns[1].max, 5);
  EXPECT_EQ(Profile(Of("shop.t")).columns[1].max, 50);
  EXPECT_THAT(ProfileTable(pond_.session(), Of("shop.t", {"ii"}), {}),
              IsError(ErrorKind::kNotFound, HasSubstr("'ii'")));
  EXPECT_THAT(ProfileTable(pond_.session(), Of("shop.x"), {}), IsError(ErrorKind::kNotFound));
  auto& decision = pond_.policies().decisions[{"shop", "t"}];
  decision.allowed = true;
  decision.masks["i"] = "0::BIGINT";
  decision.policy_hash = "p";
  EXPECT_EQ(Profile(Of("shop.t")).columns[1].max, 0);
}

TEST_F(ProfileTest, CancelledBetweenBatchesOfColumns) {
  std::string sql = "SELECT 0 AS c0";
  for (int i = 1; i < 60; ++i) sql += fmt::format(", {0} AS c{0}", i);
  ASSERT_THAT(pond_.Create("shop.t", sql), IsOk());
  base::StopAtProgress stopping;
  EXPECT_THAT(ProfileTable(pond_.session(), Of("shop.t"), stopping.context()),
              IsError(ErrorKind::kCancelled));
  EXPECT_EQ(stopping.done(), 50);
}

TEST_F(ProfileTest, ColumnsMayBeCalledLikeOurOwnAliases) {
  ASSERT_THAT(
      pond_.Create("shop.t", "SELECT i % 2 AS x, i AS v, i % 3 AS n, 1 AS i FROM range(6) t(i)"),
      IsOk());
  using Top = std::vector<std::pair<Json, int64_t>>;
  EXPECT_EQ(Column("x").top, (Top{{0, 3}, {1, 3}}));
  EXPECT_EQ(Column("v").top.size(), 6U);
  EXPECT_EQ(Column("n").top, (Top{{0, 2}, {1, 2}, {2, 2}}));
  EXPECT_EQ(Column("i").top, (Top{{1, 6}}));
}

/// Batches of columns, of several types side by side: what is reported counts up to all of them.
TEST_F(ProfileTest, WideTablesAreReadInBatchesOfColumns) {
  constexpr int kColumns = 400;
  std::string sql = "SELECT 0 AS c0";
  for (int i = 1; i < kColumns; ++i) {
    sql += i % 2 == 0 ? fmt::format(", r.i + {0} AS c{0}", i)
                      : fmt::format(", 'text ' || (r.i % 2 + {0}) AS c{0}", i);
  }
  ASSERT_THAT(pond_.Create("shop.t", sql + " FROM range(4) r(i)"), IsOk());
  base::Context context;
  std::vector<int64_t> done;
  context.progress = [&](const base::Progress& step) {
    if (step.phase == "profile shop.t") done.push_back(step.done);
  };
  const auto profile = ProfileTable(pond_.session(), Of("shop.t"), context);
  ASSERT_THAT(profile, IsOk());
  ASSERT_GT(done.size(), 2U);
  EXPECT_EQ(done.back(), static_cast<int64_t>(profile->columns.size()));
  EXPECT_LT(done.size(), 40U) << "not a statement for each column";
  for (const ColumnProfile& column : profile->columns) {
    if (column.name == "c77") {
      EXPECT_EQ(column.top[0], (std::pair<Json, int64_t>("text 77", 2)));
      EXPECT_EQ(column.top[1], (std::pair<Json, int64_t>("text 78", 2)));
    }
    if (column.name == "c300") {
      EXPECT_EQ(column.top[3], (std::pair<Json, int64_t>(303, 1)));
    }
  }
}

}  // namespace
}  // namespace millpond::curate
