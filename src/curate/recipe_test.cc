// Recipes as text: forms, refusals, and which texts are the same recipe.
#include "curate/recipe.h"

#include "base/error_matchers.h"
#include "curate/recipe_step.h"

namespace millpond::curate {
namespace {

using base::ErrorKind;
using base::IsError;
using base::Json;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(RecipeTest, ReadsStepsInTheirForms) {
  const auto recipe = ParseRecipe(R"(
name: tidy
description: nightly
steps:
  - trim: name
  - lower: [a, b]
  - dedup:
  - fill: {column: age, value: 0}
)",
                                  "x/clean.yaml")
                          .ValueOrDie();
  EXPECT_EQ(recipe.name, "tidy");
  ASSERT_EQ(recipe.steps.size(), 4U);
  EXPECT_EQ(recipe.steps[0].arguments, Json({{"column", "name"}}));
  EXPECT_EQ(recipe.steps[1].arguments, Json({{"columns", {"a", "b"}}}));
  EXPECT_EQ(recipe.steps[2].arguments, Json::object());
  EXPECT_EQ(recipe.steps[3].arguments["value"], 0);
  EXPECT_EQ(ParseRecipe("- dedup:", "x/clean.v2.yaml").ValueOrDie().name, "clean");
}

TEST(RecipeTest, LayoutAndCommentsDoNotCount) {
  const auto hash = [](const char* text) { return ParseRecipe(text, "r.yaml").ValueOrDie().hash; };
  const std::string one = hash("- fill: {column: a, value: 1}\n");
  EXPECT_EQ(hash("# why\nname: other\nsteps:\n- fill:\n    value: 1\n    column: a\n"), one);
  EXPECT_EQ(hash(R"([{"fill": {"column": "a", "value": 1}}])"), one);
  EXPECT_NE(hash("- fill: {column: a, value: 2}\n"), one);
  EXPECT_NE(hash("- fill: {column: a, value: '1'}\n"), one);
  EXPECT_NE(hash("- fill: {column: a, value: 1}\n- dedup:\n"), one);
}

TEST(RecipeTest, RefusesWhatItDoesNotKnow) {
  const auto refused = [](const char* text, const std::string& says) {
    EXPECT_THAT(ParseRecipe(text, "r.yaml"),
                IsError(ErrorKind::kInvalid, AllOf(HasSubstr("r.yaml"), HasSubstr(says))))
        << text;
  };
  refused("- fil: {column: a}", "Did you mean 'fill'");
  refused("- fill: {colum: a}", "Did you mean 'column'");
  refused("- fill: 7", "named");
  refused("- {fill: {column: a}, trim: b}", "write it as");
  refused("- word", "write it as");
  refused("{step: []}", "Did you mean 'steps'");
  refused("steps: []", "list of steps");
  refused("[]", "list of steps");
  refused("7", "list of steps");
}

TEST(RecipeTest, StepsAreKnownByName) {
  const auto kinds = StepKinds();
  EXPECT_TRUE(std::is_sorted(kinds.begin(), kinds.end()));
  for (const std::string& kind : kinds) EXPECT_NE(FindStep(kind), nullptr) << kind;
  EXPECT_EQ(FindStep("nothing"), nullptr);
}

}  // namespace
}  // namespace millpond::curate
