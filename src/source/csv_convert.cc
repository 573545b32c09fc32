// CsvConverter: scan, refuse ragged rows, convert column by column, then take out the rows that had
// a cell that does not fit.
#include "source/csv_convert.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/compute/api.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <mutex>

#include "base/text.h"
#include "source/text_input.h"
#include "source/type_name.h"

namespace millpond::source {
namespace {

constexpr size_t kCellInReason = 120;

/// Why a row of the piece is refused; the first column at fault.
struct Misfit {
  uint32_t row;
  int column;
};

class CsvConverter : public PieceConverter {
 public:
  CsvConverter(std::vector<CsvFile> files, std::shared_ptr<arrow::Schema> schema,
               std::vector<ColumnRules> rules)
      : files_(std::move(files)), schema_(std::move(schema)), rules_(std::move(rules)) {}

  Result<Converted> Convert(const Piece& piece) const override {
    const CsvFile& file = files_[piece.file];
    Converted out;
    if (!piece.broken.empty()) {
      out.rejects.push_back(
          {file.shown, piece.first_line, "", piece.broken, PrintableText(piece.bytes)});
      return out;
    }
    auto scratch = TakeScratch();
    ScanRows(piece.bytes, file.dialect, file.columns, file.fill, scratch.get());
    auto outcome = ConvertRows(piece, file, *scratch, &out);
    GiveScratch(std::move(scratch));
    ARROW_RETURN_NOT_OK(outcome);
    std::sort(out.rejects.begin(), out.rejects.end(),
              [](const Reject& a, const Reject& b) { return a.line < b.line; });
    return out;
  }

 private:
  Status ConvertRows(const Piece& piece, const CsvFile& file, const ScannedRows& rows,
                     Converted* out) const {
    LineFinder lines(piece, file.dialect.newline);
    for (const RaggedRow& row : rows.ragged)
      out->rejects.push_back({file.shown, lines.At(row.begin), "",
                              fmt::format("expected {} columns, found {}", file.columns, row.found),
                              Raw(rows, row.begin, row.end)});
    if (rows.rows() == 0) return Status::OK();

    const bool valid_utf8 = IsAscii(piece.bytes) || base::IsValidUtf8(piece.bytes);
    arrow::ArrayVector arrays;
    arrays.reserve(rules_.size());
    std::vector<Misfit> misfits = FindNuls(piece, rows);
    std::vector<uint32_t> bad_rows;
    for (size_t c = 0; c < rules_.size(); ++c) {
      bad_rows.clear();
      ARROW_ASSIGN_OR_RAISE(auto array, ConvertOne(rows, file, c, valid_utf8, &bad_rows));
      arrays.push_back(std::move(array));
      for (uint32_t row : bad_rows) misfits.push_back({row, static_cast<int>(c)});
    }
    const auto count = static_cast<int64_t>(rows.rows());
    auto batch = arrow::RecordBatch::Make(schema_, count, std::move(arrays));
    if (!misfits.empty()) {
      ARROW_ASSIGN_OR_RAISE(batch, TakeOut(batch, &misfits));
      lines.Restart();
      for (const Misfit& misfit : misfits)
        out->rejects.push_back(Describe(file, rows, misfit, lines.At(rows.row_begin[misfit.row])));
    }
    out->batches.push_back(std::move(batch));
    return Status::OK();
  }

  Result<std::shared_ptr<arrow::Array>> ConvertOne(const ScannedRows& rows, const CsvFile& file,
                                                   size_t column, bool valid_utf8,
                                                   std::vector<uint32_t>* bad_rows) const {
    const int position = file.position[column];
    if (position < 0)
      return arrow::MakeArrayOfNull(rules_[column].type, static_cast<int64_t>(rows.rows()));
    CellColumn cells;
    cells.text = rows.text.data();
    cells.arena = rows.arena.data();
    cells.first = rows.fields.data() + position;
    cells.stride = rows.columns;
    cells.count = rows.rows();
    return ConvertColumn(cells, rules_[column], valid_utf8, bad_rows);
  }

  /// Rows that hold a NUL byte: no text does, so the file is damaged there.
  static std::vector<Misfit> FindNuls(const Piece& piece, const ScannedRows& rows) {
    std::vector<Misfit> misfits;
    for (size_t at = piece.bytes.find('\0'); at != std::string::npos;
         at = piece.bytes.find('\0', at + 1)) {
      const auto after = std::upper_bound(rows.row_begin.begin(), rows.row_begin.end(), at);
      if (after == rows.row_begin.begin()) continue;
      const auto row = static_cast<size_t>(after - rows.row_begin.begin()) - 1;
      if (at < rows.row_end[row]) misfits.push_back({static_cast<uint32_t>(row), -1});
    }
    return misfits;
  }

