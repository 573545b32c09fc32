// Units of base/text.h.
#include "base/text.h"

#include "base/error_matchers.h"

namespace millpond::base {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Utf8Test, AcceptsAndRefusesTheEdges) {
  for (std::string_view text :
       {"", "plain", "é", "\u07FF", "\u0800", "\uFFFF", "😀", "\U0010FFFF"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
  for (std::string_view text : {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xE0\x9F\xBF",
                                "\xED\xA0\x80", "\xE2\x82", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80",
                                "\xF5\x80\x80\x80", "\xFF", "a\xC3(", "\xF0\x9F\x98"}) {
    EXPECT_FALSE(IsValidUtf8(text)) << text.size();
  }
}

// Whole words of ASCII are skipped: what stands at every place of a word is still looked at.
TEST(Utf8Test, FindsABadByteAtAnyPlace) {
  for (size_t at = 0; at < 40; ++at) {
    std::string text(40, 'x');
    text[at] = '\xFF';
    EXPECT_FALSE(IsValidUtf8(text)) << at;
    text.replace(at, 1, "é");
    EXPECT_TRUE(IsValidUtf8(text)) << at;
    EXPECT_FALSE(IsValidUtf8(text.substr(0, at + 1))) << at;
  }
}

TEST(NearestTest, FindsTyposButNotStrangers) {
  const std::vector<std::string> words = {"commit", "config", "check", "clean"};
  EXPECT_EQ(Nearest("comit", words), "commit");
  EXPECT_EQ(Nearest("commti", words), "commit");
  EXPECT_EQ(Nearest("CONFIG", words), "config");
  EXPECT_EQ(Nearest("freeze", words), "");
  EXPECT_EQ(Nearest("", words), "");
  EXPECT_EQ(Nearest("ab", std::vector<std::string>{"ac"}), "");
  EXPECT_EQ(Nearest("x", std::vector<std::string>{}), "");
  EXPECT_EQ(DidYouMean("chek", words), " Did you mean 'check'?");
  EXPECT_EQ(DidYouMean("zzz", words), "");
}

TEST(CheckNameTest, AcceptsUnicodeAndInnerSpaces) {
  for (std::string_view name : {"orders", "größe", "注文", "a b", "v-1_2", "SELECT"}) {
    EXPECT_THAT(CheckName(name, "table name"), IsOk()) << name;
  }
  EXPECT_THAT(CheckName(std::string(255, 'x'), "tag"), IsOk());
}

TEST(CheckNameTest, RefusesWithReason) {
  EXPECT_THAT(CheckName("", "tag"), IsError(ErrorKind::kInvalid, HasSubstr("tag is empty")));
  EXPECT_THAT(CheckName(std::string(256, 'x'), "tag"),
              IsError(ErrorKind::kInvalid, HasSubstr("256 bytes")));
  EXPECT_THAT(CheckName("a\xff", "tag"), IsError(ErrorKind::kInvalid, HasSubstr("UTF-8")));
  EXPECT_THAT(CheckName("a\nb", "tag"), IsError(ErrorKind::kInvalid, HasSubstr("0x0a")));
  EXPECT_THAT(CheckName(std::string_view("a\0b", 3), "tag"), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(CheckName(" a", "tag"), IsError(ErrorKind::kInvalid, HasSubstr("white space")));
  EXPECT_THAT(CheckName("a ", "tag"), IsError(ErrorKind::kInvalid));
  for (char c : std::string_view("@./\\\"'")) {
    EXPECT_THAT(CheckName(std::string("a") + c, "tag"), IsError(ErrorKind::kInvalid)) << c;
  }
}

TEST(QuoteTest, DoublesTheQuote) {
  EXPECT_EQ(QuoteIdentifier(R"(a"b)"), R"("a""b")");
  EXPECT_EQ(QuoteIdentifier(""), R"("")");
  EXPECT_EQ(QuoteLiteral("it's"), "'it''s'");
}

TEST(SplitJoinTest, AreInverse) {
  EXPECT_THAT(Split("a,b,,c", ','), ElementsAre("a", "b", "", "c"));
  EXPECT_THAT(Split("", ','), ElementsAre(""));
  EXPECT_THAT(Split(",", ','), ElementsAre("", ""));
  EXPECT_EQ(Join(Split("a,b,,c", ','), ","), "a,b,,c");
  EXPECT_EQ(Join(std::vector<std::string>{}, ","), "");
}

TEST(TrimTest, CutsBothEnds) {
  EXPECT_EQ(Trim(" \t a b \r\n"), "a b");
  EXPECT_EQ(Trim(" \n"), "");
  EXPECT_EQ(Trim(""), "");
  EXPECT_EQ(ToLower("AbZ-É"), "abz-É");
}

}  // namespace
}  // namespace millpond::base
