// Rows by key, as merge statements: upsert, delete, insert-only and slowly changing dimensions of
// type 2. The new rows are one WITH query that is computed once.
#include <arrow/api.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/time.h"
#include "ingest/row_change.h"
#include "ingest/row_changer.h"
#include "query/column_expression.h"
#include "table/schema.h"
#include "table/table_name.h"

namespace millpond::ingest {
namespace {

using base::QuoteIdentifier;
using query::Assignments;
using query::ChangeStatement;
using query::MergeClause;
using Action = MergeClause::Action;
using When = MergeClause::When;

constexpr std::string_view kFrom = "valid_from", kTo = "valid_to", kIsCurrent = "is_current";
constexpr const char* kGiven = "#given rows";  // No column or table of a person's is called so.
constexpr const char* kNew = "\"#new\"";
constexpr const char* kTarget = "#old";

bool SameName(std::string_view a, std::string_view b) {
  return base::ToLower(a) == base::ToLower(b);
}

std::shared_ptr<arrow::Field> FindField(const arrow::Schema& schema, std::string_view name) {
  for (const auto& field : schema.fields()) {
    if (SameName(field->name(), name)) return field;
  }
  return nullptr;
}

std::string NewColumn(const std::string& name) {
  return std::string(kNew) + "." + QuoteIdentifier(name);
}
std::string OldColumn(const std::string& name) {
  return QuoteIdentifier(kTarget) + "." + QuoteIdentifier(name);
}

class Upsert {
 public:
  Upsert(query::Session& session, const UpsertRequest& request, const RowChangeOptions& options,
         const base::Context& context)
      : session_(session), request_(request), options_(options), context_(context) {}

  Result<RowChangeOutcome> Run() {
    ARROW_ASSIGN_OR_RAISE(const auto name, table::TableName::Parse(request_.table));
    base_.kind = ChangeStatement::Kind::kMerge;
    base_.space = name.space;
    base_.table = name.name;
    base_.alias = kTarget;
    base_.source = kNew;
    ARROW_RETURN_NOT_OK(Prepare());
    RowChange change;
    change.query = std::move(query_);
    change.target = target_;
    change.lineage = lineage_;
    change.operation = "upsert";
    change.words =
        fmt::format("upsert {} by {}", target_.ToString(), base::Join(request_.keys, ", "));
    change.request = {{"table", request_.table},
                      {"query", request_.query},
                      {"keys", request_.keys},
                      {"mode", static_cast<int>(request_.mode)},
                      {"content", request_.content_hash}};
    change.read_once = request_.reader != nullptr;
    ARROW_ASSIGN_OR_RAISE(change.selection, Select(change.query));
    return RowChanger(session_, std::move(change), options_, context_).Run();
  }

 private:
  Status Prepare() {
    if (request_.keys.empty()) return base::Invalid("name the key columns of {}", request_.table);
    if ((request_.reader != nullptr) == !request_.query.empty()) {
      return base::Invalid("give the new rows as a query or as a stream");
    }
    query_.parameters = options_.parameters;
    query_.ref = options_.branch;
    std::string rows = request_.query;
    if (request_.reader != nullptr) {
      query_.rows[kGiven] = request_.reader;
      rows = "FROM " + QuoteIdentifier(kGiven);
      given_ = request_.reader->schema();
    } else {
      ARROW_ASSIGN_OR_RAISE(given_, session_.SchemaOf(rows, query_));
    }
    ARROW_ASSIGN_OR_RAISE(target_, TargetOf(session_, base_, options_.branch));
    ARROW_ASSIGN_OR_RAISE(const auto shape, ShapeOf(session_, target_, options_.branch));
    columns_ = shape.columns;
    lineage_ = shape.lineage;
    ARROW_RETURN_NOT_OK(CheckColumns());
    std::vector<std::string> keys, matches, absent;
    for (const std::string& key : request_.keys) {
      keys.push_back(QuoteIdentifier(key));
      matches.push_back(OldColumn(key) + " = " + NewColumn(key));
      absent.push_back(NewColumn(key) + " IS NULL");
    }
    base_.condition = base::Join(matches, " AND ");
    refuse_ = std::string(kNew) + ".\"#copies\" > 1 OR " + base::Join(absent, " OR ");
    base_.with = fmt::format(
        "WITH {} AS MATERIALIZED (SELECT *, count(*) OVER (PARTITION BY {}) AS \"#copies\" FROM "
        "({}\n))",
        kNew, base::Join(keys, ", "), rows);
    return Status::OK();
  }