  /// The batch without the rows at fault; leaves one misfit per row, in row order.
  static Result<std::shared_ptr<arrow::RecordBatch>> TakeOut(
      const std::shared_ptr<arrow::RecordBatch>& batch, std::vector<Misfit>* misfits) {
    std::stable_sort(misfits->begin(), misfits->end(),
                     [](const Misfit& a, const Misfit& b) { return a.row < b.row; });
    misfits->erase(std::unique(misfits->begin(), misfits->end(),
                               [](const Misfit& a, const Misfit& b) { return a.row == b.row; }),
                   misfits->end());
    std::vector<bool> keep(static_cast<size_t>(batch->num_rows()), true);
    for (const Misfit& misfit : *misfits) keep[misfit.row] = false;
    arrow::BooleanBuilder builder;
    ARROW_RETURN_NOT_OK(builder.AppendValues(keep));
    ARROW_ASSIGN_OR_RAISE(auto mask, builder.Finish());
    ARROW_ASSIGN_OR_RAISE(auto kept, arrow::compute::Filter(batch, mask));
    return kept.record_batch();
  }

  Reject Describe(const CsvFile& file, const ScannedRows& rows, const Misfit& misfit,
                  int64_t line) const {
    Reject reject{file.shown, line, "", "",
                  Raw(rows, rows.row_begin[misfit.row], rows.row_end[misfit.row])};
    if (misfit.column < 0) {
      reject.reason = "holds a NUL byte";
      return reject;
    }
    const auto column = static_cast<size_t>(misfit.column);
    const auto position = static_cast<size_t>(file.position[column]);
    const std::string_view cell = rows.Value(rows.fields[misfit.row * rows.columns + position]);
    const arrow::DataType& type = *rules_[column].type;
    reject.column = schema_->field(misfit.column)->name();
    if (type.id() == arrow::Type::STRING) {
      reject.reason =
          fmt::format("not valid UTF-8: '{}'; set the encoding option if the file has another",
                      PrintableText(cell.substr(0, kCellInReason)));
    } else {
      reject.reason = fmt::format("expected {}, found '{}'", TypeName(type),
                                  PrintableText(cell.substr(0, kCellInReason)));
    }
    return reject;
  }

  static std::string Raw(const ScannedRows& rows, size_t begin, size_t end) {
    return PrintableText(rows.text.substr(begin, end - begin));
  }

  /// Physical lines of ascending offsets.
  class LineFinder {
   public:
    LineFinder(const Piece& piece, char newline) : piece_(piece), newline_(newline) { Restart(); }
    void Restart() {
      at_ = 0;
      line_ = piece_.first_line;
    }
    int64_t At(size_t offset) {
      line_ += CountByte(std::string_view(piece_.bytes).substr(at_, offset - at_), newline_);
      at_ = offset;
      return line_;
    }

   private:
    const Piece& piece_;
    const char newline_;
    size_t at_ = 0;
    int64_t line_ = 1;
  };

  // Scan results are reused, because their memory is large and a worker needs one at a time.
  std::unique_ptr<ScannedRows> TakeScratch() const {
    std::lock_guard lock(mutex_);
    if (scratch_.empty()) return std::make_unique<ScannedRows>();
    auto scratch = std::move(scratch_.back());
    scratch_.pop_back();
    return scratch;
  }
  void GiveScratch(std::unique_ptr<ScannedRows> scratch) const {
    std::lock_guard lock(mutex_);
    scratch_.push_back(std::move(scratch));
  }

  const std::vector<CsvFile> files_;
  const std::shared_ptr<arrow::Schema> schema_;
  const std::vector<ColumnRules> rules_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<ScannedRows>> scratch_;
};

}  // namespace

std::unique_ptr<PieceConverter> MakeCsvConverter(std::vector<CsvFile> files,
                                                 std::shared_ptr<arrow::Schema> schema,
                                                 std::vector<ColumnRules> rules) {
  return std::make_unique<CsvConverter>(std::move(files), std::move(schema), std::move(rules));
}

}  // namespace millpond::source
