// The SQL of a three-way comparison over given rows: keys of several columns, null keys, nested
// values, and how often a key is there.
#include "version/three_way.h"

#include <arrow/api.h>
#include <arrow/util/key_value_metadata.h>

#include "base/error_matchers.h"
#include "base/json.h"
#include "query/scratch_pond_testing.h"
#include "table/schema.h"

namespace millpond::version {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;

class ThreeWayTest : public ::testing::Test {
 protected:
  static std::shared_ptr<arrow::Field> Field(const std::string& name, int id,
                                             std::shared_ptr<arrow::DataType> type) {
    return arrow::field(name, std::move(type), true,
                        arrow::key_value_metadata({table::kFieldIdKey}, {std::to_string(id)}));
  }

  // Rows as SQL: a, b, v.
  static std::string Rows(const std::string& values) {
    const std::string of = "(VALUES " + values + ") r(a, b, v)";
    return "(SELECT 'f' AS _file, row_number() OVER () - 1 AS _pos, a::INT AS a, b::INT AS b, v "
           "FROM " +
           of + ")";
  }

  ThreeWay Query(const std::string& base, const std::string& ours, const std::string& theirs) {
    const auto columns =
        arrow::schema({Field("a", 1, arrow::int32()), Field("b", 2, arrow::int32()),
                       Field("v", 3, arrow::list(arrow::int32()))});
    return ThreeWay::Make({base.empty() ? "" : Rows(base), Rows(ours), Rows(theirs)}, *columns,
                          {1, 2}, {}, false)
        .ValueOrDie();
  }

  // Key, step, conflict, repeated of what changes.
  Json Changes(const ThreeWay& query, bool repeats = false) {
    return pond_.Rows("SELECT \"#0\", \"#1\", \"#n\", \"#conflict\", \"#repeated\" FROM (" +
                      query.ChangesSql(repeats) + ") ORDER BY ALL");
  }

  query::ScratchPond pond_;
};

TEST_F(ThreeWayTest, ANullKeyIsAKey) {
  const auto query =
      Query("(1, NULL, [1]), (NULL, 2, [1]), (NULL, NULL, [1])",
            "(1, NULL, [1]), (NULL, 2, [1]), (NULL, NULL, [2])", "(1, NULL, [2]), (NULL, 2, [1])");
  EXPECT_EQ(Changes(query),
            Json::parse("[[1, null, 2, false, false], [null, null, 1, true, false]]"));
  const auto apart = Query("", "(NULL, 1, [1]), (2, NULL, [1])", "(NULL, 1, [1]), (2, 2, [1])");
  EXPECT_EQ(Changes(apart), Json::parse("[[2, 2, 3, false, false]]"));
}

TEST_F(ThreeWayTest, NestedValuesAreCompared) {
  const auto query = Query("(1, 1, [1, NULL]), (2, 2, NULL)", "(1, 1, [1, NULL]), (2, 2, NULL)",
                           "(1, 1, [1, NULL]), (2, 2, [])");
  EXPECT_EQ(Changes(query), Json::parse("[[2, 2, 2, false, false]]"));
}

TEST_F(ThreeWayTest, TellsWhetherAKeyIsThereTwice) {
  const std::string once = "(1, 1, [1])", twice = "(1, 1, [1]), (1, 1, [1])";
  const Json yes = Json::parse("[[true]]"), no = Json::parse("[[false]]");
  EXPECT_EQ(pond_.Rows(Query(once, once, once).RepeatsSql()), no);
  EXPECT_EQ(pond_.Rows(Query(twice, once, once).RepeatsSql()), yes);
  EXPECT_EQ(pond_.Rows(Query(once, twice, once).RepeatsSql()), yes);
  EXPECT_EQ(pond_.Rows(Query(once, once, twice).RepeatsSql()), yes);
  EXPECT_EQ(pond_.Rows(Query("", once, "(1, NULL, [1]), (1, NULL, [2])").RepeatsSql()), yes);
  // One alike more is a change; the same on both sides is none.
  EXPECT_EQ(Changes(Query(once, once, twice), true).size(), 2);
  EXPECT_EQ(Changes(Query(once, once, twice), true)[0], Json::parse("[1, 1, 2, false, true]"));
  EXPECT_EQ(Changes(Query(once, twice, twice), true), Json::array());
  EXPECT_EQ(Changes(Query(twice, twice, once), true).size(), 4);
  EXPECT_EQ(Changes(Query(twice, twice, twice), true), Json::array());
}

TEST_F(ThreeWayTest, ListsConflicts) {
  const auto query = Query("(1, 1, [1])", "(1, 1, [2]), (3, NULL, NULL)", "(3, NULL, [3])");
  EXPECT_EQ(pond_.Rows(query.ConflictsSql(10)),
            Json::parse("[[1, 1, true, 1, 1, [1], true, 1, 1, [2], false, null, null, null],"
                        " [3, null, false, null, null, null, true, 3, null, null, true, 3, null, "
                        "[3]]]"));
  EXPECT_EQ(pond_.Rows(query.ConflictsSql(1)).size(), 1);
}

TEST_F(ThreeWayTest, TheKeyMustBeAmongTheColumns) {
  const auto columns = arrow::schema({Field("a", 1, arrow::int32())});
  EXPECT_THAT(ThreeWay::Make({"b", "o", "t"}, *columns, {1, 9}, {}, false),
              IsError(ErrorKind::kConflict));
  EXPECT_THAT(ThreeWay::Make({"b", "o", "t"}, *columns, {1}, {}, false), IsOk());
}

}  // namespace
}  // namespace millpond::version
