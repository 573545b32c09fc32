// PlanCsv: looks into every file, merges what was seen into one schema (columns by name, types by
// merged guesses), and says how in the report. The plan then opens the parallel reader.
#include <arrow/compute/initialize.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "source/column_names.h"
#include "source/csv_convert.h"
#include "source/csv_dialect.h"
#include "source/stream_plan.h"
#include "source/text_pieces.h"
#include "source/type_name.h"
#include "source/value_guess.h"

namespace millpond::source {
namespace {

using base::Invalid;
using base::Json;

constexpr int64_t kLeastSample = 16 << 10;
constexpr int64_t kPieceBytes = 1 << 20;
constexpr int64_t kBytesPerColumn = 2 << 10;
constexpr size_t kMostWarnings = 100;
constexpr size_t kMostColumns = 100000;

/// One file after a look inside.
struct Looked {
  TextStorage storage;
  CsvShape shape;
  std::vector<std::string> names;
  std::vector<ValueGuess> guesses;
  int64_t sampled_rows = 0;
};

/// One column of the stream while files are merged.
struct Column {
  std::string name;
  ValueGuess guess;
  size_t files = 0;
};

class CsvCutter : public RowCutter {
 public:
  explicit CsvCutter(const Dialect& dialect) : dialect_(dialect) {}
  RowEnd Cut(std::string* text) override { return FindRowEnd(*text, dialect_); }

 private:
  const Dialect dialect_;
};

class CsvPlan : public StreamPlan {
 public:
  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  const Json& report() const override { return report_; }

  Result<std::unique_ptr<BatchReader>> Open(const base::Context& context) const override {
    std::vector<TextFile> texts;
    for (size_t i = 0; i < inputs_.size(); ++i) {
      const CsvShape& shape = looked_[i].shape;
      const bool later = inputs_[i].start > 0;
      texts.push_back({inputs_[i], looked_[i].storage, shape.data_offset,
                       later ? inputs_[i].start_line : shape.data_line, shape.dialect.newline});
    }
    TextPiecesOptions pieces;
    pieces.max_row_bytes = options_.max_row_bytes;
    pieces.piece_bytes =
        std::clamp(static_cast<int64_t>(rules_.size()) * kBytesPerColumn, kPieceBytes,
                   std::max(kPieceBytes, std::min<int64_t>(8 << 20, options_.max_row_bytes)));
    const auto cutters = [this](size_t file) {
      return std::make_unique<CsvCutter>(looked_[file].shape.dialect);
    };
    return ReadPieces(inputs_, MakeTextPieces(std::move(texts), cutters, pieces),
                      MakeCsvConverter(files_, schema_, rules_), options_.common.strict,
                      pieces.piece_bytes, context);
  }

  Status Make(const PlanInput& input, const base::Context& context) {
    options_ = *input.options;
    inputs_ = input.files;
    if (options_.null_values) null_markers_ = *options_.null_values;
    const auto files = static_cast<int64_t>(inputs_.size());
    const int64_t budget =
        std::clamp(options_.sample_bytes * 8 / files, kLeastSample, options_.sample_bytes);
    std::vector<InputFile> kept;
    for (const InputFile& file : inputs_) {
      ARROW_RETURN_NOT_OK(context.CheckStop());
      ARROW_ASSIGN_OR_RAISE(Looked looked, Look(file, budget));
      if (looked.shape.columns == 0) {
        if (files == 1)
          return Invalid("{} is empty: there is nothing to make columns from", file.shown);
        Warn(fmt::format("{}: empty, skipped", file.shown));
        continue;
      }
      kept.push_back(file);
      looked_.push_back(std::move(looked));
    }
    if (kept.empty())
      return Invalid("all {} files are empty: there is nothing to make columns from", files);
    inputs_ = std::move(kept);
    MergeColumns();
    ARROW_RETURN_NOT_OK(ChooseTypes());
    MapColumns();
    MakeReport();
    return Status::OK();
  }

 private:
  void Warn(std::string warning) {
    if (warnings_.size() < kMostWarnings) warnings_.push_back(std::move(warning));
  }

