// PlanColumnar: Parquet and Arrow IPC files as one stream. Schemas are normalised and merged from
// the files' own; batches are normalised, put into the stream's order of columns, and widened where
// another file has the wider type.
#include <arrow/array/util.h>
#include <arrow/compute/api.h>
#include <arrow/compute/initialize.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "source/column_names.h"
#include "source/columnar_file.h"
#include "source/normalise.h"
#include "source/stream_plan.h"
#include "source/type_name.h"

namespace millpond::source {
namespace {

using base::Invalid;
using base::Json;
using TypePtr = std::shared_ptr<arrow::DataType>;

/// How one file's columns become the stream's.
struct FilePlan {
  InputFile input;
  std::vector<int> position;    ///< For each column of the stream: its position in the file, or -1.
  std::vector<TypePtr> normal;  ///< For each column of the file: its normalised type.
};

/// The type that holds both, or null.
TypePtr Wider(const TypePtr& a, const TypePtr& b) {
  if (a->Equals(*b)) return a;
  const auto rank = [](const arrow::DataType& type) {
    switch (type.id()) {
      case arrow::Type::INT32:
        return 1;
      case arrow::Type::INT64:
        return 2;
      case arrow::Type::FLOAT:
        return 3;
      case arrow::Type::DOUBLE:
        return 4;
      default:
        return 0;
    }
  };
  const int ra = rank(*a), rb = rank(*b);
  if (ra == 0 || rb == 0) return nullptr;
  // A float does not hold every whole number, a double most.
  if (std::min(ra, rb) <= 2 && std::max(ra, rb) >= 3) return arrow::float64();
  return ra > rb ? a : b;
}

Result<std::unique_ptr<ColumnarFile>> OpenFile(FileFormat format, const InputFile& file,
                                               const base::Context& context) {
  return format == FileFormat::kParquet ? OpenParquet(file, context) : OpenArrow(file);
}

class ColumnarReader : public BatchReader {
 public:
  ColumnarReader(FileFormat format, const std::vector<FilePlan>& files,
                 std::shared_ptr<arrow::Schema> schema, NormaliseOptions options,
                 const base::Context& context)
      : format_(format),
        files_(files),
        schema_(std::move(schema)),
        options_(options),
        context_(context) {
    for (const FilePlan& file : files_) total_ += file.input.size;
  }

  Result<std::shared_ptr<arrow::RecordBatch>> Next() override {
    while (true) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      if (!open_) {
        if (at_ == files_.size()) return nullptr;
        ARROW_ASSIGN_OR_RAISE(open_, OpenFile(format_, files_[at_].input, context_));
      }
      ARROW_ASSIGN_OR_RAISE(auto batch, open_->Next());
      const InputFile& input = files_[at_].input;
      context_.Report({"read " + input.shown, done_ + (batch ? open_->position() : input.size),
                       total_, "bytes"});
      if (batch) return Adapt(batch);
      open_.reset();
      done_ += input.size;
      ++at_;
    }
  }

  std::vector<Reject> TakeRejects() override { return {}; }

 private:
  Result<std::shared_ptr<arrow::RecordBatch>> Adapt(
      const std::shared_ptr<arrow::RecordBatch>& batch) const {
    const FilePlan& file = files_[at_];
    arrow::ArrayVector arrays;
    for (int c = 0; c < schema_->num_fields(); ++c) {
      const auto& field = schema_->field(c);
      const int position = file.position[static_cast<size_t>(c)];
      if (position < 0) {
        ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(field->type(), batch->num_rows()));
        arrays.push_back(std::move(nulls));
        continue;
      }
      auto normal =
          NormaliseArray(batch->column(position), file.normal[static_cast<size_t>(position)],
                         field->name(), options_);
      if (!normal.ok()) return base::WithContext(file.input.shown, normal.status());
      if (!(*normal)->type()->Equals(*field->type())) {
        auto cast = arrow::compute::Cast(**normal, field->type());
        if (!cast.ok())
          return Invalid("{}: column '{}' does not fit {}: {}", file.input.shown, field->name(),
                         TypeName(*field->type()), cast.status().message());
        normal = std::move(cast);
      }
      arrays.push_back(std::move(normal).MoveValueUnsafe());
    }
    return arrow::RecordBatch::Make(schema_, batch->num_rows(), std::move(arrays));
  }

  const FileFormat format_;
  const std::vector<FilePlan>& files_;
  const std::shared_ptr<arrow::Schema> schema_;
  const NormaliseOptions options_;
  const base::Context context_;
  std::unique_ptr<ColumnarFile> open_;
  size_t at_ = 0;
  int64_t done_ = 0, total_ = 0;
};

class ColumnarPlan : public StreamPlan {
 public:
  const std::shared_ptr<arrow::Schema>& schema() const override { return schema_; }
  const Json& report() const override { return report_; }

  Result<std::unique_ptr<BatchReader>> Open(const base::Context& context) const override {
    return std::make_unique<ColumnarReader>(format_, files_, schema_, normalise_, context);
  }

