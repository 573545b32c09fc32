// Builds the SELECT over a scan's files: how each file's columns are read (by the names that it is
// known to have, else by field id), position deletes as a function of (file, row), equality deletes
// as joins that keep the newest deletion of each key. See the header.
#include "query/file_relation.h"

#include <arrow/type.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "query/column_expression.h"
#include "query/file_layout.h"
#include "table/metadata.h"
#include "table/schema.h"

namespace millpond::query {
namespace {

using base::QuoteIdentifier;
using base::QuoteLiteral;
using FieldPtr = std::shared_ptr<arrow::Field>;

// Runs of files are told apart by whether they have deletes only while there are few: a query over
// hundreds of runs costs more to plan than asking for every row.
constexpr size_t kRunsMost = 8;

// Names within our own SELECTs, which no column of a user can have in the way.
constexpr std::string_view kFileNumber = "#file";
constexpr std::string_view kSequence = "#sequence";
constexpr std::string_view kPartition = "#partition";

std::string KeyName(int32_t id) { return fmt::format("#key{}", id); }

std::string ListOf(const std::vector<std::string>& paths) {
  std::vector<std::string> quoted;
  quoted.reserve(paths.size());
  for (const std::string& path : paths) quoted.push_back(QuoteLiteral(path));
  return "[" + base::Join(quoted, ", ") + "]";
}

std::string ReadParquet(const std::vector<std::string>& paths, const std::string& option,
                        bool may_hold_nan) {
  return fmt::format("read_parquet({}{}, hive_partitioning = false{})", ListOf(paths), option,
                     may_hold_nan ? ", can_have_nan = true" : "");
}

/// Ids of the floating-point columns, those inside others too.
void AddFloatingIds(const arrow::FieldVector& fields, std::vector<int32_t>* ids) {
  for (const FieldPtr& field : fields) {
    if (arrow::is_floating(field->type()->id())) {
      ids->push_back(table::FieldIdOf(*field).value_or(-1));
    }
    AddFloatingIds(field->type()->fields(), ids);
  }
}

/// Columns that a read_parquet finds by field id, with a name of its own for each.
class ReadById {
 public:
  void Add(int32_t id, std::string_view name, const std::string& type,
           const std::optional<std::string>& default_text) {
    const std::string text = default_text ? QuoteLiteral(*default_text) : "NULL";
    entries_.push_back(fmt::format("{}: {{name: {}, type: {}, default_value: {}}}", id,
                                   QuoteLiteral(name), QuoteLiteral(type), text));
  }
  /// The option of read_parquet that maps them.
  std::string Option() const {
    return fmt::format(", schema = MAP {{{}}}", base::Join(entries_, ", "));
  }

 private:
  std::vector<std::string> entries_;
};

/// A run of files that one SELECT reads.
struct Run {
  size_t begin = 0, end = 0;
  bool by_id = true;
  bool has_deletes = false, has_equality = false;
};

class ScanSelect {
 public:
  explicit ScanSelect(const FileSelection& selection)
      : selection_(selection), plan_(selection.plan), fields_(selection.plan.schema->fields()) {
    AddFloatingIds(fields_, &floating_ids_);
  }

  Result<std::string> Sql() {
    ARROW_RETURN_NOT_OK(FindKeys());
    std::vector<Run> runs;
    for (const bool prefer_names : {true, false}) {
      for (const bool by_deletes : {true, false}) {
        if (runs.empty() || runs.size() > kRunsMost) runs = CutRuns(by_deletes, prefer_names);
      }
    }
    std::vector<std::string> selects;
    for (const Run& run : runs) {
      ARROW_ASSIGN_OR_RAISE(std::string select, SelectRun(run));
      selects.push_back(std::move(select));
    }
    return base::Join(selects, " UNION ALL ");
  }

