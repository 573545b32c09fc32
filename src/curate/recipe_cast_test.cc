// The cast step against a real pond: values that would change move their row aside.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "base/error_matchers.h"
#include "curate/recipe.h"
#include "query/scratch_pond_testing.h"

namespace millpond::curate {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::HasSubstr;

struct CastCase {
  std::string kept;     ///< SQL values that pass.
  std::string refused;  ///< SQL values that do not.
  std::string to;
  std::string shown;  ///< The kept values afterwards, as JSON list of texts, in their order.
  std::string format;
};

void PrintTo(const CastCase& given, std::ostream* out) { *out << given.kept << " to " << given.to; }

class CastTest : public ::testing::TestWithParam<CastCase> {
 protected:
  query::ScratchPond pond_;
};

TEST_P(CastTest, KeepsTheMeaningOrRefuses) {
  const CastCase& given = GetParam();
  const std::string rows = given.kept + ", " + given.refused;
  ASSERT_THAT(pond_.Create("s.t", "SELECT unnest([" + rows + "]) AS v"), IsOk());
  const Json kept = Json::parse(given.shown);
  const Json total = pond_.Rows("SELECT count(*) FROM s.t");
  Json arguments = {{"column", "v"}, {"to", given.to}};
  if (!given.format.empty()) arguments["format"] = given.format;
  const Json text = {{"name", "c"}, {"steps", {{{"cast", arguments}}}}};
  const auto recipe = ParseRecipe(text.dump(), "test");
  ASSERT_THAT(recipe, IsOk());
  CleanRequest request;
  request.table = "s.t";
  request.author = "ana";
  const auto report = Clean(pond_.session(), *recipe, request, {});
  ASSERT_THAT(report, IsOk());
  Json shown = Json::array();
  for (const Json& row : pond_.Rows("SELECT v::VARCHAR FROM s.t ORDER BY sample_id")) {
    shown.push_back(row[0]);
  }
  EXPECT_EQ(shown, kept);
  EXPECT_EQ(report->rejected, total[0][0].get<int64_t>() - static_cast<int64_t>(kept.size()));
}

INSTANTIATE_TEST_SUITE_P(
    All, CastTest,
    ::testing::Values(
        CastCase{"16777216::BIGINT, -3", "16777217", "float", R"(["16777216.0", "-3.0"])", ""},
        CastCase{"9007199254740992::BIGINT", "9007199254740993, 9223372036854775807", "double",
                 R"(["9007199254740992.0"])", ""},
        CastCase{"0.1::DOUBLE, 3.0, 'nan'::DOUBLE", "16777217.0::DOUBLE", "float",
                 R"(["0.1", "3.0", "nan"])", ""},
        CastCase{"0.1::DECIMAL(18,2)", "9007199254740.93::DECIMAL(18,2), 1234567890123456.78",
                 "float", R"(["0.1"])", ""},
        CastCase{"'0.1', '9007199254740992', '1e3', '-2.5'", "'9007199254740993', 'x'", "double",
                 R"(["0.1", "9007199254740992.0", "1000.0", "-2.5"])", ""},
        CastCase{"'12345678901234567.8', '.50', '7', '1.5e1', '-3.'",
                 "'12345678901234567.89', '1.55', '.', '1.55e0', '123456789012345678901.0'",
                 "decimal(20,1)", R"(["12345678901234567.8", "0.5", "7.0", "15.0", "-3.0"])", ""},
        CastCase{"'2026-01-01', '2026-01-02 00:00:00'", "'2026-01-01 23:59:00', 'x'", "date",
                 R"(["2026-01-01", "2026-01-02"])", ""},
        CastCase{"'01.02.2026 00:00'", "'01.02.2026 23:59'", "date", R"(["2026-02-01"])",
                 "%d.%m.%Y %H:%M"},
        CastCase{"TIMESTAMP '2026-01-01 00:00:00'", "TIMESTAMP '2026-01-01 23:59:00'", "date",
                 R"(["2026-01-01"])", ""}));

TEST(RecipeConditionTest, AreOneExpressionEach) {
  query::ScratchPond pond;
  ASSERT_THAT(pond.Create("s.t", "SELECT 1 AS v"), IsOk());
  CleanRequest request;
  request.table = "s.t";
  request.author = "ana";
  for (const char* text :
       {R"({"name": "c", "steps": [{"filter": {"where": "false) OR (true"}}]})",
        R"({"name": "c", "steps": [{"derive": {"column": "w", "as": "1), (2"}}]})"}) {
    const auto recipe = ParseRecipe(text, "test");
    ASSERT_THAT(recipe, IsOk());
    EXPECT_THAT(Clean(pond.session(), *recipe, request, {}),
                IsError(ErrorKind::kInvalid, HasSubstr("one SQL expression")));
  }
}

}  // namespace
}  // namespace millpond::curate
