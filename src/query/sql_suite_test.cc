// Runs tests/sql/*.test, the behaviour suite of SQL; the format is described in
// tests/sql/README.md. With MILLPOND_UPDATE_GOLDEN=1 the expected results are written anew instead
// of compared.
#include <arrow/api.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "base/text.h"
#include "query/pond_testing.h"

namespace millpond::query {
namespace {

using base::Trim;

std::filesystem::path SuiteFolder() {
  auto folder = std::filesystem::current_path();
  while (!std::filesystem::exists(folder / "tests/sql") && folder.has_relative_path()) {
    folder = folder.parent_path();
  }
  return folder / "tests/sql";
}

// A block of lines between blank lines: a directive, then its text up to "----", then what is
// expected.
struct Block {
  int line = 0;
  std::vector<std::string> comments;
  std::string directive, text;
  std::optional<std::vector<std::string>> expected;
};

std::vector<Block> ReadBlocks(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::vector<Block> blocks;
  Block block;
  int number = 0;
  auto finish = [&] {
    if (!block.directive.empty() || !block.comments.empty()) blocks.push_back(block);
    block = Block();
  };
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty()) {
      finish();
    } else if (block.directive.empty() && line.starts_with('#')) {
      block.comments.push_back(line);
    } else if (block.directive.empty()) {
      block.directive = line;
      block.line = number;
    } else if (!block.expected && line == "----") {
      block.expected.emplace();
    } else if (block.expected) {
      block.expected->push_back(line);
    } else {
      block.text += (block.text.empty() ? "" : "\n") + line;
    }
  }
  finish();
  return blocks;
}

std::string Escaped(const std::string& text) {
  std::string safe;
  for (char c : text) {
    if (c == '\n') {
      safe += "\\n";
    } else if (c == '\t') {
      safe += "\\t";
    } else if (c == '\0') {
      safe += "\\0";
    } else {
      safe += c;
    }
  }
  return safe;
}

// The header (name:type) and the rows of a result, " | " between columns.
std::vector<std::string> Rendered(const arrow::Table& table) {
  std::vector<std::string> cells;
  for (const auto& field : table.schema()->fields()) {
    cells.push_back(Escaped(field->name()) + ":" + field->type()->ToString());
  }
  std::vector<std::string> lines{base::Join(cells, " | ")};
  for (int64_t row = 0; row < table.num_rows(); ++row) {
    cells.clear();
    for (const auto& column : table.columns()) {
      const auto scalar = column->GetScalar(row).ValueOrDie();
      cells.push_back(scalar->is_valid ? Escaped(scalar->ToString()) : "NULL");
    }
    lines.push_back(base::Join(cells, " | "));
  }
  return lines;
}

class SuiteRun {
 public:
  void Run(Block* block) {
    std::istringstream words(block->directive);
    std::string verb;
    words >> verb;
    rest_.clear();
    std::getline(words, rest_);
    rest_ = std::string(Trim(rest_));
    if (verb == "pond") {
      MakePond();
      return;
    }
    if (pond_ == nullptr) MakePond();
    if (verb == "append" || verb == "overwrite") {
      Check(*block, pond_->Write(rest_, block->text,
                                 verb == "append" ? TestPond::Change::kAppend
                                                  : TestPond::Change::kOverwrite));
    } else if (verb == "tag") {
      Check(*block, pond_->Tag(rest_));
    } else if (verb == "branch") {
      Check(*block, pond_->Branch(rest_));
    } else if (verb == "policy") {
      SetPolicy(*block);
    } else if (verb == "query" || verb == "scan") {
      RunQuery(block, verb == "scan");
    } else if (verb == "error") {
      RunError(block);
    } else if (verb == "files") {
      RunExplain(block);
    } else {
      ADD_FAILURE() << "line " << block->line << ": unknown directive " << verb;
    }
  }

 private:
  void MakePond() {
    session_.reset();
    pond_ = TestPond::Make().ValueOrDie();
    session_ = pond_->Open().ValueOrDie();
  }

  static void Check(const Block& block, const Status& status) {
    EXPECT_TRUE(status.ok()) << "line " << block.line << ": " << status.ToString();
  }

  // "policy shop.orders deny|open", or a text of lines "filter EXPR" and "mask COLUMN EXPR".
  void SetPolicy(const Block& block) {
    std::istringstream words(rest_);
    std::string table, kind;
    words >> table >> kind;
    ReadDecision decision;
    decision.allowed = kind != "deny";
    if (kind == "deny") decision.reason = "secret";
    std::istringstream lines(block.text);
    for (std::string line; std::getline(lines, line);) {
      std::istringstream parts(line);
      std::string what, column, expression;
      parts >> what;
      if (what == "mask") parts >> column;
      std::getline(parts, expression);
      (what == "mask" ? decision.masks[column] : decision.row_filter) = Trim(expression);
    }
    pond_->policies().decisions[table::TableName::Parse(table).ValueOrDie()] = decision;
  }