 private:
  // Columns that equality deletes compare; those that the version has no more are looked up in
  // older schemas.
  Status FindKeys() {
    for (const table::DeleteFile& file : plan_.deletes) {
      if (!file.is_equality) continue;
      for (const int32_t id : file.file.equality_ids) {
        FieldPtr field = FindById(fields_, id);
        const auto& schemas = selection_.version.table.metadata->schemas;
        for (auto schema = schemas.rbegin(); field == nullptr && schema != schemas.rend();
             ++schema) {
          field = FindById(schema->arrow->fields(), id);
        }
        if (field == nullptr || field->type()->num_fields() != 0) {
          return base::Invalid(
              "{} has equality deletes ({}) that compare field {}, which is no plain column; "
              "compact "
              "the table in the engine that made it",
              selection_.version.table.name.ToString(), file.file.uri, id);
        }
        keys_[id] = std::move(field);
      }
    }
    return Status::OK();
  }

  /// Files with equal columns share a layout.
  const FileLayout& LayoutOf(const table::ScanFile& file) {
    const auto [found, is_new] = layouts_.try_emplace(file.columns->signature);
    if (is_new) found->second = CompareColumns(*file.columns, fields_);
    return found->second;
  }

  bool IsReadById(const table::ScanFile& file, bool prefer_names) {
    if (file.columns == nullptr) return true;
    const FileLayout& layout = LayoutOf(file);
    const bool by_id =
        layout.by_id && std::none_of(layout.missing.begin(), layout.missing.end(),
                                     [&](int32_t id) { return file.identity_values.contains(id); });
    if (!by_id) return false;
    // Columns beyond the version's, of which the layout does not tell: row lineage, and what
    // equality deletes compare.
    const bool beyond =
        Wants(kRowIdColumn) || Wants(kRowSequenceColumn) || !file.equality_deletes.empty();
    return !prefer_names || !layout.by_name || beyond;
  }

  std::vector<Run> CutRuns(bool by_deletes, bool prefer_names) {
    std::vector<Run> runs;
    for (size_t i = 0; i < plan_.files.size(); ++i) {
      const table::ScanFile& file = plan_.files[i];
      Run one{i, i + 1, IsReadById(file, prefer_names), !file.position_deletes.empty(),
              !file.equality_deletes.empty()};
      if (!runs.empty() && Joins(runs.back(), one, by_deletes)) {
        runs.back().end = one.end;
        runs.back().has_deletes |= one.has_deletes;
        runs.back().has_equality |= one.has_equality;
      } else {
        runs.push_back(one);
      }
    }
    return runs;
  }

  bool Joins(const Run& run, const Run& next, bool by_deletes) {
    if (run.by_id != next.by_id) return false;
    if (by_deletes &&
        (run.has_deletes != next.has_deletes || run.has_equality != next.has_equality)) {
      return false;
    }
    if (run.by_id) return true;
    const table::ScanFile& a = plan_.files[run.begin];
    const table::ScanFile& b = plan_.files[next.begin];
    if (a.columns->signature != b.columns->signature) return false;
    const bool whole = LayoutOf(a).missing.empty() && !run.has_equality && !next.has_equality;
    return whole || a.identity_values == b.identity_values;
  }

  std::string FileNumber(size_t first) const {
    return fmt::format("(file_index + {}::UBIGINT)", first);
  }
  std::string NumberOf(ScanNumber what, const std::string& file) const {
    return fmt::format("__internal_pond_number({}::BIGINT, {}::BIGINT, {})", selection_.scan,
                       static_cast<int>(what), file);
  }

  // The hidden column `name` where `row_id` and `row_sequence` are what the file itself says.
  std::string Hidden(std::string_view name, const std::string& file, const std::string& row_id,
                     const std::string& row_sequence) const {
    if (name == kFileColumn) {
      return fmt::format("__internal_pond_file({}::BIGINT, {})", selection_.scan, file);
    }
    if (name == kPositionColumn) return "file_row_number";
    if (name == kRowIdColumn) {
      return fmt::format("coalesce({}, {} + file_row_number)", row_id,
                         NumberOf(ScanNumber::kFirstRowId, file));
    }
    return fmt::format("coalesce({}, {})", row_sequence, NumberOf(ScanNumber::kSequence, file));
  }

