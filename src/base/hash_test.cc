// Units of base/hash.h: published vectors, because orders and splits depend on these bytes for
// ever.
#include "base/hash.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random_id.h"

namespace millpond::base {
namespace {

TEST(HashTest, Xxh3Vectors) {
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2ULL);
  EXPECT_EQ(Hash128Hex(""), "99aa06d3014798d86001c324468d497f");
  EXPECT_NE(Hash64("a"), Hash64("a", 1));
  EXPECT_NE(Hash64("a"), Hash64("b"));
}

TEST(HashTest, Sha256Vectors) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256().Update("a").Update("").Update("bc").HexDigest(), Sha256Hex("abc"));
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(HashTest, Mix64Vectors) {
  // First outputs of SplitMix64 seeded with 0 and 1234567 (Rosetta Code's reference).
  EXPECT_EQ(Mix64(0), 0xe220a8397b1dcdafULL);
  EXPECT_EQ(Mix64(1234567), 6457827717110365317ULL);
}

TEST(RandomIdTest, UuidsAreVersion7AndOrdered) {
  std::set<std::string> seen;
  std::string last;
  for (int i = 0; i < 1000; ++i) {
    std::string id = NewUuid();
    ASSERT_EQ(id.size(), 36u);
    ASSERT_EQ(id.find_first_not_of("0123456789abcdef-"), std::string::npos) << id;
    EXPECT_EQ(id[8], '-');
    EXPECT_EQ(id[14], '7');
    EXPECT_NE(std::string_view("89ab").find(id[19]), std::string_view::npos) << id;
    EXPECT_GE(id.substr(0, 13), last.substr(0, 13));
    last = id;
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(RandomIdTest, PositiveIdsDoNotRepeat) {
  std::set<int64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    int64_t id = NewPositiveId();
    EXPECT_GT(id, 0);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

}  // namespace
}  // namespace millpond::base