  Status Make(const PlanInput& input, const base::Context& context) {
    const FileOptions& options = *input.options;
    normalise_ = {options.truncate_ns, options.time_as_string};
    format_ = input.format;
    std::vector<std::vector<std::string>> names;
    for (const InputFile& file : input.files) {
      ARROW_RETURN_NOT_OK(context.CheckStop());
      ARROW_ASSIGN_OR_RAISE(auto file_names, Look(file, options, context));
      names.push_back(std::move(file_names));
    }
    ARROW_RETURN_NOT_OK(Finish(names, options));
    report_ = {{"format", FormatName(format_)},
               {"files", files_.size()},
               {"columns", column_report_},
               {"warnings", warnings_}};
    return Status::OK();
  }

 private:
  struct Column {
    std::string name;
    TypePtr type;
    std::string file;   ///< The first that has it.
    std::string found;  ///< The type there as it was found.
  };

  /// Opens a file for its schema, merges it; returns the cleaned names of its columns.
  Result<std::vector<std::string>> Look(const InputFile& file, const FileOptions& options,
                                        const base::Context& context) {
    ARROW_ASSIGN_OR_RAISE(auto opened, OpenFile(format_, file, context));
    const auto& fields = opened->schema()->fields();
    if (fields.empty()) return Invalid("{} has no columns", file.shown);
    std::vector<std::string> found;
    for (const auto& field : fields) found.push_back(field->name());
    ARROW_ASSIGN_OR_RAISE(CleanNames clean,
                          CleanColumnNames(found, options.common.strict, file.shown));
    FollowTable(options.common.expected_schema.get(), &clean.names);
    warnings_.insert(warnings_.end(), clean.warnings.begin(), clean.warnings.end());
    FilePlan plan{file, {}, {}};
    for (size_t i = 0; i < fields.size(); ++i) {
      std::vector<std::string> notes;
      auto normal = NormaliseType(fields[i]->type(), clean.names[i], normalise_, &notes);
      if (!normal.ok()) return base::WithContext(file.shown, normal.status());
      if (files_.empty()) warnings_.insert(warnings_.end(), notes.begin(), notes.end());
      plan.normal.push_back(*normal);
      ARROW_RETURN_NOT_OK(MergeColumn(clean.names[i], *normal, *fields[i]->type(), file));
    }
    files_.push_back(std::move(plan));
    return clean.names;
  }

  Status MergeColumn(const std::string& name, const TypePtr& type, const arrow::DataType& found,
                     const InputFile& file) {
    const auto [at, added] = index_.try_emplace(base::ToLower(name), columns_.size());
    if (added) {
      columns_.push_back({name, type, file.shown, found.ToString()});
      return Status::OK();
    }
    Column& column = columns_[at->second];
    const TypePtr wider = Wider(column.type, type);
    if (!wider)
      return Invalid("column '{}' is {} in {} but {} in {}: sync them as separate tables", name,
                     TypeName(*column.type), column.file, TypeName(*type), file.shown);
    column.type = wider;
    return Status::OK();
  }

  Status Finish(const std::vector<std::vector<std::string>>& names, const FileOptions& options) {
    arrow::FieldVector fields;
    std::vector<std::string> known;
    for (Column& column : columns_) {
      known.push_back(column.name);
      ARROW_RETURN_NOT_OK(Override(options, &column));
      fields.push_back(arrow::field(column.name, column.type));
      column_report_.push_back({{"name", column.name},
                                {"type", TypeName(*column.type)},
                                {"why", fmt::format("stored as {}", column.found)}});
    }
    for (const auto& [name, type] : options.common.types)
      if (std::find(known.begin(), known.end(), name) == known.end())
        return Invalid("a type is given for column '{}', which the files do not have.{}", name,
                       base::DidYouMean(name, known));
    for (size_t f = 0; f < files_.size(); ++f) {
      std::map<std::string, int> position;
      for (size_t i = 0; i < names[f].size(); ++i)
        position[base::ToLower(names[f][i])] = static_cast<int>(i);
      for (const Column& column : columns_) {
        const auto found = position.find(base::ToLower(column.name));
        files_[f].position.push_back(found == position.end() ? -1 : found->second);
      }
    }
    schema_ = arrow::schema(std::move(fields));
    return Status::OK();
  }

  Status Override(const FileOptions& options, Column* column) const {
    TypePtr wanted;
    const auto given = options.common.types.find(column->name);
    if (given != options.common.types.end()) {
      ARROW_ASSIGN_OR_RAISE(wanted, ParseTypeName(given->second));
    } else if (options.common.expected_schema) {
      if (const auto field = options.common.expected_schema->GetFieldByName(column->name))
        wanted = field->type();
    }
    if (!wanted || wanted->Equals(*column->type)) return Status::OK();
    if (!arrow::compute::CanCast(*column->type, *wanted))
      return Invalid("column '{}' of {} is {}, which cannot become {}", column->name, column->file,
                     TypeName(*column->type), TypeName(*wanted));
    column->type = wanted;
    return Status::OK();
  }

  FileFormat format_ = FileFormat::kUnknown;
  NormaliseOptions normalise_;
  std::vector<FilePlan> files_;
  std::vector<Column> columns_;
  std::map<std::string, size_t> index_;
  std::vector<std::string> warnings_;
  Json column_report_ = Json::array();
  std::shared_ptr<arrow::Schema> schema_;
  Json report_;
};

}  // namespace

PlanResult PlanColumnar(const PlanInput& input, const base::Context& context) {
  ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
  auto plan = std::make_unique<ColumnarPlan>();
  ARROW_RETURN_NOT_OK(plan->Make(input, context));
  return plan;
}

}  // namespace millpond::source
