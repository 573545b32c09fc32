// What a plan learns from the data. Shares become cuts in the space of hashes; stratified cuts are
// exact order statistics per class, found in two passes: first how many hashes fall into each of
// 4096 ranges, then the values of the few ranges that hold a cut.
#include <arrow/api.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <unordered_map>

#include "base/text.h"
#include "base/time.h"
#include "train/split.h"

namespace millpond::train {
namespace {

constexpr int kRangeBits = 12;
constexpr size_t kRanges = size_t{1} << kRangeBits;
constexpr int kMaxGivenParts = 100;

using Visit = std::function<Status(const arrow::RecordBatch&)>;

Status ForEachBatch(arrow::RecordBatchReader& reader, const base::Context& context,
                    const Visit& visit) {
  while (true) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    ARROW_RETURN_NOT_OK(visit(*batch));
  }
}

// Shares summed up, without the last, which is 1.
std::vector<double> Cumulative(const std::vector<Part>& parts) {
  std::vector<double> sums;
  double sum = 0;
  for (size_t i = 0; i + 1 < parts.size(); ++i) sums.push_back(sum += parts[i].share);
  return sums;
}

std::vector<uint64_t> HashCuts(const std::vector<Part>& parts) {
  std::vector<uint64_t> cuts;
  for (double sum : Cumulative(parts)) {
    uint64_t cut = static_cast<uint64_t>(std::ldexp(sum, 53));
    cuts.push_back(std::min(cut, (uint64_t{1} << 53) - 1) << 11);
  }
  return cuts;
}

std::string QuotedList(const std::vector<std::string>& columns) {
  std::vector<std::string> quoted;
  for (const std::string& column : columns) quoted.push_back(base::QuoteIdentifier(column));
  return base::Join(quoted, ", ");
}

// The hashes of one class: counts per range, then the values in the ranges that hold a cut.
struct ClassHashes {
  std::vector<uint32_t> counts = std::vector<uint32_t>(kRanges);
  uint64_t rows = 0;
  std::map<size_t, std::vector<uint64_t>> wanted;  // Range -> its hashes.
};

class StratifiedPlan {
 public:
  StratifiedPlan(const DatasetDefinition& definition, const SelectFrom& select,
                 const base::Context& context)
      : definition_(definition), select_(select), context_(context) {}

  Status Run(SplitPlan* plan) {
    ARROW_RETURN_NOT_OK(Pass([this](ClassHashes& hashes, uint64_t hash) {
      ++hashes.counts[hash >> (64 - kRangeBits)];
      ++hashes.rows;
    }));
    const std::vector<double> sums = Cumulative(definition_.split.parts);
    for (auto& [name, hashes] : classes_) {
      for (double sum : sums) {
        if (auto found = Locate(hashes, RankOf(hashes, sum))) hashes.wanted[found->range];
      }
    }
    ARROW_RETURN_NOT_OK(Pass([](ClassHashes& hashes, uint64_t hash) {
      auto range = hashes.wanted.find(hash >> (64 - kRangeBits));
      if (range != hashes.wanted.end()) range->second.push_back(hash);
    }));
    for (auto& [name, hashes] : classes_) {
      std::vector<uint64_t>& cuts = plan->class_cuts[name];
      for (double sum : sums) {
        ARROW_ASSIGN_OR_RAISE(uint64_t cut, CutAt(hashes, RankOf(hashes, sum)));
        cuts.push_back(cut);
      }
    }
    return Status::OK();
  }

 private:
  struct Location {
    size_t range, within;
  };

  static uint64_t RankOf(const ClassHashes& hashes, double sum) {
    return static_cast<uint64_t>(std::llround(sum * static_cast<double>(hashes.rows)));
  }

  // Where the hash of this rank is; nothing beyond the last.
  static std::optional<Location> Locate(const ClassHashes& hashes, uint64_t rank) {
    uint64_t before = 0;
    for (size_t range = 0; range < kRanges; ++range) {
      if (rank < before + hashes.counts[range]) return Location{range, rank - before};
      before += hashes.counts[range];
    }
    return std::nullopt;
  }

