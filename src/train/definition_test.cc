// Definitions: both notations, the full form, and an error for every mistake.
#include "train/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_matchers.h"

namespace millpond::train {
namespace {

using base::ErrorKind;
using testing::HasSubstr;

constexpr std::string_view kFull = R"(
name: reviews
description: What customers say
query: |
  SELECT * FROM shop.reviews;
key: [shop, id]
split:
  by: stratified
  column: stars
  seed: 7
  parts:
    - {name: train, share: 0.8}
    - {name: val, share: 0.1}
    - {name: test, share: 0.1}
labels: stars
features: [title, body]
group: customer
)";

TEST(Definition, ReadsYaml) {
  DatasetDefinition definition = ParseDefinition(kFull, "reviews.yaml").ValueOrDie();
  EXPECT_EQ(definition.name, "reviews");
  EXPECT_EQ(definition.query, "SELECT * FROM shop.reviews");
  EXPECT_THAT(definition.key, testing::ElementsAre("shop", "id"));
  EXPECT_EQ(definition.split.method, SplitMethod::kStratified);
  EXPECT_EQ(definition.split.column, "stars");
  EXPECT_EQ(definition.split.seed, 7u);
  ASSERT_EQ(definition.split.parts.size(), 3u);
  EXPECT_EQ(definition.split.parts[1].name, "val");
  EXPECT_THAT(definition.labels, testing::ElementsAre("stars"));
  EXPECT_THAT(definition.features, testing::ElementsAre("title", "body"));
  EXPECT_EQ(definition.group, "customer");
}

TEST(Definition, FullFormReadsBackTheSame) {
  for (std::string_view text :
       {kFull, std::string_view("{name: a, query: SELECT 1}"),
        std::string_view("{name: a, query: FROM t, split: {by: time, column: day, parts: "
                         "[{name: x, until: 2026-01-01}, {name: y}]}}"),
        std::string_view("{name: a, query: FROM t, split: {by: given, column: side}}")}) {
    DatasetDefinition definition = ParseDefinition(text, "a").ValueOrDie();
    base::Json json = DefinitionToJson(definition);
    EXPECT_EQ(DefinitionToJson(DefinitionFromJson(json, "b").ValueOrDie()), json) << text;
  }
}

TEST(Definition, DefaultsAreTheSampleIdAndNoSplit) {
  DatasetDefinition definition = ParseDefinition("{name: a, query: FROM t}", "a").ValueOrDie();
  EXPECT_THAT(definition.key, testing::ElementsAre("sample_id"));
  EXPECT_EQ(definition.split.method, SplitMethod::kNone);
}

TEST(Definition, ShortFormOfPartsIsInTheOrderOfNames) {
  auto definition =
      ParseDefinition(
          "{name: a, query: FROM t, split: {by: hash, parts: {train: 0.75, test: 0.25}}}", "a")
          .ValueOrDie();
  ASSERT_EQ(definition.split.parts.size(), 2u);
  EXPECT_EQ(definition.split.parts[0].name, "test");
  EXPECT_EQ(definition.split.parts[0].share, 0.25);
}

struct Mistake {
  const char* text;
  const char* message;
};

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreNamed) {
  auto result = ParseDefinition(GetParam().text, "x.yaml");
  ASSERT_FALSE(result.ok()) << GetParam().text;
  EXPECT_EQ(base::KindOf(result.status()), ErrorKind::kInvalid);
  EXPECT_THAT(result.status().message(), HasSubstr("x.yaml"));
  EXPECT_THAT(result.status().message(), HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, Mistakes,
    testing::Values(
        Mistake{"[]", "expected keys"}, Mistake{"{query: FROM t}", "name"},
        Mistake{"{name: a/b, query: FROM t}", "name"}, Mistake{"{name: a}", "'query' is missing"},
        Mistake{"{name: a, query: ' ; '}", "'query' is missing"},
        Mistake{"{name: a, query: 3}", "query"},
        Mistake{"{name: a, query: FROM t, labls: x}", "Did you mean 'labels'"},
        Mistake{"{name: a, query: FROM t, key: [1]}", "column names"},
        Mistake{"{name: a, query: FROM t, key: [b, b]}", "twice"},
        Mistake{"{name: a, query: FROM t, labels: b, features: [b]}", "both a label"},
        Mistake{"{name: a, query: FROM t, split: hash}", "expected keys"},
        Mistake{"{name: a, query: FROM t, split: {by: hsh}}", "Did you mean 'hash'"},
        Mistake{"{name: a, query: FROM t, split: {by: hash}}", "needs 'parts'"},
        Mistake{"{name: a, query: FROM t, split: {by: hash, column: c, parts: {a: 1}}}",
                "no 'column'"},
        Mistake{"{name: a, query: FROM t, split: {by: group, parts: {a: 1}}}", "needs 'column'"},
        Mistake{"{name: a, query: FROM t, split: {by: hash, seed: -1, parts: {a: 1}}}", "seed"},
        Mistake{"{name: a, query: FROM t, split: {by: hash, parts: {a: 0.5, b: 0.4}}}",
                "sum to 0.9"},
        Mistake{"{name: a, query: FROM t, split: {by: hash, parts: {a: 1.5, b: -0.5}}}",
                "'a' is 1.5"},
        Mistake{"{name: a, query: FROM t, split: {by: hash, parts: {a: x}}}", "expected a number"},
        Mistake{"{name: a, query: FROM t, split: {by: hash, parts: {all: 1}}}", "'all'"},
        Mistake{
            "{name: a, query: FROM t, split: {by: hash, parts: [{name: x, share: 0.5}, {name: x, "
            "share: 0.5}]}}",
            "twice"},
        Mistake{
            "{name: a, query: FROM t, split: {by: hash, parts: [{name: x, until: 3}, {name: y}]}}",
            "by time"},
        Mistake{"{name: a, query: FROM t, split: {by: time, column: d, parts: {a: 1}}}",
                "an order"},
        Mistake{
            "{name: a, query: FROM t, split: {by: time, column: d, parts: [{name: x, until: 3}, "
            "{name: y, until: 4}]}}",
            "but the last"},
        Mistake{
            "{name: a, query: FROM t, split: {by: time, column: d, parts: [{name: x, until: 3}, "
            "{name: y, share: 0.5}]}}",
            "not both"},
        Mistake{"{name: a, query: FROM t, split: {by: given, column: d, parts: {a: 1}}}",
                "no shares"},
        Mistake{"{name: a, query: SELECT random() FROM t}", "'random'"},
        Mistake{"{name: a, query: 'FROM t WHERE d < Current_Date'}", "'current_date'"},
        Mistake{"{name: a, query: FROM t USING SAMPLE 10%}", "USING SAMPLE"}));

}  // namespace
}  // namespace millpond::train