  /// Columns of a run before equality deletes: what to select, from what.
  struct Source {
    std::vector<std::string> columns;  // "expression AS name".
    std::string from;
  };

  Result<Source> SourceById(const Run& run, const std::vector<std::string>& paths) const {
    Source source;
    ReadById read;
    std::set<std::string> names{"filename", "file_row_number", "file_index"};
    auto add = [&](const arrow::Field& field, int32_t id) -> Result<std::string> {
      std::string name = field.name();
      if (!names.insert(base::ToLower(name)).second) name = fmt::format("{}#{}", name, id);
      ARROW_ASSIGN_OR_RAISE(const std::string type, StoredSqlTypeOf(field));
      ARROW_ASSIGN_OR_RAISE(const auto text, DefaultText(field));
      read.Add(id, name, type, text);
      return FromStored(field, QuoteIdentifier(name));
    };
    std::map<int32_t, std::string> expressions;
    for (const FieldPtr& field : fields_) {
      const int32_t id = table::FieldIdOf(*field).value_or(-1);
      ARROW_ASSIGN_OR_RAISE(expressions[id], add(*field, id));
      source.columns.push_back(expressions[id] + " AS " + QuoteIdentifier(field->name()));
    }
    if (run.has_equality) {
      for (const auto& [id, field] : keys_) {
        if (!expressions.contains(id)) {
          ARROW_ASSIGN_OR_RAISE(expressions[id], add(*field, id));
        }
        source.columns.push_back(expressions[id] + " AS " + QuoteIdentifier(KeyName(id)));
      }
    }
    std::string lineage[2];
    for (int i = 0; i < 2; ++i) {
      const bool wanted = Wants(i == 0 ? kRowIdColumn : kRowSequenceColumn);
      const int32_t id = i == 0 ? table::kRowIdFieldId : table::kLastUpdatedFieldId;
      if (!wanted) continue;
      ARROW_ASSIGN_OR_RAISE(lineage[i],
                            add(*arrow::field(fmt::format("#lineage{}", i), arrow::int64()), id));
    }
    AddHidden(run, lineage[0], lineage[1], &source);
    source.from = ReadParquet(paths, read.Option(), MayHoldNan(run));
    return source;
  }

  Result<Source> SourceByName(const Run& run, const std::vector<std::string>& paths) const {
    const table::ScanFile& file = plan_.files[run.begin];
    const auto& stored = file.columns->schema->fields();
    Source source;
    auto value = [&](const arrow::Field& field) -> Result<std::string> {
      const int32_t id = table::FieldIdOf(field).value_or(-1);
      if (const FieldPtr then = FindById(stored, id)) {
        return ReadAs(field, *then, QuoteIdentifier(then->name()));
      }
      const auto constant = file.identity_values.find(id);
      return constant == file.identity_values.end() ? DefaultSql(field)
                                                    : ValueSql(field, constant->second);
    };
    ARROW_RETURN_NOT_OK(CheckNamesAreClear(stored, file.file.uri));
    for (const FieldPtr& field : fields_) {
      ARROW_ASSIGN_OR_RAISE(const std::string expression, value(*field));
      source.columns.push_back(expression + " AS " + QuoteIdentifier(field->name()));
    }
    if (run.has_equality) {
      for (const auto& [id, field] : keys_) {
        ARROW_ASSIGN_OR_RAISE(const std::string expression, value(*field));
        source.columns.push_back(expression + " AS " + QuoteIdentifier(KeyName(id)));
      }
    }
    auto lineage = [&](int32_t id) {
      const FieldPtr field = FindById(stored, id);
      return field == nullptr ? std::string("CAST(NULL AS BIGINT)")
                              : QuoteIdentifier(field->name());
    };
    AddHidden(run, lineage(table::kRowIdFieldId), lineage(table::kLastUpdatedFieldId), &source);
    source.from = ReadParquet(paths, "", MayHoldNan(run));
    return source;
  }

