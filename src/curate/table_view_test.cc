// Values as SQL literals, and tables pinned to a version.
#include "curate/table_view.h"

#include <arrow/api.h>

#include "base/error_matchers.h"
#include "query/scratch_pond_testing.h"

namespace millpond::curate {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;

std::string Literal(const Json& value, const std::shared_ptr<arrow::DataType>& type) {
  const auto literal = SqlLiteral(value, *type);
  return literal.ok() ? *literal : "error";
}

TEST(SqlLiteralTest, NothingInAValueIsReadAsSql) {
  query::ScratchPond pond;
  for (const char* text : {"it's", "'; DROP TABLE x; --", "\\", "", "ünïcödé", "a\nb", "''"}) {
    EXPECT_EQ(pond.Rows("SELECT " + Literal(text, arrow::utf8())), Json({{text}})) << text;
  }
}

TEST(SqlLiteralTest, NumbersKeepTheirValue) {
  query::ScratchPond pond;
  const auto value = [&](const Json& number, const std::shared_ptr<arrow::DataType>& type) {
    return pond.Rows("SELECT " + Literal(number, type))[0][0];
  };
  EXPECT_EQ(value(9007199254740993, arrow::int64()), 9007199254740993);
  EXPECT_EQ(value(-3, arrow::int32()), -3);
  EXPECT_EQ(value(0.1, arrow::float64()), 0.1);
  EXPECT_EQ(value(1e300, arrow::float64()), 1e300);
  EXPECT_EQ(value(5e-324, arrow::float64()), 5e-324);
  EXPECT_EQ(value(" 2.5 ", arrow::float64()), 2.5);
  EXPECT_EQ(value("nan", arrow::float64()), "NaN");
  EXPECT_EQ(value("-inf", arrow::float64()), "-Infinity");
  EXPECT_EQ(value(true, arrow::int64()), 1);
}

TEST(SqlLiteralTest, WhatTheColumnCanNeverHold) {
  EXPECT_EQ(Literal("word", arrow::int64()), "error");
  EXPECT_EQ(Literal("", arrow::int64()), "error");
  EXPECT_EQ(Literal(Json::array({1}), arrow::int64()), "error");
  EXPECT_EQ(Literal("yes", arrow::boolean()), "error");
  EXPECT_EQ(Literal(1, arrow::date32()), "error");
  EXPECT_EQ(Literal("2024-02-30", arrow::date32()), "error");
  EXPECT_EQ(Literal("x", arrow::binary()), "error");
  EXPECT_EQ(Literal(nullptr, arrow::int64()), "NULL");
  EXPECT_EQ(Literal(5, arrow::utf8()), "'5'");
  EXPECT_EQ(Literal(false, arrow::boolean()), "false");
}

TEST(TableViewTest, IsPinned) {
  query::ScratchPond pond;
  ASSERT_THAT(pond.Create("shop.t", "SELECT 1::BIGINT AS a"), IsOk());
  const auto view = TableView::Open(pond.session(), "shop.t").ValueOrDie();
  EXPECT_TRUE(view.has_sample_id);
  ASSERT_THAT(pond.Append("shop.t", "SELECT 2::BIGINT AS a"), IsOk());
  const auto rows =
      query::RowsOf(pond.session(), "SELECT count(*) FROM " + view.sql, view.options, {});
  EXPECT_EQ((*rows)[0][0], 1);
  EXPECT_THAT(view.Column("A"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(view.Column("a"), IsOk());
  EXPECT_THAT(TableView::Open(pond.session(), "shop.t@nowhere"), IsError(ErrorKind::kNotFound));
  EXPECT_THAT(TableView::Open(pond.session(), "shop.x"), IsError(ErrorKind::kNotFound));
}

}  // namespace
}  // namespace millpond::curate
