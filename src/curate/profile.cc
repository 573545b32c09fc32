// Profiles: one query for all figures of all columns (in groups, where there are many), and one per
// column for its most frequent values.
#include "curate/profile.h"

#include <arrow/api.h>

#include <array>
#include <chrono>
#include <map>
#include <utility>

#include "base/text.h"
#include "curate/table_view.h"
#include "query/result_rows.h"

namespace millpond::curate {
namespace {

using base::Json;

constexpr size_t kColumnsPerPass = 50;
constexpr std::array kProbabilities = {0.05, 0.25, 0.5, 0.75, 0.95};
// Longer values make no readable table of frequencies.
constexpr int kShownCharacters = 200;

/// The figures of one column, in the order that Take reads them.
class ColumnFigures {
 public:
  explicit ColumnFigures(const arrow::Field& field)
      : type_(field.type()),
        kind_(KindOfType(*type_)),
        name_(base::QuoteIdentifier(field.name())) {}

  std::vector<std::string> Aggregates() const {
    std::vector<std::string> sql = {"count(" + name_ + ")", "count(*) - count(" + name_ + ")"};
    if (HasDistinct()) sql.push_back("approx_count_distinct(" + name_ + ")");
    if (HasOrder()) {
      sql.push_back("min(" + Finite() + ")");
      sql.push_back("max(" + Finite() + ")");
    }
    if (kind_ == ValueKind::kNumber) {
      const std::string number = "CAST(" + Finite() + " AS DOUBLE)";
      sql.push_back("avg(" + number + ")");
      sql.push_back("stddev_samp(" + number + ")");
      for (const double at : kProbabilities) {
        sql.push_back(fmt::format("approx_quantile({}, {})", number, at));
      }
    }
    if (IsFloating(*type_)) {
      sql.push_back("count(*) FILTER (WHERE NOT isfinite(" + name_ + "))");
    }
    if (kind_ == ValueKind::kText) {
      sql.push_back("min(length(" + name_ + "))");
      sql.push_back("max(length(" + name_ + "))");
    }
    return sql;
  }

  /// Reads the figures from `*next` on.
  void Take(const Json** next, ColumnProfile* profile) const {
    const auto take = [&]() -> const Json& { return *(*next)++; };
    const auto real = [&]() -> std::optional<double> {
      const Json& value = take();
      return value.is_number() ? std::optional(value.get<double>()) : std::nullopt;
    };
    const auto whole = [&]() -> std::optional<int64_t> {
      const Json& value = take();
      return value.is_number() ? std::optional(value.get<int64_t>()) : std::nullopt;
    };
    profile->type = SqlTypeName(*type_);
    profile->count = *whole();
    profile->nulls = *whole();
    if (HasDistinct()) profile->distinct = whole();
    if (HasOrder()) {
      profile->min = take();
      profile->max = take();
    }
    if (kind_ == ValueKind::kNumber) {
      profile->mean = real();
      profile->stddev = real();
      for (const double at : kProbabilities) {
        if (const auto value = real()) profile->quantiles.emplace_back(at, *value);
      }
    }
    if (IsFloating(*type_)) profile->not_finite = whole();
    if (kind_ == ValueKind::kText) {
      profile->min_length = whole();
      profile->max_length = whole();
    }
  }

  bool HasDistinct() const { return kind_ != ValueKind::kNested && kind_ != ValueKind::kBinary; }
  const std::string& name() const { return name_; }
  ValueKind kind() const { return kind_; }

 private:
  bool HasOrder() const { return HasDistinct(); }
  /// NaN would be every column's greatest value and its mean.
  std::string Finite() const {
    return IsFloating(*type_) ? "CASE WHEN isfinite(" + name_ + ") THEN " + name_ + " END" : name_;
  }

  std::shared_ptr<arrow::DataType> type_;
  ValueKind kind_;
  std::string name_;
};

class Profiler {
 public:
  Profiler(query::Session& session, const TableView& view, const base::Context& context)
      : session_(session), view_(view), context_(context) {}

  Status Figures(const arrow::FieldVector& fields, TableProfile* profile) {
    std::vector<ColumnFigures> columns;
    std::vector<std::string> aggregates = {"count(*)"};
    for (const auto& field : fields) {
      columns.emplace_back(*field);
      for (auto& aggregate : columns.back().Aggregates())
        aggregates.push_back(std::move(aggregate));
    }
    ARROW_ASSIGN_OR_RAISE(
        auto rows,
        query::RowsOf(session_, "SELECT " + base::Join(aggregates, ",\n") + "\nFROM " + view_.sql,
                      view_.options, context_));
    const Json* next = rows[0].data();
    profile->rows = (next++)->get<int64_t>();
    for (size_t i = 0; i < columns.size(); ++i) {
      ColumnProfile column;
      column.name = fields[i]->name();
      columns[i].Take(&next, &column);
      profile->columns.push_back(std::move(column));
    }
    return Status::OK();
  }

