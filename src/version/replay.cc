// Table by table: take over, keep, or join; see the header.
#include "version/replay.h"

#include <arrow/type.h>

#include <algorithm>
#include <set>
#include <utility>

#include "table/schema.h"

namespace millpond::version {
namespace {

using base::Json;
using table::TableName;

class Replaying {
 public:
  Replaying(query::Session& session, const table::CommitInfo& info, Prefer prefer, bool dry_run,
            const base::Context& context)
      : session_(session),
        branch_(info.branch),
        prefer_(prefer),
        writes_(!dry_run),
        context_(context),
        pending_(session.catalog(), info) {}

  Result<ReplayOutcome> Run(const std::vector<TableTask>& tasks) {
    for (const TableTask& task : tasks) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      ARROW_RETURN_NOT_OK(base::WithContext(task.table.ToString(), Decide(task)));
    }
    if (!writes_ || outcome_.refused(prefer_)) return std::move(outcome_);
    if (!changes_ && !pending_.info().merge_parent) return std::move(outcome_);
    pending_.info().details["tables"] = Summary();
    ARROW_ASSIGN_OR_RAISE(outcome_.commit, pending_.Land(context_));
    return std::move(outcome_);
  }

 private:
  Status Decide(const TableTask& task) {
    ARROW_ASSIGN_OR_RAISE(const TableState ours, StateAt(session_.catalog(), task.table, branch_));
    TableOutcome& outcome = outcome_.tables.emplace_back();
    outcome.table = task.table;
    outcome.rows_before = RowsOf(ours);
    if (SameState(ours, task.theirs) || SameState(task.base, task.theirs)) return Keep(&outcome);
    if (SameState(ours, task.base)) return Take(task, ours, &outcome);
    const bool same_table =
        ours && task.theirs && ours->table.metadata->uuid == task.theirs->table.metadata->uuid &&
        (!task.base || task.base->table.metadata->uuid == ours->table.metadata->uuid);
    if (!same_table) {
      const char* reason = !ours          ? "dropped on one side, changed on the other"
                           : !task.theirs ? "changed on one side, dropped on the other"
                                          : "another table of the same name on each side";
      return WholeConflict(task, ours, reason, &outcome);
    }
    return Join(task, ours, &outcome);
  }

  static Status Keep(TableOutcome* outcome) {
    outcome->action = "keep";
    outcome->rows_after = outcome->rows_before;
    return Status::OK();
  }

  Status Take(const TableTask& task, const TableState& ours, TableOutcome* outcome) {
    changes_ = true;
    outcome->action = !task.theirs ? "drop" : !ours ? "create" : "move";
    outcome->rows_after = RowsOf(task.theirs);
    if (ours && task.theirs) CompareColumns(*ours, *task.theirs, outcome);
    if (!writes_) return Status::OK();
    ARROW_RETURN_NOT_OK(pending_.Expect(task.table, ours));
    if (!task.theirs) return pending_.Drop(task.table);
    return pending_.MoveTo(task.table, *task.theirs);
  }

  static void CompareColumns(const table::TableVersion& ours, const table::TableVersion& then,
                             TableOutcome* outcome) {
    outcome->columns_added = ColumnsOnlyIn(*then.schema, *ours.schema);
    outcome->columns_dropped = ColumnsOnlyIn(*ours.schema, *then.schema);
  }

  Status WholeConflict(const TableTask& task, const TableState& ours, const std::string& reason,
                       TableOutcome* outcome) {
    outcome->conflicts = 1;
    ++outcome_.conflict_count;
    if (static_cast<int64_t>(outcome_.conflicts.size()) < kListedConflicts) {
      outcome_.conflicts.push_back({{"table", task.table.ToString()}, {"reason", reason}});
    }
    return prefer_ == Prefer::kTheirs ? Take(task, ours, outcome) : Keep(outcome);
  }

  Status Join(const TableTask& task, const TableState& ours, TableOutcome* outcome) {
    ARROW_ASSIGN_OR_RAISE(const table::TableVersion* columns_of, ColumnsAfter(task, *ours));
    const auto key = KeyFieldsOf(*columns_of);
    if (!HaveColumns(task, *ours, key)) {
      return WholeConflict(task, ours,
                           "rows changed on both sides, and it has no identifier columns on both "
                           "to tell them apart by",
                           outcome);
    }
    if (task.theirs_ref.empty()) {
      return base::Conflict("it changed meanwhile; run the command again");
    }
    ARROW_ASSIGN_OR_RAISE(const RowMerge merge, PlanRows(task, *ours, *columns_of, key));
    CompareColumns(*ours, *columns_of, outcome);
    // What cannot land any more is only looked at.
    table::PendingCommit* pending = writes_ && !outcome_.refused(prefer_) ? &pending_ : nullptr;
    if (pending != nullptr) {
      ARROW_RETURN_NOT_OK(pending->Expect(task.table, ours));
      if (columns_of->schema_id != ours->schema_id) {
        ARROW_RETURN_NOT_OK(pending->AdoptSchema(task.table, columns_of->schema_id));
        changes_ = true;
      }
    }
    outcome->action = "rows";
    ARROW_ASSIGN_OR_RAISE(outcome->rows, MergeRows(session_, merge, pending, context_));
    const auto& rows = outcome->rows;
    changes_ |= rows.added + rows.removed + rows.changed > 0;
    outcome->conflicts = rows.conflicts;
    outcome_.conflict_count += rows.conflicts;
    return List(merge, rows.conflicts);
  }