  Result<Looked> Look(const InputFile& file, int64_t budget) {
    Looked looked;
    ARROW_ASSIGN_OR_RAISE(TextSample sample, SampleText(file, options_, budget));
    looked.storage = sample.storage;
    looked.shape = DetectCsvShape(sample.head, sample.complete, options_);
    CsvShape& shape = looked.shape;
    if (shape.columns == 0) return looked;
    if (shape.columns > kMostColumns)
      return Invalid(
          "{} would have {} columns, at most {} are possible: is the delimiter '{}' right?",
          file.shown, shape.columns, kMostColumns, shape.dialect.delimiter);
    for (const std::string& name : shape.names)
      if (name.find('\0') != std::string::npos)
        return Invalid(
            "{} has NUL bytes in its first line: it is not a text file (or set encoding=utf-16le)",
            file.shown);
    ARROW_ASSIGN_OR_RAISE(CleanNames clean, CleanNamesOf(shape, file));
    looked.names = std::move(clean.names);
    FollowTable(options_.common.expected_schema.get(), &looked.names);
    for (std::string& warning : clean.warnings) Warn(std::move(warning));
    for (const std::string& warning : shape.warnings) Warn(file.shown + ": " + warning);
    looked.guesses.resize(shape.columns);
    const auto from = std::min(sample.head.size(), shape.data_offset);
    Sample(std::string_view(sample.head).substr(from), sample.complete, false, &looked);
    for (const std::string& other : sample.others) Sample(other, false, true, &looked);
    return looked;
  }

  Result<CleanNames> CleanNamesOf(const CsvShape& shape, const InputFile& file) const {
    if (shape.header || !options_.names.empty())
      return CleanColumnNames(shape.names, options_.common.strict, file.shown);
    CleanNames clean;
    for (size_t i = 0; i < shape.columns; ++i)
      clean.names.push_back(fmt::format("column_{}", i + 1));
    return clean;
  }

  /// Adds the values of a part of the file; `inside`: the part begins somewhere inside a row.
  void Sample(std::string_view text, bool complete, bool inside, Looked* looked) const {
    const CsvShape& shape = looked->shape;
    if (inside) {
      const size_t line = text.find(shape.dialect.newline);
      text = line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
    }
    if (!complete) text = text.substr(0, FindRowEnd(text, shape.dialect).complete);
    ScannedRows rows;
    ScanRows(text, shape.dialect, shape.columns, shape.fill, &rows);
    // A part that began inside a quoted value splits wrongly: it shows by its ragged rows.
    if (inside && rows.ragged.size() * 4 > rows.rows()) return;
    for (size_t row = 0; row < rows.rows(); ++row) {
      for (size_t c = 0; c < shape.columns; ++c) {
        const Field& field = rows.fields[row * shape.columns + c];
        looked->guesses[c].Add(rows.Value(field), field.quoted, null_markers_,
                               options_.decimal_point);
      }
    }
    looked->sampled_rows += static_cast<int64_t>(rows.rows());
  }

  void MergeColumns() {
    std::map<std::string, size_t> index;
    for (const Looked& looked : looked_) {
      for (size_t c = 0; c < looked.names.size(); ++c) {
        const auto [at, added] = index.try_emplace(base::ToLower(looked.names[c]), columns_.size());
        if (added) columns_.push_back({looked.names[c], {}, 0});
        Column& column = columns_[at->second];
        column.guess.Merge(looked.guesses[c]);
        ++column.files;
      }
    }
    for (const Column& column : columns_)
      if (column.files < looked_.size())
        Warn(fmt::format("column '{}' is in {} of {} files: null in the others", column.name,
                         column.files, looked_.size()));
  }

  Status ChooseTypes() {
    std::vector<std::string> names;
    for (const Column& column : columns_) names.push_back(column.name);
    for (const auto& [name, type] : options_.common.types)
      if (std::find(names.begin(), names.end(), name) == names.end())
        return Invalid(
            "a type is given for column '{}', which the files do not have.{} Columns: {}", name,
            base::DidYouMean(name, names), base::Join(names, ", ").substr(0, 2000));
    arrow::FieldVector fields;
    for (const Column& column : columns_) {
      GuessedType guess = column.guess.Resolve(options_.type_tolerance);
      ARROW_RETURN_NOT_OK(OverrideType(column.name, &guess));
      ARROW_RETURN_NOT_OK(CheckTextType(*guess.type, column.name));
      ColumnRules rules;
      rules.type = guess.type;
      rules.null_markers = null_markers_;
      if (!guess.extra_null_marker.empty()) rules.null_markers.push_back(guess.extra_null_marker);
      rules.string_markers = options_.null_values.has_value();
      rules.trim = options_.trim;
      rules.decimal_point = options_.decimal_point;
      fields.push_back(arrow::field(column.name, guess.type));
      Json line = {{"name", column.name},
                   {"type", TypeName(*guess.type)},
                   {"why", guess.why},
                   {"samples", column.guess.samples()},
                   {"sampled_nulls", column.guess.nulls()}};
      column_report_.push_back(std::move(line));
      rules_.push_back(std::move(rules));
    }
    schema_ = arrow::schema(std::move(fields));
    return Status::OK();
  }

