// Steps on schemas: ids stay with their columns, and what would break a table is refused.
#include "table/schema_change.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_matchers.h"

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::IsError;
using ::testing::HasSubstr;
using Kind = SchemaStep::Kind;

class SchemaChangeTest : public ::testing::Test {
 protected:
  SchemaChangeTest() {
    const auto address = arrow::struct_(
        {arrow::field("city", arrow::utf8()), arrow::field("zip", arrow::int32(), false)});
    int32_t next = 1;
    schema_.arrow =
        AssignFieldIds(
            *arrow::schema(
                {arrow::field("sample_id", arrow::int64(), false),
                 arrow::field("n", arrow::int32()), arrow::field("address", address),
                 arrow::field("tags", arrow::list(arrow::field("element", arrow::float32())))}),
            &next)
            .ValueOrDie();
    schema_.identifier_field_ids = {1};
    last_ = next - 1;
  }

  Result<Schema> Apply(const SchemaStep& step) {
    int32_t last = last_;
    ARROW_ASSIGN_OR_RAISE(auto changed, ChangeSchema(schema_, {step}, "shop.t", &last));
    added_ = last - last_;
    return changed;
  }
  static std::string Names(const Result<Schema>& schema) {
    std::string names;
    for (const auto& field : schema->arrow->fields()) names += field->name() + " ";
    return names;
  }

  Schema schema_;
  int32_t last_ = 0, added_ = 0;
};

TEST_F(SchemaChangeTest, AddsWithNewIds) {
  const auto changed = Apply({Kind::kAdd, "note", "", arrow::large_utf8()});
  EXPECT_EQ(Names(changed), "sample_id n address tags note ");
  EXPECT_TRUE(changed->arrow->field(4)->type()->Equals(arrow::utf8()));
  EXPECT_EQ(FieldIdOf(*changed->arrow->field(4)), last_ + 1);
  const auto nested = Apply({Kind::kAdd, "address.street", "", arrow::utf8()});
  EXPECT_EQ(nested->arrow->field(2)->type()->num_fields(), 3);
  EXPECT_EQ(added_, 1);
  EXPECT_THAT(Apply({Kind::kAdd, "N", "", arrow::utf8()}), IsError(ErrorKind::kAlreadyExists));
  EXPECT_THAT(Apply({Kind::kAdd, "tags.more", "", arrow::utf8()}), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(Apply({Kind::kAdd, "at", "", arrow::time64(arrow::TimeUnit::MICRO)}),
              IsError(ErrorKind::kInvalid));
  EXPECT_THAT(Apply({Kind::kAdd, "a b/c", "", arrow::utf8()}), IsError(ErrorKind::kInvalid));
}

TEST_F(SchemaChangeTest, DropsRenamesMovesAndKeepsIds) {
  EXPECT_EQ(Names(Apply({Kind::kDrop, "n", "", nullptr})), "sample_id address tags ");
  const auto renamed = Apply({Kind::kRename, "address.city", "town", nullptr});
  EXPECT_EQ(renamed->arrow->field(2)->type()->field(0)->name(), "town");
  EXPECT_EQ(FieldIdOf(*renamed->arrow->field(2)->type()->field(0)),
            FieldIdOf(*schema_.arrow->field(2)->type()->field(0)));
  EXPECT_EQ(Names(Apply({Kind::kRename, "n", "N", nullptr})), "sample_id N address tags ");
  EXPECT_EQ(Names(Apply({Kind::kMove, "tags", "", nullptr})), "tags sample_id n address ");
  EXPECT_EQ(Names(Apply({Kind::kMove, "n", "tags", nullptr})), "sample_id address tags n ");
  EXPECT_EQ(Names(Apply({Kind::kMove, "sample_id", "n", nullptr})), "n sample_id address tags ");
  EXPECT_THAT(Apply({Kind::kRename, "n", "tags", nullptr}), IsError(ErrorKind::kAlreadyExists));
  EXPECT_THAT(Apply({Kind::kDrop, "addres", "", nullptr}),
              IsError(ErrorKind::kNotFound, HasSubstr("address")));
  EXPECT_THAT(Apply({Kind::kDrop, "sample_id", "", nullptr}), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(Apply({Kind::kRename, "sample_id", "id", nullptr}), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(Apply({Kind::kDrop, "tags.element", "", nullptr}), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(Apply({Kind::kMove, "n", "city", nullptr}), IsError(ErrorKind::kNotFound));
}

TEST_F(SchemaChangeTest, WidensLoosensAndDescribes) {
  EXPECT_TRUE(Apply({Kind::kWiden, "n", "", arrow::int64()})
                  ->arrow->field(1)
                  ->type()
                  ->Equals(arrow::int64()));
  const auto element = Apply({Kind::kWiden, "tags.element", "", arrow::float64()});
  EXPECT_TRUE(element->arrow->field(3)->type()->field(0)->type()->Equals(arrow::float64()));
  EXPECT_TRUE(Apply({Kind::kOptional, "address.zip", "", nullptr})
                  ->arrow->field(2)
                  ->type()
                  ->field(1)
                  ->nullable());
  EXPECT_THAT(Apply({Kind::kWiden, "n", "", arrow::utf8()}),
              IsError(ErrorKind::kInvalid, HasSubstr("does not widen")));
  EXPECT_THAT(Apply({Kind::kOptional, "sample_id", "", nullptr}), IsError(ErrorKind::kInvalid));
  const auto described = Apply({Kind::kDescribe, "n", "how many", nullptr});
  EXPECT_EQ(described->arrow->field(1)->metadata()->Get("doc").ValueOrDie(), "how many");
  EXPECT_EQ(FieldIdOf(*described->arrow->field(1)), 2);
}

}  // namespace
}  // namespace millpond::table