  Status CheckColumns() const {
    for (const std::string& key : request_.keys) {
      if (FindField(*columns_, key) == nullptr) {
        return base::Invalid("{} has no key column '{}'.{}", target_.ToString(), key,
                             base::DidYouMean(key, columns_->field_names()));
      }
      if (FindField(*given_, key) == nullptr) {
        return base::Invalid("the new rows have no key column '{}'.{}", key,
                             base::DidYouMean(key, given_->field_names()));
      }
    }
    if (request_.mode == UpsertMode::kDelete) return Status::OK();  // Keys alone count.
    for (const auto& field : given_->fields()) {
      if (FindField(*columns_, field->name()) != nullptr) continue;
      return base::Invalid(
          "{} has no column '{}', which the new rows have; add it to the table, or leave it out.{}",
          target_.ToString(), field->name(),
          base::DidYouMean(field->name(), columns_->field_names()));
    }
    return Status::OK();
  }

  Assignments AllGiven(bool with_sample_id) const {
    Assignments set;
    for (const auto& field : given_->fields()) {
      if (!with_sample_id && SameName(field->name(), table::kSampleId)) continue;
      set.emplace_back(field->name(), NewColumn(field->name()));
    }
    return set;
  }

  Result<RowSelection> Select(const query::SqlOptions& query) {
    if (request_.mode == UpsertMode::kScd2) return SelectVersions(query);
    ChangeStatement merge = base_;
    if (request_.mode == UpsertMode::kDelete) {
      merge.clauses = {
          {.when = When::kMatched, .condition = "", .action = Action::kDelete, .set = {}}};
      ARROW_ASSIGN_OR_RAISE(auto selection,
                            SelectRows(session_, merge, query, *columns_, lineage_));
      selection.each_row_once = false;
      return selection;
    }
    merge.clauses = Refusals();
    if (request_.mode == UpsertMode::kUpsert) {
      merge.clauses.push_back({.when = When::kMatched,
                               .condition = "",
                               .action = Action::kUpdate,
                               .set = AllGiven(false)});
    }
    merge.clauses.push_back({.when = When::kNotMatched,
                             .condition = "",
                             .action = Action::kInsert,
                             .set = AllGiven(true)});
    ARROW_ASSIGN_OR_RAISE(auto selection, SelectRows(session_, merge, query, *columns_, lineage_));
    return WithRefusals(std::move(selection));
  }

  // Rows without a key, or with another's: the first two clauses.
  std::vector<MergeClause> Refusals() const {
    return {
        {.when = When::kMatched, .condition = refuse_, .action = Action::kNothing, .set = {}},
        {.when = When::kNotMatched, .condition = refuse_, .action = Action::kNothing, .set = {}}};
  }
  static RowSelection WithRefusals(RowSelection selection) {
    selection.actions[1] = selection.actions[2] = RowAction::kRefuse;
    return selection;
  }

  // Closes the current version of a row that changed, and adds its new version beside it.
  Result<RowSelection> SelectVersions(const query::SqlOptions& query) {
    for (const std::string_view column : {kFrom, kTo, kIsCurrent}) {
      if (FindField(*columns_, column) == nullptr) {
        return base::Invalid(
            "{} has no column {}: a history of versions needs valid_from, valid_to (timestamp) and "
            "is_current (boolean)",
            target_.ToString(), column);
      }
      if (FindField(*given_, column) != nullptr) {
        return base::Invalid("the new rows bring {} along, which is filled in here; leave it out",
                             column);
      }
    }
    ARROW_ASSIGN_OR_RAISE(const std::string differs, Differs());
    ARROW_ASSIGN_OR_RAISE(const std::string now, Now());
    ChangeStatement close = base_;
    close.condition += " AND " + OldColumn(std::string(kIsCurrent));
    close.clauses = Refusals();
    close.clauses.push_back({.when = When::kMatched,
                             .condition = differs,
                             .action = Action::kUpdate,
                             .set = {{std::string(kTo), now}, {std::string(kIsCurrent), "FALSE"}}});
    ARROW_ASSIGN_OR_RAISE(auto selection, SelectRows(session_, close, query, *columns_, lineage_));
    ChangeStatement add = base_;
    ARROW_RETURN_NOT_OK(AddVersions(close.condition, differs, now, &add));
    ARROW_ASSIGN_OR_RAISE(const auto added, SelectRows(session_, add, query, *columns_, lineage_));
    selection.sql += " UNION ALL (" + added.sql + ")";
    selection.actions.push_back(RowAction::kInsert);
    return WithRefusals(std::move(selection));
  }