  // NaN is the greatest number in SQL, but the statistics in Parquet files leave it out.
  bool MayHoldNan(const Run& run) const {
    for (size_t i = run.begin; i < run.end; ++i) {
      const auto& counts = plan_.files[i].file.nan_counts;
      for (const int32_t id : floating_ids_) {
        const auto count = counts.find(id);
        if (count == counts.end() || count->second > 0) return true;
      }
    }
    return false;
  }

  bool Wants(std::string_view hidden) const {
    return std::find(selection_.hidden.begin(), selection_.hidden.end(), hidden) !=
           selection_.hidden.end();
  }

  void AddHidden(const Run& run, const std::string& row_id, const std::string& row_sequence,
                 Source* source) const {
    const std::string file = FileNumber(run.begin);
    for (const std::string& name : selection_.hidden) {
      source->columns.push_back(Hidden(name, file, row_id, row_sequence) + " AS " +
                                QuoteIdentifier(name));
    }
    if (!run.has_equality) return;
    source->columns.push_back(NumberOf(ScanNumber::kSequence, file) + " AS " +
                              QuoteIdentifier(kSequence));
    source->columns.push_back(NumberOf(ScanNumber::kPartition, file) + " AS " +
                              QuoteIdentifier(kPartition));
  }

  Result<std::string> SelectRun(const Run& run) const {
    std::vector<std::string> paths;
    for (size_t i = run.begin; i < run.end; ++i) paths.push_back(plan_.files[i].path);
    ARROW_ASSIGN_OR_RAISE(const Source source,
                          run.by_id ? SourceById(run, paths) : SourceByName(run, paths));
    std::string select =
        fmt::format("SELECT {} FROM {}", base::Join(source.columns, ", "), source.from);
    if (run.has_deletes) {
      select += fmt::format(" WHERE NOT __internal_pond_deleted({}::BIGINT, {}, file_row_number)",
                            selection_.scan, FileNumber(run.begin));
    }
    return run.has_equality ? WithoutEqual(run, select) : select;
  }

  /// Equality deletes of one kind: the same columns, in their partition or everywhere.
  using Kind = std::pair<std::vector<int32_t>, bool>;

  // `rows` less those that a newer equality delete names.
  Result<std::string> WithoutEqual(const Run& run, const std::string& rows) const {
    std::map<Kind, std::set<size_t>> kinds;
    for (size_t i = run.begin; i < run.end; ++i) {
      for (const size_t at : plan_.files[i].equality_deletes) {
        std::vector<int32_t> ids = plan_.deletes[at].file.equality_ids;
        std::sort(ids.begin(), ids.end());
        kinds[{std::move(ids), plan_.deletes[at].everywhere}].insert(at);
      }
    }
    std::vector<std::string> columns;
    for (const FieldPtr& field : fields_) {
      columns.push_back("t." + QuoteIdentifier(field->name()));
    }
    for (const std::string& name : selection_.hidden)
      columns.push_back("t." + QuoteIdentifier(name));
    std::string joins;
    std::vector<std::string> conditions;
    for (const auto& [kind, files] : kinds) {
      const std::string alias = fmt::format("d{}", conditions.size());
      ARROW_ASSIGN_OR_RAISE(const std::string newest, NewestDeletes(kind, files));
      std::vector<std::string> equal;
      for (const int32_t id : kind.first) {
        const std::string name = QuoteIdentifier(KeyName(id));
        equal.push_back(fmt::format("t.{} IS NOT DISTINCT FROM {}.{}", name, alias, name));
      }
      if (!kind.second) {
        const std::string name = QuoteIdentifier(kPartition);
        equal.push_back(fmt::format("t.{} = {}.{}", name, alias, name));
      }
      joins += fmt::format(" LEFT JOIN ({}) {} ON {}", newest, alias, base::Join(equal, " AND "));
      const std::string sequence = QuoteIdentifier(kSequence);
      conditions.push_back(fmt::format("({}.{} IS NULL OR {}.{} <= t.{})", alias, sequence, alias,
                                       sequence, sequence));
    }
    return fmt::format("SELECT {} FROM ({}) t{} WHERE {}", base::Join(columns, ", "), rows, joins,
                       base::Join(conditions, " AND "));
  }

