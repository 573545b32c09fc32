// Catalogs of views: made once for the same views, gone when nobody holds them, and never half
// made.
#include "query/view_catalogs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error_matchers.h"

namespace millpond::query {
namespace {

using base::ErrorKind;
using base::IsError;

class ViewCatalogsTest : public testing::Test {
 protected:
  static std::vector<View> Numbered(int number) {
    return {{"main", "orders", "SELECT " + std::to_string(number) + " AS x"}};
  }

  std::string Attached() {
    return connection_
        ->QueryText("SELECT count(*)::VARCHAR FROM duckdb_databases() WHERE database_name LIKE '" +
                        std::string(kQueryCatalogPrefix) + "%'",
                    {})
        .ValueOrDie();
  }

  std::shared_ptr<Engine> engine_ = Engine::Open({}).ValueOrDie();
  std::unique_ptr<Connection> connection_ = engine_->Connect().ValueOrDie();
  ViewCatalogs catalogs_{engine_};
};

TEST_F(ViewCatalogsTest, TheSameViewsAreMadeOnce) {
  const std::vector<View> views{{"main", "orders", "SELECT 1 AS x"},
                                {"shop", "items", "SELECT 2 AS x"},
                                {"shop", "items@v1", "SELECT 3 AS x"}};
  const auto first = catalogs_.Take(views);
  ASSERT_TRUE(first->Open(*connection_).ok());
  const auto again = catalogs_.Take(views);
  EXPECT_EQ(again, first);
  ASSERT_TRUE(again->Open(*connection_).ok());
  EXPECT_EQ(Attached(), "1");
  const std::string at = "\"" + first->name() + "\".";
  EXPECT_EQ(connection_
                ->QueryText("SELECT (a.x + b.x + c.x)::VARCHAR FROM " + at + "main.orders a, " +
                                at + "shop.items b, " + at + "shop.\"items@v1\" c",
                            {})
                .ValueOrDie(),
            "6");
}

TEST_F(ViewCatalogsTest, OtherViewsAreOtherCatalogs) {
  const auto one = catalogs_.Take(Numbered(1));
  const auto two = catalogs_.Take(Numbered(2));
  EXPECT_NE(one->name(), two->name());
  EXPECT_NE(catalogs_.Take({{"other", "orders", "SELECT 1 AS x"}}), one);
}

TEST_F(ViewCatalogsTest, WhatIsMadeForOneQueryIsNotShared) {
  const auto kept = catalogs_.Take(Numbered(1));
  auto own = catalogs_.Make(Numbered(1));
  EXPECT_NE(own->name(), kept->name());
  ASSERT_TRUE(own->Open(*connection_).ok());
  EXPECT_EQ(catalogs_.Take(Numbered(1)), kept);
  EXPECT_EQ(Attached(), "1");
  own.reset();
  EXPECT_EQ(Attached(), "0");
}

TEST_F(ViewCatalogsTest, TheLatestStayAndThoseInUse) {
  const auto held = catalogs_.Take(Numbered(0));
  ASSERT_TRUE(held->Open(*connection_).ok());
  for (int i = 1; i <= 100; ++i) ASSERT_TRUE(catalogs_.Take(Numbered(i))->Open(*connection_).ok());
  EXPECT_EQ(Attached(), "33");  // 32 and the one in use.
  EXPECT_EQ(
      connection_->QueryText("SELECT x::VARCHAR FROM \"" + held->name() + "\".main.orders", {})
          .ValueOrDie(),
      "0");
  EXPECT_NE(catalogs_.Take(Numbered(0)), held);
}

TEST_F(ViewCatalogsTest, AFailureLeavesNothingBehind) {
  const auto catalog =
      catalogs_.Take({{"main", "good", "SELECT 1 AS x"}, {"main", "bad", "SELECT y"}});
  EXPECT_THAT(catalog->Open(*connection_), IsError(ErrorKind::kInvalid));
  EXPECT_EQ(Attached(), "0");
  EXPECT_THAT(catalog->Open(*connection_), IsError(ErrorKind::kInvalid));
}

}  // namespace
}  // namespace millpond::query