  // Inserts under the number behind the clauses of `close`.
  Status AddVersions(const std::string& match, const std::string& differs, const std::string& now,
                     ChangeStatement* add) {
    Assignments set;
    std::vector<std::string> carried;
    for (const auto& field : columns_->fields()) {
      const std::string& name = field->name();
      const bool fills_in = SameName(name, kFrom) || SameName(name, kTo) ||
                            SameName(name, kIsCurrent) || SameName(name, table::kSampleId);
      if (fills_in) continue;
      const bool given = FindField(*given_, name) != nullptr;
      carried.push_back((given ? NewColumn(name) : OldColumn(name)) + " AS " +
                        QuoteIdentifier(name));
      set.emplace_back(name, "\"#versions\"." + QuoteIdentifier(name));
    }
    set.emplace_back(kFrom, now);
    set.emplace_back(kIsCurrent, "TRUE");
    add->with.clear();  // That of the first SELECT holds for both.
    add->source = fmt::format(
        "(SELECT {} FROM {} LEFT JOIN {} AS {} ON ({}) WHERE {}._file IS NULL OR {}) AS "
        "\"#versions\"",
        base::Join(carried, ", "), kNew, TableSql(*add), QuoteIdentifier(kTarget), match,
        QuoteIdentifier(kTarget), differs);
    add->alias = "#none";
    add->condition = "FALSE";
    const MergeClause never = {
        .when = When::kMatched, .condition = "FALSE", .action = Action::kNothing, .set = {}};
    add->clauses = {never, never, never};
    add->clauses.push_back({.when = When::kNotMatched,
                            .condition = "",
                            .action = Action::kInsert,
                            .set = std::move(set)});
    return Status::OK();
  }

  // Whether a new row says something else than the current version.
  Result<std::string> Differs() const {
    std::vector<std::string> parts;
    for (const auto& field : given_->fields()) {
      const bool is_key =
          std::any_of(request_.keys.begin(), request_.keys.end(),
                      [&](const std::string& key) { return SameName(key, field->name()); });
      if (is_key || SameName(field->name(), table::kSampleId)) continue;
      ARROW_ASSIGN_OR_RAISE(const std::string type,
                            query::SqlTypeOf(*FindField(*columns_, field->name())->type()));
      parts.push_back(fmt::format("CAST({} AS {}) IS DISTINCT FROM {}", NewColumn(field->name()),
                                  type, OldColumn(field->name())));
    }
    return parts.empty() ? "FALSE" : "(" + base::Join(parts, " OR ") + ")";
  }

  Result<std::string> Now() const {
    const auto& type = *FindField(*columns_, kFrom)->type();
    if (type.id() != arrow::Type::TIMESTAMP) {
      return base::Invalid("{} of {} is {}; a history of versions needs a timestamp", kFrom,
                           target_.ToString(), type.ToString());
    }
    const bool zoned = !static_cast<const arrow::TimestampType&>(type).timezone().empty();
    std::string text = base::FormatUtc(base::NowMs());
    if (!zoned && !text.empty() && text.back() == 'Z') text.pop_back();
    return base::QuoteLiteral(text);
  }

  query::Session& session_;
  const UpsertRequest& request_;
  const RowChangeOptions& options_;
  const base::Context& context_;
  ChangeStatement base_;
  query::SqlOptions query_;
  table::TableName target_;
  std::shared_ptr<arrow::Schema> columns_, given_;
  bool lineage_ = false;
  std::string refuse_;
};

}  // namespace

Result<UpsertMode> ParseUpsertMode(const std::string& name) {
  if (name == "upsert") return UpsertMode::kUpsert;
  if (name == "delete") return UpsertMode::kDelete;
  if (name == "insert-only") return UpsertMode::kInsertOnly;
  if (name == "scd2") return UpsertMode::kScd2;
  return base::Invalid("no mode '{}'; there are upsert, delete, insert-only and scd2", name);
}

Result<RowChangeOutcome> UpsertRows(query::Session& session, const UpsertRequest& request,
                                    const RowChangeOptions& options, const base::Context& context) {
  return Upsert(session, request, options, context).Run();
}

}  // namespace millpond::ingest
