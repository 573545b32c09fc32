// PlanJson: gathers the shape of all files' samples, resolves it to one schema, and opens the
// parallel reader.
#include <arrow/type.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "source/column_names.h"
#include "source/json_convert.h"
#include "source/json_shape.h"
#include "source/stream_plan.h"
#include "source/text_pieces.h"
#include "source/type_name.h"

namespace millpond::source {
namespace {

using base::Invalid;
using base::Json;

constexpr int64_t kLeastSample = 64 << 10;
constexpr size_t kMostColumns = 100000;
constexpr size_t kMostWarnings = 100;

class JsonPlan : public StreamPlan {
 public:
  const std::shared_ptr<arrow::Schema>& schema() const override { return rules_.schema; }
  const Json& report() const override { return report_; }

  Result<std::unique_ptr<BatchReader>> Open(const base::Context& context) const override {
    TextPiecesOptions pieces;
    pieces.max_row_bytes = options_.max_row_bytes;
    std::vector<std::string> shown;
    for (const InputFile& file : inputs_) shown.push_back(file.shown);
    const auto cutters = [this](size_t file) { return MakeJsonCutter(layouts_[file]); };
    return ReadPieces(inputs_, MakeTextPieces(texts_, cutters, pieces),
                      MakeJsonConverter(std::move(shown), layouts_, rules_), options_.common.strict,
                      pieces.piece_bytes, context);
  }

  Status Make(const PlanInput& input, const base::Context& context) {
    options_ = *input.options;
    rules_.ignore_unknown_keys = options_.ignore_unknown_keys;
    const auto files = static_cast<int64_t>(input.files.size());
    const int64_t budget =
        std::clamp(options_.sample_bytes * 8 / files, kLeastSample, options_.sample_bytes);
    for (const InputFile& file : input.files) {
      ARROW_RETURN_NOT_OK(context.CheckStop());
      ARROW_RETURN_NOT_OK(Look(file, budget, files == 1));
    }
    if (inputs_.empty())
      return Invalid("all {} files are empty: there is nothing to make columns from", files);
    if (shape_.objects() == 0)
      return Invalid(
          "{}: no JSON object found in the sample; a row must be an object, one per line or in an "
          "array",
          inputs_[0].shown);
    if (shape_.keys().empty())
      return Invalid("{}: the objects have no keys: there are no columns", inputs_[0].shown);
    if (shape_.keys().size() > kMostColumns)
      return Invalid("{}: {} different keys, at most {} columns are possible", inputs_[0].shown,
                     shape_.keys().size(), kMostColumns);
    ARROW_RETURN_NOT_OK(ChooseColumns());
    MakeReport();
    return Status::OK();
  }

 private:
  void Warn(std::string warning) {
    if (warnings_.size() < kMostWarnings) warnings_.push_back(std::move(warning));
  }

  Status Look(const InputFile& file, int64_t budget, bool only) {
    ARROW_ASSIGN_OR_RAISE(TextSample sample, SampleText(file, options_, budget));
    if (sample.head.find_first_not_of(" \t\r\n") == std::string::npos && sample.complete) {
      if (only) return Invalid("{} is empty: there is nothing to make columns from", file.shown);
      Warn(fmt::format("{}: empty, skipped", file.shown));
      return Status::OK();
    }
    const JsonLayout layout = DetectJsonLayout(sample.head, sample.complete);
    AddSample(sample.head, layout, sample.complete);
    for (std::string& other : sample.others) {
      if (layout != JsonLayout::kLines)
        break;  // Where a value begins cannot be told in the middle of nested text.
      const size_t line = other.find('\n');
      if (line != std::string::npos) AddSample(other.substr(line + 1), layout, false);
    }
    inputs_.push_back(file);
    layouts_.push_back(layout);
    texts_.push_back({file, sample.storage, 0, file.start > 0 ? file.start_line : 1, '\n'});
    return Status::OK();
  }

  void AddSample(std::string text, JsonLayout layout, bool complete) {
    if (!complete) {
      const auto cutter = MakeJsonCutter(layout);
      text.resize(cutter->Cut(&text).complete);
    }
    for (const std::string_view value : SplitJson(text, layout)) {
      ++sampled_rows_;
      if (!shape_.AddText(value)) ++sampled_broken_;
    }
  }