  static Result<uint64_t> CutAt(ClassHashes& hashes, uint64_t rank) {
    auto found = Locate(hashes, rank);
    if (!found) return ~uint64_t{0};
    std::vector<uint64_t>& values = hashes.wanted[found->range];
    if (found->within >= values.size()) {
      return base::Internal("the query of the dataset gave other rows the second time");
    }
    auto nth = values.begin() + static_cast<std::ptrdiff_t>(found->within);
    std::ranges::nth_element(values, nth);
    return *nth;
  }

  template <class Add>
  Status Pass(Add add) {
    const SplitDefinition& split = definition_.split;
    std::vector<std::string> columns = definition_.key;
    if (std::ranges::find(columns, split.column) == columns.end()) columns.push_back(split.column);
    ARROW_ASSIGN_OR_RAISE(auto reader, select_(QuotedList(columns), ""));
    std::string text, class_text;
    return ForEachBatch(*reader, context_, [&](const arrow::RecordBatch& batch) -> Status {
      ARROW_ASSIGN_OR_RAISE(KeyText key, KeyText::Make(batch, definition_.key));
      ARROW_ASSIGN_OR_RAISE(KeyText class_key, KeyText::Make(batch, {split.column}));
      for (int64_t row = 0; row < batch.num_rows(); ++row) {
        // A null key is refused where rows are placed, with better words.
        if (!key.Write(row, &text)) continue;
        bool present = class_key.Write(row, &class_text);
        ARROW_ASSIGN_OR_RAISE(ClassHashes * hashes, ClassOf(ClassName(present, class_text)));
        add(*hashes, SplitHash(text, split.seed));
      }
      return Status::OK();
    });
  }

  Result<ClassHashes*> ClassOf(const std::string& name) {
    auto found = classes_.find(name);
    if (found != classes_.end()) return &found->second;
    int64_t limit = context_.memory_limit / 2 / static_cast<int64_t>(kRanges * sizeof(uint32_t));
    if (static_cast<int64_t>(classes_.size()) >= limit) {
      return base::Invalid(
          "column '{}' has more than {} different values, too many to stratify by; choose another "
          "column, split by hash or group, or raise memory_limit",
          definition_.split.column, limit);
    }
    return &classes_[name];
  }

  const DatasetDefinition& definition_;
  const SelectFrom& select_;
  const base::Context& context_;
  std::unordered_map<std::string, ClassHashes> classes_;
};

Result<int64_t> ParseCut(const std::string& text, const arrow::DataType& type,
                         const std::string& part) {
  if (arrow::is_integer(type.id())) {
    int64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc() && end == text.data() + text.size()) return value;
    return base::Invalid("part '{}': until '{}' is not an integer, as the column of times is", part,
                         text);
  }
  auto milliseconds = base::ParseTime(text);
  if (!milliseconds.ok()) {
    return base::WithContext(fmt::format("part '{}': until", part), milliseconds.status());
  }
  return *milliseconds * 1000;
}

Status TimeCutsAsGiven(const DatasetDefinition& definition, const arrow::DataType& type,
                       SplitPlan* plan) {
  const std::vector<Part>& parts = definition.split.parts;
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(int64_t cut, ParseCut(*parts[i].until, type, parts[i].name));
    if (!plan->time_cuts.empty() && cut <= plan->time_cuts.back()) {
      return base::Invalid("part '{}': until '{}' is not after the part before it", parts[i].name,
                           *parts[i].until);
    }
    plan->time_cuts.push_back(cut);
  }
  return Status::OK();
}

