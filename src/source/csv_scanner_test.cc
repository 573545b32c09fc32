// The CSV scanner against a slow obvious one, on random text of the characters that matter; and the
// agreement of cutting and scanning.
#include "source/csv_scanner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace millpond::source {
namespace {

using ::testing::ElementsAre;
using Rows = std::vector<std::vector<std::string>>;

/// One character at a time, nothing clever.
Rows SlowScan(std::string_view text, const Dialect& d) {
  Rows rows;
  std::vector<std::string> row;
  std::string field, raw;
  bool quoted = false, inside = false;
  const auto end_field = [&] {
    row.push_back(field);
    field.clear();
    raw.clear();
    quoted = inside = false;
  };
  const auto end_row = [&] {
    if (d.newline == '\n' && !inside && !raw.empty() && raw.back() == '\r') field.pop_back();
    end_field();
    rows.push_back(row);
    row.clear();
  };
  bool pending = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    pending = true;
    if (inside) {
      raw += c;
      if (d.escape && c == d.escape && i + 1 < text.size()) {
        field += text[++i];
        raw += text[i];
      } else if (c == d.quote && i + 1 < text.size() && text[i + 1] == d.quote) {
        field += c;
        ++i;
      } else if (c == d.quote) {
        inside = false;
        raw.clear();
      } else {
        field += c;
      }
    } else if (c == d.newline) {
      end_row();
      pending = false;
    } else if (c == d.delimiter) {
      end_field();
    } else if (d.quote && c == d.quote && !quoted &&
               (field.empty() ||
                (d.skip_space && field.find_first_not_of(' ') == std::string::npos))) {
      quoted = inside = true;
      field.clear();
    } else {
      field += c;
      raw += c;
    }
  }
  if (pending) end_row();
  return rows;
}

std::string RandomText(std::mt19937* random, size_t size) {
  static constexpr std::string_view kAlphabet = "ab,,,\"\"\"\n\n\r\\ 1";
  std::string text;
  for (size_t i = 0; i < size; ++i) text += kAlphabet[(*random)() % kAlphabet.size()];
  return text;
}

std::vector<Dialect> Dialects() {
  return {Dialect{}, Dialect{',', '"', '\\', '\n', false}, Dialect{',', '"', 0, '\n', true},
          Dialect{',', 0, 0, '\n', false}, Dialect{',', '"', 0, '\r', false}};
}

TEST(CsvScanner, AgreesWithTheSlowScanner) {
  std::mt19937 random(7);
  for (const Dialect& dialect : Dialects()) {
    for (int round = 0; round < 3000; ++round) {
      const std::string text = RandomText(&random, random() % 200);
      ASSERT_EQ(ScanLoose(text, dialect, 1000000).rows, SlowScan(text, dialect))
          << testing::PrintToString(text) << " escape " << int{dialect.escape} << " space "
          << dialect.skip_space;
    }
  }
}

TEST(CsvScanner, CutAtRowEndsScansTheSame) {
  std::mt19937 random(11);
  for (const Dialect& dialect : Dialects()) {
    for (int round = 0; round < 2000; ++round) {
      const std::string text = RandomText(&random, random() % 300);
      const Rows whole = ScanLoose(text, dialect, 1000000).rows;
      Rows parts;
      std::string_view rest = text;
      while (!rest.empty()) {
        // What a reader sees is the text up to some block end; it cuts there.
        const std::string_view block = rest.substr(0, 1 + random() % rest.size());
        size_t take = FindRowEnd(block, dialect).complete;
        if (block.size() < rest.size() && take == 0) continue;
        // A doubled quote cut in two would look closed, so the reader's block ends count only at
        // complete rows.
        if (take == 0) take = rest.size();
        for (auto& row : ScanLoose(rest.substr(0, take), dialect, 1000000).rows)
          parts.push_back(std::move(row));
        rest.remove_prefix(take);
      }
      ASSERT_EQ(parts, whole) << testing::PrintToString(text);
    }
  }
}

TEST(CsvScanner, FixedRowsKeepTheGoodAndTellTheRagged) {
  ScannedRows rows;
  ScanRows("1,2\r\n3\n\n4,5,\n6,7,8\n   \n\"9\",\"a\"\"b\"", Dialect{}, 2, false, &rows);
  ASSERT_EQ(rows.rows(), 3u);
  EXPECT_EQ(rows.Value(rows.fields[1]), "2");
  EXPECT_EQ(rows.Value(rows.fields[3]), "5");
  EXPECT_EQ(rows.Value(rows.fields[5]), "a\"b");
  EXPECT_TRUE(rows.fields[4].quoted);
  ASSERT_EQ(rows.ragged.size(), 2u);
  EXPECT_EQ(rows.ragged[0].found, 1u);
  EXPECT_EQ(rows.ragged[1].found, 3u);
  EXPECT_EQ(rows.text.substr(rows.ragged[1].begin, rows.ragged[1].end - rows.ragged[1].begin),
            "6,7,8");
}

TEST(CsvScanner, OneColumnKeepsBlankLines) {
  ScannedRows rows;
  ScanRows("a\n\nb\n", Dialect{}, 1, false, &rows);
  EXPECT_EQ(rows.rows(), 3u);
}

TEST(CsvScanner, RowEndsKnowOpenQuotes) {
  EXPECT_EQ(FindRowEnd("a,b\n\"x\ny", Dialect{}).complete, 4u);
  EXPECT_TRUE(FindRowEnd("a,b\n\"x\ny", Dialect{}).open_quote);
  EXPECT_EQ(FindRowEnd("a,b\n5\" x\ny", Dialect{}).complete, 9u);
  EXPECT_EQ(FindRowEnd("no end", Dialect{}).complete, 0u);
}

TEST(CsvScanner, CountsAndAsciiOverBlockEdges) {
  for (size_t size : {0, 1, 63, 64, 65, 200}) {
    std::string text(size, 'x');
    EXPECT_TRUE(IsAscii(text));
    EXPECT_EQ(CountByte(text, 'x'), static_cast<int64_t>(size));
    if (size == 0) continue;
    text.back() = '\xC3';
    EXPECT_FALSE(IsAscii(text));
    EXPECT_EQ(CountByte(text, 'x'), static_cast<int64_t>(size) - 1);
  }
}

}  // namespace
}  // namespace millpond::source
