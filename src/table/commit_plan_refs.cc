// The part of a table's plan that moves pointers and refs: what is written back for all branches,
// the table moved to a version of the past, dropped, or recorded as another engine left it; and the
// ledger changes of all of them. See commit_plan.h.
#include <algorithm>
#include <utility>

#include "table/branch_view.h"
#include "table/commit_plan.h"
#include "table/history_rows.h"

namespace millpond::table {
namespace {

using ledger::Compare;

std::string LocationOf(const std::optional<Table>& table) {
  return table ? table->metadata_location : "";
}

// What an attempt's result for a table depends on.
std::string StateOf(const TableBasis& basis) {
  std::string state = LocationOf(basis.stored);
  if (basis.current) {
    const TableMetadata& view = *basis.current->metadata;
    state += fmt::format("@{}/{}", view.current_snapshot_id.value_or(-1), view.current_schema_id);
  }
  return state;
}

}  // namespace

// The pond moved but this table did not: what was built for it still holds.
bool TableDraft::IsPlannedOn(const TableBasis& basis) const {
  return planned_ && planned_on_ == StateOf(basis);
}

Result<std::optional<TablePlan>> TableDraft::Keep(const TableBasis& basis, TablePlan plan) {
  plan.is_new = !basis.last;
  planned_ = std::move(plan);
  planned_on_ = StateOf(basis);
  return planned_;
}

Result<std::optional<TablePlan>> TableDraft::PlanStored(const TableBasis& basis, TableMetadata view,
                                                        const char* operation, BlobBatch* blobs) {
  const auto snapshot = view.current_snapshot_id;
  const int32_t schema_id = view.current_schema_id;
  const TableMetadata* others = basis.stored ? basis.stored->metadata.get() : nullptr;
  ARROW_ASSIGN_OR_RAISE(TableMetadata next, StoreView(name_, std::move(view), others, branch_));
  // A table that the catalog no longer has goes on from the metadata that it was found in.
  const Table* base = basis.stored ? &*basis.stored : nullptr;
  if (base == nullptr && basis.current) base = &*basis.current;
  if (base == nullptr && move_to_) base = &move_to_->table;
  TablePlan plan;
  ARROW_ASSIGN_OR_RAISE(plan.written, WriteMetadata(base, name_, std::move(next), blobs));
  plan.pointer_before = LocationOf(basis.stored);
  plan.pointer_after = plan.written->table.metadata_location;
  plan.change = {.table = name_,
                 .operation = operation,
                 .snapshot_before =
                     basis.current ? basis.current->metadata->current_snapshot_id : std::nullopt,
                 .snapshot_after = snapshot,
                 .schema_id = schema_id,
                 .metadata_before = LocationOf(basis.current),
                 .metadata_after = plan.pointer_after};
  return Keep(basis, std::move(plan));
}

Status TableDraft::MoveTo(TableVersion version) {
  ARROW_RETURN_NOT_OK(Ask(Request::kMove));
  move_to_ = std::move(version);
  return Status::OK();
}

void TableDraft::Expect(std::optional<TableVersion> state) { expected_ = std::move(state); }

Status TableDraft::CheckExpected(const TableBasis& basis) const {
  if (!expected_) return Status::OK();
  const std::optional<TableVersion>& expected = *expected_;
  if (!expected && !basis.current) return Status::OK();
  if (expected && basis.current) {
    const TableMetadata& now = *basis.current->metadata;
    if (now.uuid == expected->table.metadata->uuid &&
        now.current_snapshot_id == expected->snapshot_id &&
        now.current_schema_id == expected->schema_id) {
      return Status::OK();
    }
  }
  return base::Conflict("{} on branch '{}' has moved on meanwhile; run the command again",
                        name_.ToString(), branch_);
}

Result<std::optional<TablePlan>> TableDraft::PlanMove(const TableBasis& basis, BlobBatch* blobs) {
  if (IsPlannedOn(basis)) return planned_;
  DiscardAttempt();
  ARROW_ASSIGN_OR_RAISE(TableMetadata view, ViewAt(*move_to_, basis.stored));
  if (basis.current) {
    const TableMetadata& now = *basis.current->metadata;
    if (now.uuid == view.uuid && now.current_snapshot_id == view.current_snapshot_id &&
        now.current_schema_id == view.current_schema_id) {
      return std::nullopt;
    }
  }
  return PlanStored(basis, std::move(view), kMoveOperation, blobs);
}

Result<std::optional<TablePlan>> TableDraft::PlanDrop(const TableBasis& basis, BlobBatch* blobs) {
  if (IsPlannedOn(basis)) return planned_;
  DiscardAttempt();
  TablePlan plan;
  plan.change = {.table = name_,
                 .operation = kDropOperation,
                 .snapshot_before = basis.current->metadata->current_snapshot_id,
                 .snapshot_after = {},
                 .schema_id = {},
                 .metadata_before = basis.current->metadata_location,
                 .metadata_after = {}};
  plan.on_branch = false;
  plan.pointer_before = plan.pointer_after = LocationOf(basis.stored);
  const bool shows = basis.stored && (branch_ == kMainBranch || basis.branches.contains(branch_));
  if (shows) {
    auto next = WithoutBranch(*basis.stored->metadata, branch_, basis.branches);
    if (next) {
      ARROW_ASSIGN_OR_RAISE(plan.written,
                            WriteMetadata(&*basis.stored, name_, *std::move(next), blobs));
    }
    plan.pointer_after = plan.written ? plan.written->table.metadata_location : "";
  }
  return Keep(basis, std::move(plan));
}

Status TableDraft::Record() { return Ask(Request::kRecord); }

Result<std::optional<TablePlan>> TableDraft::PlanRecord(const TableBasis& basis) const {
  const bool was_known = basis.last && basis.last->operation != kDropOperation;
  if (!basis.current && !was_known) {
    return base::NotFound("no table {} to record", name_.ToString());
  }
  if (basis.current && IsRecorded(basis.last, *basis.current)) return std::nullopt;
  TablePlan plan;
  plan.change.table = name_;
  plan.change.operation = basis.current ? kRecordOperation : kDropOperation;
  plan.is_new = !basis.last;
  plan.on_branch = basis.current.has_value();
  // Nothing moves: the pointer's check only makes sure that nobody else moves it meanwhile.
  plan.pointer_before = plan.pointer_after = LocationOf(basis.stored);
  if (was_known) {
    plan.change.snapshot_before = basis.last->snapshot_after;
    plan.change.metadata_before = basis.last->metadata_after;
  }
  if (basis.current) {
    plan.change.snapshot_after = basis.current->metadata->current_snapshot_id;
    plan.change.schema_id = basis.current->metadata->current_schema_id;
    plan.change.metadata_after = basis.current->metadata_location;
  }
  return plan;
}

void TableDraft::AddPointerChanges(const TablePlan& plan, ledger::Transaction* transaction) const {
  const std::string conflict = name_.ToString() + " changed meanwhile";
  if (request_ == Request::kExpire) transaction->Append(expiry_holds_.guard);
  if (plan.is_new) {
    transaction->Upsert("pond_table",
                        {{"table_namespace", name_.space}, {"table_name", name_.name}});
  }
  if (plan.on_branch) {
    AddBranchTable(branch_, name_, transaction);
  } else {
    RemoveBranchTable(branch_, name_, transaction);
  }
  ledger::Conditions row = CatalogKey(name_);
  if (plan.pointer_before.empty()) {
    if (plan.pointer_after.empty()) {
      transaction->Delete("iceberg_tables", row, 0, conflict);
    } else {
      AddCatalogRow(name_, plan.pointer_after, conflict, transaction);
    }
    return;
  }
  row.push_back({"metadata_location", Compare::kEqual, plan.pointer_before});
  if (plan.pointer_after.empty()) {
    transaction->Delete("iceberg_tables", row, 1, conflict);
    return;
  }
  ledger::Row pointer = {{"metadata_location", plan.pointer_after}};
  if (plan.pointer_after != plan.pointer_before) {
    pointer["previous_metadata_location"] = plan.pointer_before;
  }
  transaction->Update("iceberg_tables", pointer, row, 1, conflict);
}

}  // namespace millpond::table