// Rows of one instant stay on one side, so the shares are met as nearly as that allows.
Status TimeCutsByShares(const DatasetDefinition& definition, const SelectFrom& select,
                        const base::Context& context, SplitPlan* plan) {
  std::string column = base::QuoteIdentifier(definition.split.column);
  std::vector<int64_t> rows_before;  // Of each instant, in order of time.
  int64_t total = 0;
  ARROW_ASSIGN_OR_RAISE(auto counter, select("count(" + column + ") AS n", ""));
  ARROW_RETURN_NOT_OK(ForEachBatch(*counter, context, [&](const arrow::RecordBatch& batch) {
    total += static_cast<const arrow::Int64Array&>(*batch.column(0)).Value(0);
    return Status::OK();
  }));
  std::vector<int64_t> ranks;
  for (double sum : Cumulative(definition.split.parts)) {
    ranks.push_back(std::llround(sum * static_cast<double>(total)));
  }
  ARROW_ASSIGN_OR_RAISE(
      auto reader, select(column + ", count(*) AS n", "WHERE " + column + " IS NOT NULL GROUP BY " +
                                                          column + " ORDER BY " + column));
  int64_t before = 0;
  ARROW_RETURN_NOT_OK(
      ForEachBatch(*reader, context, [&](const arrow::RecordBatch& batch) -> Status {
        ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> times, TimesOf(*batch.column(0), column));
        const auto& counts = static_cast<const arrow::Int64Array&>(*batch.column(1));
        for (int64_t row = 0; row < batch.num_rows(); ++row) {
          while (plan->time_cuts.size() < ranks.size() && before >= ranks[plan->time_cuts.size()]) {
            plan->time_cuts.push_back(times[static_cast<size_t>(row)]);
          }
          before += counts.Value(row);
        }
        return Status::OK();
      }));
  // Fewer instants than parts: the last parts stay empty.
  plan->time_cuts.resize(ranks.size(), std::numeric_limits<int64_t>::max());
  return Status::OK();
}

Status TimeCuts(const DatasetDefinition& definition, const SelectFrom& select,
                const base::Context& context, SplitPlan* plan) {
  ARROW_ASSIGN_OR_RAISE(auto reader,
                        select(base::QuoteIdentifier(definition.split.column), "LIMIT 0"));
  const auto& field = reader->schema()->field(0);
  ARROW_RETURN_NOT_OK(CheckTimeType(*field));
  if (definition.split.parts.front().until.has_value()) {
    return TimeCutsAsGiven(definition, *field->type(), plan);
  }
  return TimeCutsByShares(definition, select, context, plan);
}

Status GivenParts(const DatasetDefinition& definition, const SelectFrom& select,
                  const base::Context& context, SplitPlan* plan) {
  if (!plan->parts.empty()) return Status::OK();
  std::string column = base::QuoteIdentifier(definition.split.column);
  ARROW_ASSIGN_OR_RAISE(auto reader, select("DISTINCT " + column,
                                            fmt::format("WHERE {} IS NOT NULL ORDER BY {} LIMIT {}",
                                                        column, column, kMaxGivenParts + 1)));
  ARROW_RETURN_NOT_OK(
      ForEachBatch(*reader, context, [&](const arrow::RecordBatch& batch) -> Status {
        ARROW_ASSIGN_OR_RAISE(KeyText values, KeyText::Make(batch, {definition.split.column}));
        std::string name;
        for (int64_t row = 0; row < batch.num_rows(); ++row) {
          values.Write(row, &name);
          ARROW_RETURN_NOT_OK(base::WithContext("column '" + definition.split.column + "'",
                                                base::CheckName(name, "name of a part")));
          plan->parts.push_back(name);
        }
        return Status::OK();
      }));
  if (plan->parts.size() > kMaxGivenParts) {
    return base::Invalid("column '{}' has more than {} values, so it does not name parts",
                         definition.split.column, kMaxGivenParts);
  }
  return Status::OK();
}

}  // namespace

Result<SplitPlan> MakePlan(const DatasetDefinition& definition, const SelectFrom& select,
                           const base::Context& context) {
  const SplitDefinition& split = definition.split;
  SplitPlan plan;
  plan.method = split.method;
  plan.column = split.column;
  plan.seed = split.seed;
  for (const Part& part : split.parts) plan.parts.push_back(part.name);
  switch (split.method) {
    case SplitMethod::kNone:
      break;
    case SplitMethod::kHash:
    case SplitMethod::kGroup:
      plan.hash_cuts = HashCuts(split.parts);
      break;
    case SplitMethod::kStratified:
      plan.hash_cuts = HashCuts(split.parts);
      ARROW_RETURN_NOT_OK(StratifiedPlan(definition, select, context).Run(&plan));
      break;
    case SplitMethod::kTime:
      ARROW_RETURN_NOT_OK(TimeCuts(definition, select, context, &plan));
      break;
    case SplitMethod::kGiven:
      ARROW_RETURN_NOT_OK(GivenParts(definition, select, context, &plan));
      break;
  }
  return plan;
}

}  // namespace millpond::train
