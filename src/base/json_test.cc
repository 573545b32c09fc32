// Units of base/json.h.
#include "base/json.h"

#include <cmath>

#include "base/error_matchers.h"

namespace millpond::base {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ParseJsonTest, BuildsEveryKindOfValue) {
  Json value =
      ParseJson(R"({"a": [1, -2, 2.5, true, null, "\u00e9\ud83d\ude00"], "b": {}, "c": []})", "t")
          .ValueOrDie();
  EXPECT_EQ(value["a"], Json::array({1, -2, 2.5, true, nullptr, "é😀"}));
  EXPECT_TRUE(value["b"].is_object());
  EXPECT_TRUE(value["c"].is_array());
  EXPECT_EQ(ParseJson("18446744073709551615", "t").ValueOrDie(), UINT64_MAX);
  EXPECT_EQ(ParseJson(" \"x\" ", "t").ValueOrDie(), "x");
}

TEST(ParseJsonTest, NestedContainersKeepTheirPlaces) {
  Json value = ParseJson(R"([{"a":{"b":[1,{"c":2}],"d":3}},[[],[4]]])", "t").ValueOrDie();
  EXPECT_EQ(value.dump(), R"([{"a":{"b":[1,{"c":2}],"d":3}},[[],[4]]])");
}

TEST(ParseJsonTest, RefusesDuplicateKeysWithTheirPosition) {
  EXPECT_THAT(ParseJson("{\"a\": 1,\n \"a\": 2}", "x.json"),
              IsError(ErrorKind::kInvalid,
                      AllOf(HasSubstr("x.json: line 2"), HasSubstr("duplicate key 'a'"))));
  EXPECT_THAT(ParseJson(R"([{"a":{}, "a":1}])", "t"), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(ParseJson(R"([{"a":1},{"a":1}])", "t"), IsOk());
}

TEST(ParseJsonTest, RefusesWhatIsNotOneDocument) {
  for (const char* text : {"", "{", "{} {}", "[1,]", "nul", "{\"a\"}", "'a'", "NaN", "01", "1e999",
                           "\"\\x\"", "[1] x", "\"a"}) {
    EXPECT_THAT(ParseJson(text, "t"), IsError(ErrorKind::kInvalid, HasSubstr("t: line 1, column")))
        << text;
  }
  EXPECT_THAT(ParseJson("\"\xff\"", "t"), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(ParseJson(std::string_view("[1]\0", 4), "t"), IsError(ErrorKind::kInvalid));
  EXPECT_THAT(ParseJson("{\n\n  \"a\": oops}", "t"),
              IsError(ErrorKind::kInvalid, HasSubstr("line 3, column")));
}

TEST(ParseJsonTest, LimitsDepth) {
  auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_THAT(ParseJson(nested(512), "t"), IsOk());
  EXPECT_THAT(ParseJson(nested(513), "t"), IsError(ErrorKind::kInvalid, HasSubstr("nested")));
  EXPECT_THAT(ParseJson(std::string(1'000'000, '['), "t"), IsError(ErrorKind::kInvalid));
}

TEST(CanonicalJsonTest, SameValueSameBytes) {
  EXPECT_EQ(CanonicalJson(ParseJson(R"({"b": 1, "a": [1.0, 2e0] })", "t").ValueOrDie()),
            R"({"a":[1.0,2.0],"b":1})");
  EXPECT_EQ(CanonicalJson(Json(0.1)), "0.1");
  EXPECT_EQ(CanonicalJson(Json("\xff")), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(CanonicalJson(Json(std::nan(""))), "null");
}

TEST(JsonAccessTest, NamesTheKeyAndTheOrigin) {
  Json object = {{"n", 7},       {"s", "x"},          {"a", {1}}, {"o", Json::object()},
                 {"z", nullptr}, {"huge", UINT64_MAX}};
  EXPECT_EQ(GetInt(object, "n", "t").ValueOrDie(), 7);
  EXPECT_EQ(GetString(object, "s", "t").ValueOrDie(), "x");
  EXPECT_EQ(GetArray(object, "a", "t").ValueOrDie()->size(), 1u);
  EXPECT_TRUE(GetObject(object, "o", "t").ValueOrDie()->empty());
  EXPECT_THAT(
      GetInt(object, "s", "m.json"),
      IsError(ErrorKind::kCorrupt, HasSubstr("m.json: 's' is string; expected an integer")));
  EXPECT_THAT(GetInt(object, "huge", "t"), IsError(ErrorKind::kCorrupt));
  EXPECT_THAT(GetString(object, "gone", "t"),
              IsError(ErrorKind::kCorrupt, HasSubstr("'gone' is missing")));
  EXPECT_THAT(GetArray(object, "o", "t"), IsError(ErrorKind::kCorrupt));
  EXPECT_THAT(GetObject(object, "a", "t"), IsError(ErrorKind::kCorrupt));
  EXPECT_THAT(GetInt(Json(3), "n", "t"), IsError(ErrorKind::kCorrupt));
}

TEST(JsonAccessTest, FindTakesMissingAndNullAsAbsent) {
  Json object = {{"n", 7}, {"s", "x"}, {"z", nullptr}};
  EXPECT_EQ(FindInt(object, "n", "t").ValueOrDie(), 7);
  EXPECT_EQ(FindInt(object, "z", "t").ValueOrDie(), std::nullopt);
  EXPECT_EQ(FindInt(object, "gone", "t").ValueOrDie(), std::nullopt);
  EXPECT_EQ(FindString(object, "s", "t").ValueOrDie(), "x");
  EXPECT_EQ(FindString(object, "z", "t").ValueOrDie(), std::nullopt);
  EXPECT_THAT(FindString(object, "n", "t"), IsError(ErrorKind::kCorrupt));
  EXPECT_THAT(FindInt(object, "s", "t"), IsError(ErrorKind::kCorrupt));
}

}  // namespace
}  // namespace millpond::base