  Status ChooseColumns() {
    rules_.keys = shape_.keys();
    ARROW_ASSIGN_OR_RAISE(CleanNames clean,
                          CleanColumnNames(rules_.keys, options_.common.strict, inputs_[0].shown));
    for (std::string& warning : clean.warnings) Warn(std::move(warning));
    FollowTable(options_.common.expected_schema.get(), &clean.names);
    arrow::FieldVector fields;
    for (size_t i = 0; i < rules_.keys.size(); ++i) {
      JsonShape::Resolved resolved = shape_.child(i).Resolve(rules_.keys[i]);
      for (std::string& conflict : resolved.conflicts) Warn(std::move(conflict));
      ARROW_RETURN_NOT_OK(OverrideType(clean.names[i], &resolved));
      column_report_.push_back({{"name", clean.names[i]},
                                {"type", TypeName(*resolved.type)},
                                {"why", resolved.why},
                                {"samples", shape_.child(i).samples()},
                                {"sampled_nulls", shape_.child(i).nulls()}});
      fields.push_back(arrow::field(clean.names[i], resolved.type));
    }
    ARROW_RETURN_NOT_OK(AddUnseen(&fields));
    rules_.schema = arrow::schema(std::move(fields));
    return Status::OK();
  }

  /// Columns that the sample did not show but the caller or the table has: their keys may come.
  Status AddUnseen(arrow::FieldVector* fields) {
    std::set<std::string> known;
    for (const auto& field : *fields) known.insert(base::ToLower(field->name()));
    const auto add = [&](const std::string& name, std::shared_ptr<arrow::DataType> type,
                         std::string_view why) {
      if (!known.insert(base::ToLower(name)).second) return;
      column_report_.push_back({{"name", name}, {"type", TypeName(*type)}, {"why", why}});
      rules_.keys.push_back(name);
      fields->push_back(arrow::field(name, std::move(type)));
    };
    for (const auto& [name, text] : options_.common.types) {
      ARROW_RETURN_NOT_OK(base::CheckName(name, "column name"));
      ARROW_ASSIGN_OR_RAISE(auto type, ParseTypeName(text));
      add(name, std::move(type), "given by the caller; not in the sample");
    }
    if (!options_.common.expected_schema) return Status::OK();
    for (const auto& field : options_.common.expected_schema->fields())
      if (!IsReservedName(field->name()))
        add(field->name(), field->type(), "a column of the table; not in the sample");
    return Status::OK();
  }

  Status OverrideType(const std::string& name, JsonShape::Resolved* resolved) const {
    const auto given = options_.common.types.find(name);
    if (given != options_.common.types.end()) {
      ARROW_ASSIGN_OR_RAISE(resolved->type, ParseTypeName(given->second));
      resolved->why = "given by the caller";
      return Status::OK();
    }
    if (!options_.common.expected_schema) return Status::OK();
    if (const auto field = options_.common.expected_schema->GetFieldByName(name)) {
      resolved->type = field->type();
      resolved->why = "type of the table's column";
    }
    return Status::OK();
  }

  void MakeReport() {
    if (sampled_broken_ > 0)
      Warn(fmt::format("{} of {} sampled rows are not valid JSON", sampled_broken_, sampled_rows_));
    const TextStorage& storage = texts_[0].storage;
    report_ = {{"format", "json"},
               {"files", inputs_.size()},
               {"layout", layouts_[0] == JsonLayout::kLines ? "lines" : "values"},
               {"compression", CompressionName(storage.compression)},
               {"encoding", storage.encoding},
               {"encoding_why", storage.why},
               {"sampled_rows", sampled_rows_},
               {"columns", column_report_},
               {"warnings", warnings_}};
  }

  FileOptions options_;
  std::vector<InputFile> inputs_;
  std::vector<TextFile> texts_;
  std::vector<JsonLayout> layouts_;
  JsonShape shape_;
  JsonRules rules_;
  int64_t sampled_rows_ = 0, sampled_broken_ = 0;
  std::vector<std::string> warnings_;
  Json column_report_ = Json::array();
  Json report_;
};

}  // namespace

PlanResult PlanJson(const PlanInput& input, const base::Context& context) {
  auto plan = std::make_unique<JsonPlan>();
  ARROW_RETURN_NOT_OK(plan->Make(input, context));
  return plan;
}

}  // namespace millpond::source