  /// The caller's type wins over the table's, which wins over the guess.
  Status OverrideType(const std::string& name, GuessedType* guess) const {
    const auto given = options_.common.types.find(name);
    if (given != options_.common.types.end()) {
      ARROW_ASSIGN_OR_RAISE(guess->type, ParseTypeName(given->second));
      guess->why = "given by the caller";
      return Status::OK();
    }
    const auto& expected = options_.common.expected_schema;
    if (!expected) return Status::OK();
    if (const auto field = expected->GetFieldByName(name)) {
      guess->type = field->type();
      guess->why = "type of the table's column";
    }
    return Status::OK();
  }

  void MapColumns() {
    for (size_t i = 0; i < looked_.size(); ++i) {
      CsvFile file;
      file.shown = inputs_[i].shown;
      file.dialect = looked_[i].shape.dialect;
      file.columns = looked_[i].shape.columns;
      file.fill = looked_[i].shape.fill;
      std::map<std::string, int> position;
      for (size_t c = 0; c < looked_[i].names.size(); ++c)
        position[base::ToLower(looked_[i].names[c])] = static_cast<int>(c);
      for (const Column& column : columns_) {
        const auto found = position.find(base::ToLower(column.name));
        file.position.push_back(found == position.end() ? -1 : found->second);
      }
      files_.push_back(std::move(file));
    }
  }

  static std::string ShowChar(char c) {
    if (c == 0) return "none";
    if (c == '\t') return "tab";
    return std::string(1, c);
  }

  void MakeReport() {
    const Looked& first = looked_.front();
    const Dialect& dialect = first.shape.dialect;
    int64_t sampled = 0;
    for (const Looked& looked : looked_) {
      sampled += looked.sampled_rows;
      const Dialect& other = looked.shape.dialect;
      if (other.delimiter != dialect.delimiter ||
          looked.storage.encoding != first.storage.encoding ||
          looked.shape.header != first.shape.header)
        Warn(fmt::format(
            "{}: another dialect or encoding than the first file; each is read by its own",
            inputs_[static_cast<size_t>(&looked - looked_.data())].shown));
    }
    report_ = {{"format", "csv"},
               {"files", inputs_.size()},
               {"compression", CompressionName(first.storage.compression)},
               {"encoding", first.storage.encoding},
               {"encoding_why", first.storage.why},
               {"dialect",
                {{"delimiter", ShowChar(dialect.delimiter)},
                 {"quote", ShowChar(dialect.quote)},
                 {"escape", dialect.escape != 0 ? ShowChar(dialect.escape) : "doubled quote"},
                 {"header", first.shape.header},
                 {"header_why", first.shape.header_why},
                 {"line_end", dialect.newline == '\r' ? "cr" : "lf or crlf"},
                 {"first_data_line", first.shape.data_line}}},
               {"sampled_rows", sampled},
               {"columns", column_report_},
               {"warnings", warnings_}};
  }

  FileOptions options_;
  std::vector<InputFile> inputs_;
  std::vector<std::string> null_markers_ = DefaultNullMarkers();
  std::vector<Looked> looked_;
  std::vector<Column> columns_;
  std::vector<ColumnRules> rules_;
  std::vector<CsvFile> files_;
  std::vector<std::string> warnings_;
  Json column_report_ = Json::array();
  std::shared_ptr<arrow::Schema> schema_;
  Json report_;
};

}  // namespace

PlanResult PlanCsv(const PlanInput& input, const base::Context& context) {
  ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
  auto plan = std::make_unique<CsvPlan>();
  ARROW_RETURN_NOT_OK(plan->Make(input, context));
  return plan;
}

}  // namespace millpond::source