  // Options before the text: ref=R, pin=table:snapshot|none, parameters=[JSON].
  SqlOptions Options() const {
    SqlOptions options;
    std::istringstream words(rest_);
    for (std::string word; words >> word;) {
      const size_t equals = word.find('=');
      const std::string key = word.substr(0, equals);
      const std::string value = word.substr(equals + 1);
      if (key == "ref") options.ref = value;
      if (key == "none") options.pins[table::TableName::Parse(value).ValueOrDie()] = {};
      if (key == "parameters") {
        options.parameters = base::Json::parse(value).get<std::vector<base::Json>>();
      }
    }
    return options;
  }

  Result<std::shared_ptr<arrow::Table>> Collect(const std::string& text, bool scan) {
    QueryResult result;
    if (scan) {
      const base::Json json = base::Json::parse(text);
      ScanRequest request;
      ARROW_ASSIGN_OR_RAISE(const auto table, table::TableAtRef::Parse(json.value("table", "")));
      request.table = table.table;
      request.ref = table.ref;
      request.columns = json.value("columns", std::vector<std::string>());
      request.filter = json.value("filter", "");
      if (json.contains("limit")) request.limit = json["limit"].get<int64_t>();
      ARROW_ASSIGN_OR_RAISE(result, session_->Scan(request, {}));
    } else {
      ARROW_ASSIGN_OR_RAISE(result, session_->Sql(text, Options(), {}));
    }
    ARROW_ASSIGN_OR_RAISE(auto table, result.reader->ToTable());
    ARROW_RETURN_NOT_OK(table->ValidateFull());
    return table;
  }

  void RunQuery(Block* block, bool scan) {
    const auto table = Collect(block->text, scan);
    if (!table.ok()) {
      ADD_FAILURE() << "line " << block->line << ": " << table.status().ToString();
      return;
    }
    Compare(block, Rendered(**table));
  }

  // "error KIND": the message is expected below.
  void RunError(Block* block) {
    std::istringstream words(rest_);
    std::string kind;
    words >> kind;
    std::getline(words, rest_);
    const auto table = Collect(block->text, false);
    if (table.ok()) {
      ADD_FAILURE() << "line " << block->line << ": no error";
      return;
    }
    std::string message = table.status().message();
    EXPECT_EQ(base::InfoOf(base::KindOf(table.status())).name, kind)
        << "line " << block->line << ": " << message;
    for (size_t at; (at = message.find(pond_->folder())) != std::string::npos;) {
      message.replace(at, pond_->folder().size(), "POND");
    }
    static const std::regex kId("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}");
    Compare(block, base::Split(std::regex_replace(message, kId, "ID"), '\n'));
  }

  // Which files the statement reads: "table read/total" for each table.
  void RunExplain(Block* block) {
    const auto explanation = session_->Explain(block->text, Options());
    if (!explanation.ok()) {
      ADD_FAILURE() << "line " << block->line << ": " << explanation.status().ToString();
      return;
    }
    std::vector<std::string> lines;
    for (const base::Json& table : explanation->tables) {
      lines.push_back(fmt::format("{} {}/{}", table["table"].get<std::string>(),
                                  table["files_read"].get<int64_t>(),
                                  table["files_total"].get<int64_t>()));
    }
    Compare(block, lines);
  }

  static void Compare(Block* block, const std::vector<std::string>& found) {
    if (std::getenv("MILLPOND_UPDATE_GOLDEN") != nullptr) {
      block->expected = found;
      return;
    }
    EXPECT_EQ(base::Join(block->expected.value_or(std::vector<std::string>()), "\n"),
              base::Join(found, "\n"))
        << "line " << block->line;
  }

  std::unique_ptr<TestPond> pond_;
  std::shared_ptr<Session> session_;
  std::string rest_;
};

void WriteBlocks(const std::filesystem::path& path, const std::vector<Block>& blocks) {
  std::ofstream file(path);
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (i > 0) file << '\n';
    for (const std::string& comment : blocks[i].comments) file << comment << '\n';
    if (blocks[i].directive.empty()) continue;
    file << blocks[i].directive << '\n';
    if (!blocks[i].text.empty()) file << blocks[i].text << '\n';
    if (!blocks[i].expected) continue;
    file << "----\n";
    for (const std::string& line : *blocks[i].expected) file << line << '\n';
  }
}

class SqlSuite : public testing::TestWithParam<std::string> {};

TEST_P(SqlSuite, Behaves) {
  const auto path = SuiteFolder() / GetParam();
  std::vector<Block> blocks = ReadBlocks(path);
  ASSERT_FALSE(blocks.empty()) << path;
  SuiteRun run;
  for (Block& block : blocks) {
    if (!block.directive.empty()) run.Run(&block);
  }
  if (std::getenv("MILLPOND_UPDATE_GOLDEN") != nullptr) WriteBlocks(path, blocks);
}

std::vector<std::string> SuiteFiles() {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(SuiteFolder(), error)) {
    if (entry.path().extension() == ".test") files.push_back(entry.path().filename());
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(Files, SqlSuite, testing::ValuesIn(SuiteFiles()), [](const auto& file) {
  std::string name = file.param.substr(0, file.param.size() - 5);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace millpond::query
