// Labels against a real pond: which of them are added, whatever the order of their times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error_matchers.h"
#include "base/text.h"
#include "label/labels.h"
#include "query/scratch_pond_testing.h"

namespace millpond::label {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class LabelOrderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_THAT(pond_.Create("shop.reviews", "SELECT * FROM (VALUES ('good'), ('bad')) t(text)"),
                IsOk());
  }

  /// Labels sample 0: lines of "label,time".
  Result<LabelReport> Label(const std::string& lines) {
    const std::string path = pond_.folder() / "labels.csv";
    std::ofstream out(path);
    out << "sample_id,label,at\n";
    for (const std::string& line : base::Split(lines, ' ')) {
      const size_t at = line.find('@');
      out << "0," << line.substr(0, at) << ",2026-01-" << line.substr(at + 1) << "T00:00:00Z\n";
    }
    out.close();
    LabelRequest request;
    request.table = "shop.reviews";
    request.url = path;
    request.time_column = "at";
    request.annotator = "bo";
    request.author = "ana";
    return AddLabels(pond_.session(), request, {});
  }
  Json Stored() {
    return pond_.Rows(
        "SELECT label || '@' || strftime(labelled_at, '%d') FROM shop.reviews_labels ORDER BY "
        "labelled_at, label");
  }
  Json Latest() {
    return pond_.Rows("SELECT label FROM (" + *LatestLabelsSql("shop.reviews", "default") + ")");
  }

  query::ScratchPond pond_;
};

TEST_F(LabelOrderTest, ALabelRepeatsOnlyTheOneBeforeItInTime) {
  ASSERT_THAT(Label("B@05"), IsOk());
  const auto report = Label("A@03 A@07");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->labels, 2);
  EXPECT_EQ(report->unchanged, 0);
  EXPECT_EQ(Stored(), Json::parse(R"([["A@03"], ["B@05"], ["A@07"]])"));
  EXPECT_EQ(Latest(), Json::parse(R"([["A"]])"));
  const auto again = Label("A@07 B@06 A@03");
  ASSERT_THAT(again, IsOk());
  EXPECT_EQ(again->unchanged, 3);
  EXPECT_FALSE(again->commit);
}

TEST_F(LabelOrderTest, OrderInTheFileDoesNotMatter) {
  ASSERT_THAT(Label("A@02 B@01 B@03"), IsOk());
  EXPECT_EQ(Stored(), Json::parse(R"([["B@01"], ["A@02"], ["B@03"]])"));
  EXPECT_EQ(Latest(), Json::parse(R"([["B"]])"));
}

TEST_F(LabelOrderTest, WhatALabelBetweenMakesAChangeIsAddedAfterAll) {
  const auto report = Label("A@01 A@05 B@03");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->labels, 3);
  EXPECT_EQ(report->unchanged, 0);
  EXPECT_EQ(Latest(), Json::parse(R"([["A"]])"));
}

TEST_F(LabelOrderTest, OneInstantHoldsOneLabel) {
  ASSERT_THAT(Label("A@01"), IsOk());
  const auto report = Label("B@01 C@02 D@02");
  ASSERT_THAT(report, IsOk());
  EXPECT_EQ(report->labels, 1);
  EXPECT_THAT(report->reasons, ElementsAre(Pair("labelled twice at one time", 2)));
  EXPECT_EQ(Stored(), Json::parse(R"([["A@01"], ["C@02"]])"));
}

TEST_F(LabelOrderTest, AnExpressionIsOne) {
  LabelRequest request;
  request.table = "shop.reviews";
  request.expression = "'x') AS label, ('y'";
  request.author = "ana";
  EXPECT_THAT(AddLabels(pond_.session(), request, {}),
              IsError(ErrorKind::kInvalid, HasSubstr("one SQL expression")));
}

}  // namespace
}  // namespace millpond::label