  /// Of columns of one type, in one pass: each row gives its value of every column.
  Status TopValues(const std::vector<const arrow::Field*>& fields,
                   const std::vector<ColumnProfile*>& profiles, int limit) {
    std::vector<std::string> values;
    for (const arrow::Field* field : fields) {
      const ColumnFigures column(*field);
      values.push_back(column.kind() == ValueKind::kText
                           ? fmt::format("left({}, {})", column.name(), kShownCharacters)
                           : column.name());
    }
    const std::string sql = fmt::format(
        "SELECT i, v, count(*) FROM (SELECT unnest(range({})) AS i, unnest([{}]) AS v FROM {}) "
        "WHERE v IS NOT NULL GROUP BY 1, 2 "
        "QUALIFY row_number() OVER (PARTITION BY i ORDER BY count(*) DESC, v) <= {} "
        "ORDER BY 1, 3 DESC, 2",
        values.size(), base::Join(values, ", "), view_.sql, limit);
    ARROW_ASSIGN_OR_RAISE(auto rows, query::RowsOf(session_, sql, view_.options, context_));
    for (auto& row : rows) {
      profiles[row[0].get<size_t>()]->top.emplace_back(std::move(row[1]), row[2].get<int64_t>());
    }
    return Status::OK();
  }

  static bool HasTellingValues(const ColumnProfile& profile) {
    // Counting values that are nearly all different costs memory and says nothing.
    return profile.distinct && profile.count > 0 &&
           (*profile.distinct <= 1000 || *profile.distinct * 2 < profile.count);
  }

  /// Of `fields`, whose profiles begin at `first`.
  Status AllTopValues(const arrow::FieldVector& fields, size_t first, int limit,
                      TableProfile* profile) {
    std::map<std::string, std::pair<std::vector<const arrow::Field*>, std::vector<ColumnProfile*>>>
        by_type;
    for (size_t i = 0; i < fields.size(); ++i) {
      ColumnProfile& column = profile->columns[first + i];
      if (!HasTellingValues(column)) continue;
      auto& [some, profiles] = by_type[fields[i]->type()->ToString()];
      some.push_back(fields[i].get());
      profiles.push_back(&column);
    }
    for (const auto& [type, columns] : by_type) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      ARROW_RETURN_NOT_OK(TopValues(columns.first, columns.second, limit));
    }
    return Status::OK();
  }

 private:
  query::Session& session_;
  const TableView& view_;
  const base::Context& context_;
};

}  // namespace

Result<TableProfile> ProfileTable(query::Session& session, const ProfileRequest& request,
                                  const base::Context& context) {
  const auto start = std::chrono::steady_clock::now();
  ARROW_ASSIGN_OR_RAISE(const TableView view, TableView::Open(session, request.table));
  arrow::FieldVector fields = view.schema->fields();
  if (!request.columns.empty()) {
    fields.clear();
    for (const std::string& name : request.columns) {
      ARROW_ASSIGN_OR_RAISE(auto field, view.Column(name));
      fields.push_back(std::move(field));
    }
  }
  TableProfile profile;
  profile.table = view.table;
  profile.snapshot = view.snapshot;
  Profiler profiler(session, view, context);
  for (size_t begin = 0; begin < fields.size(); begin += kColumnsPerPass) {
    const size_t end = std::min(fields.size(), begin + kColumnsPerPass);
    const arrow::FieldVector some(fields.begin() + static_cast<std::ptrdiff_t>(begin),
                                  fields.begin() + static_cast<std::ptrdiff_t>(end));
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_RETURN_NOT_OK(profiler.Figures(some, &profile));
    if (request.top_values > 0) {
      ARROW_RETURN_NOT_OK(profiler.AllTopValues(some, begin, request.top_values, &profile));
    }
    context.Report({.phase = "profile " + view.table.ToString(),
                    .done = static_cast<int64_t>(end),
                    .total = static_cast<int64_t>(fields.size()),
                    .unit = "columns"});
  }
  profile.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return profile;
}

Json ToJson(const TableProfile& profile) {
  const auto or_null = [](const auto& value) { return value ? Json(*value) : Json(); };
  Json columns = Json::array();
  for (const ColumnProfile& column : profile.columns) {
    Json quantiles = Json::object(), top = Json::array();
    for (const auto& [at, value] : column.quantiles) quantiles[fmt::format("{}", at)] = value;
    for (const auto& [value, count] : column.top)
      top.push_back({{"value", value}, {"count", count}});
    columns.push_back({{"name", column.name},
                       {"type", column.type},
                       {"count", column.count},
                       {"nulls", column.nulls},
                       {"distinct", or_null(column.distinct)},
                       {"min", column.min},
                       {"max", column.max},
                       {"mean", or_null(column.mean)},
                       {"stddev", or_null(column.stddev)},
                       {"not_finite", or_null(column.not_finite)},
                       {"min_length", or_null(column.min_length)},
                       {"max_length", or_null(column.max_length)},
                       {"quantiles", std::move(quantiles)},
                       {"top", std::move(top)}});
  }
  return {{"table", profile.table.ToString()},
          {"snapshot", or_null(profile.snapshot)},
          {"rows", profile.rows},
          {"columns", std::move(columns)},
          {"seconds", profile.seconds}};
}

}  // namespace millpond::curate
