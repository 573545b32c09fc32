// Names of tables: what is accepted, where it lives, what is refused.
#include "table/table_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millpond::table {
namespace {

using base::ErrorKind;
using base::KindOf;

TEST(TableName, BareNameLivesInTheDefaultNamespace) {
  const TableName name = TableName::Parse("orders").ValueOrDie();
  EXPECT_EQ(name.space, "main");
  EXPECT_EQ(name.name, "orders");
  EXPECT_EQ(name.ToString(), "main.orders");
}

TEST(TableName, LastDotSeparates) {
  const TableName name = TableName::Parse("eu.shop.orders").ValueOrDie();
  EXPECT_EQ(name.space, "eu.shop");
  EXPECT_EQ(name.name, "orders");
}

TEST(TableName, UnicodeIsAName) {
  EXPECT_EQ(TableName::Parse("läden.Bestellungen 2026").ValueOrDie().name, "Bestellungen 2026");
}

TEST(TableName, RefusesWhatIsNoName) {
  for (std::string_view bad : {"", ".", "a.", ".a", "a..b", "a/b", "../x", " a", "a ", "_sys.t",
                               "a\nb", "x@y", "a\\b", "\"a\"", "s.\xff"}) {
    auto result = TableName::Parse(bad);
    ASSERT_FALSE(result.ok()) << bad;
    EXPECT_EQ(KindOf(result.status()), ErrorKind::kInvalid) << bad;
  }
  EXPECT_FALSE(TableName::Parse(std::string(300, 'a')).ok());
  std::string deep = "a";
  for (int i = 0; i < 200; ++i) deep += ".a";
  EXPECT_FALSE(TableName::Parse(deep).ok());
}

TEST(TableAtRef, SplitsAtTheSign) {
  const TableAtRef plain = TableAtRef::Parse("shop.orders").ValueOrDie();
  EXPECT_EQ(plain.ref, "");
  const TableAtRef tagged = TableAtRef::Parse("shop.orders@v1~2").ValueOrDie();
  EXPECT_EQ(tagged.table.ToString(), "shop.orders");
  EXPECT_EQ(tagged.ref, "v1~2");
  EXPECT_EQ(TableAtRef::Parse("t@2026-11-01T00:00:00.5").ValueOrDie().ref, "2026-11-01T00:00:00.5");
  EXPECT_FALSE(TableAtRef::Parse("t@").ok());
  EXPECT_FALSE(TableAtRef::Parse("@v1").ok());
  EXPECT_FALSE(TableAtRef::Parse("t@a@b").ok());
}

}  // namespace
}  // namespace millpond::table