  Result<RowMerge> PlanRows(const TableTask& task, const table::TableVersion& ours,
                            const table::TableVersion& columns_of,
                            const std::vector<int32_t>& key) const {
    RowMerge merge;
    merge.table = task.table;
    merge.ours_snapshot = ours.snapshot_id;
    merge.columns = columns_of.schema;
    merge.schema_id = columns_of.schema_id;
    merge.row_ids = ours.table.metadata->format_version >= 3;
    merge.prefer = prefer_;
    std::set<int32_t> only_ours;
    for (const auto& field : columns_of.schema->fields()) {
      const int32_t id = table::FieldIdOf(*field).value_or(-1);
      if (!HasField(*task.theirs, id)) only_ours.insert(id);
    }
    Sides sides{.base = task.base ? SqlAt(task.table, task.base_ref) : "",
                .ours = SqlAt(task.table, branch_),
                .theirs = SqlAt(task.table, task.theirs_ref)};
    ARROW_ASSIGN_OR_RAISE(merge.query, ThreeWay::Make(std::move(sides), *columns_of.schema, key,
                                                      only_ours, merge.row_ids));
    return merge;
  }

  Status List(const RowMerge& merge, int64_t conflicts) {
    const int64_t room = kListedConflicts - static_cast<int64_t>(outcome_.conflicts.size());
    if (conflicts == 0 || room <= 0) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto listed, ListConflicts(session_, merge, room, context_));
    std::move(listed.begin(), listed.end(), std::back_inserter(outcome_.conflicts));
    return Status::OK();
  }

  static bool HasField(const table::TableVersion& version, int32_t id) {
    const auto& fields = version.schema->fields();
    return std::any_of(fields.begin(), fields.end(),
                       [id](const auto& field) { return table::FieldIdOf(*field) == id; });
  }

  // A column that some version lacks tells none of its rows apart.
  static bool HaveColumns(const TableTask& task, const table::TableVersion& ours,
                          const std::vector<int32_t>& key) {
    return !key.empty() && std::all_of(key.begin(), key.end(), [&](int32_t id) {
      return HasField(ours, id) && HasField(*task.theirs, id) &&
             (!task.base || HasField(*task.base, id));
    });
  }

  // The side whose columns the table has afterwards: the one that changed them.
  Result<const table::TableVersion*> ColumnsAfter(const TableTask& task,
                                                  const table::TableVersion& ours) const {
    if (ours.schema_id == task.theirs->schema_id ||
        ours.schema->Equals(*task.theirs->schema, /*check_metadata=*/true)) {
      return &ours;
    }
    if (task.base && ours.schema_id == task.base->schema_id) return &*task.theirs;
    if (task.base && task.theirs->schema_id == task.base->schema_id) return &ours;
    return base::Conflict(
        "its columns were changed on both sides; undo the change on one of them (`millpond restore "
        "{} --to REF --branch BRANCH` takes the columns of before), and make it again afterwards",
        task.table.ToString());
  }

  Json Summary() const {
    Json tables = Json::array();
    for (const TableOutcome& outcome : outcome_.tables) {
      if (outcome.action == "keep" && outcome.conflicts == 0) continue;
      Json entry = {{"table", outcome.table.ToString()}, {"action", outcome.action}};
      if (outcome.action == "rows") {
        entry["added"] = outcome.rows.added;
        entry["removed"] = outcome.rows.removed;
        entry["changed"] = outcome.rows.changed;
      }
      if (!outcome.columns_added.empty()) entry["columns_added"] = outcome.columns_added;
      if (!outcome.columns_dropped.empty()) entry["columns_dropped"] = outcome.columns_dropped;
      if (outcome.conflicts > 0) entry["conflicts"] = outcome.conflicts;
      tables.push_back(std::move(entry));
    }
    return tables;
  }

  query::Session& session_;
  const std::string branch_;
  const Prefer prefer_;
  const bool writes_;
  const base::Context& context_;
  table::PendingCommit pending_;
  ReplayOutcome outcome_;
  bool changes_ = false;
};

}  // namespace

Result<ReplayOutcome> Replay(query::Session& session, table::CommitInfo info,
                             const std::vector<TableTask>& tasks, Prefer prefer, bool dry_run,
                             const base::Context& context) {
  return Replaying(session, info, prefer, dry_run, context).Run(tasks);
}

}  // namespace millpond::version