  // The newest deletion of each key (and partition): a row is deleted where it is newer than the
  // row.
  Result<std::string> NewestDeletes(const Kind& kind, const std::set<size_t>& files) const {
    std::vector<std::string> selects;
    std::vector<std::string> names;
    for (const int32_t id : kind.first) names.push_back(QuoteIdentifier(KeyName(id)));
    ReadById read;
    for (const int32_t id : kind.first) {
      const arrow::Field& field = *keys_.at(id);
      ARROW_ASSIGN_OR_RAISE(const std::string type, StoredSqlTypeOf(field));
      read.Add(id, KeyName(id), type, std::nullopt);
    }
    const std::string group = base::Join(names, ", ");
    // Files are numbered as they lie in the plan, so neighbours share one SELECT.
    for (auto first = files.begin(); first != files.end();) {
      std::vector<std::string> paths;
      auto last = first;
      for (size_t next = *first; last != files.end() && *last == next; ++last, ++next) {
        paths.push_back(plan_.deletes[*last].path);
      }
      const std::string file = FileNumber(plan_.files.size() + *first);
      selects.push_back(fmt::format(
          "SELECT {}, {} AS {}, {} AS {} FROM {}", group, NumberOf(ScanNumber::kPartition, file),
          QuoteIdentifier(kPartition), NumberOf(ScanNumber::kSequence, file),
          QuoteIdentifier(kSequence), ReadParquet(paths, read.Option(), /*may_hold_nan=*/true)));
      first = last;
    }
    const std::string keys = kind.second ? group : group + ", " + QuoteIdentifier(kPartition);
    return fmt::format("SELECT {}, max({}) AS {} FROM ({}) GROUP BY {}", keys,
                       QuoteIdentifier(kSequence), QuoteIdentifier(kSequence),
                       base::Join(selects, " UNION ALL "), keys);
  }

  const FileSelection& selection_;
  const table::ScanPlan& plan_;
  const arrow::FieldVector& fields_;
  std::vector<int32_t> floating_ids_;
  std::map<int32_t, FieldPtr> keys_;
  std::map<std::string, FileLayout> layouts_;  // By FileColumns::signature.
};

}  // namespace

std::vector<std::string> OfferedHiddenColumns(const table::TableVersion& version,
                                              const std::set<std::string>& mentioned) {
  std::vector<std::string_view> known = {kFileColumn, kPositionColumn};
  if (version.table.metadata->format_version >= 3) {
    known.insert(known.end(), {kRowIdColumn, kRowSequenceColumn});
  }
  std::vector<std::string> offered;
  for (const std::string_view name : known) {
    if (!mentioned.contains(std::string(name))) continue;
    const auto& fields = version.schema->fields();
    const bool own = std::any_of(fields.begin(), fields.end(), [&](const auto& field) {
      return base::ToLower(field->name()) == name;
    });
    if (!own) offered.emplace_back(name);
  }
  return offered;
}

Result<std::string> SelectScan(const FileSelection& selection) {
  return ScanSelect(selection).Sql();
}

std::shared_ptr<const ScanFiles> ScanFilesFor(const std::shared_ptr<table::Catalog>& catalog,
                                              const table::ScanPlan& plan, bool has_hidden) {
  if (plan.deletes.empty() && !has_hidden) return nullptr;
  auto scan = std::make_shared<ScanFiles>();
  std::map<std::string, int64_t> partitions;
  auto number = [&](const std::string& partition) {
    return partitions.try_emplace(partition, static_cast<int64_t>(partitions.size())).first->second;
  };
  scan->files.reserve(plan.files.size() + plan.deletes.size());
  for (const table::ScanFile& file : plan.files) {
    scan->files.push_back(
        {file.file.uri, file.sequence, file.file.first_row_id, number(file.partition)});
  }
  for (const table::DeleteFile& file : plan.deletes) {
    scan->files.push_back({file.file.uri, file.sequence, {}, number(file.partition)});
  }
  scan->deletes = std::make_unique<const table::RowDeletes>(catalog, plan);
  return scan;
}

}  // namespace millpond::query
