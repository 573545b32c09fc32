// PendingCommit: collects what one pond commit changes. Landing it is in commit_land.cc.
#include "table/commit.h"

#include <arrow/api.h>

#include <utility>

#include "table/commit_state.h"

namespace millpond::table {

TableDraft& CommitState::Draft(const TableName& name) {
  auto found = drafts.find(name);
  if (found == drafts.end()) {
    found =
        drafts.emplace(name, std::make_unique<TableDraft>(catalog.get(), name, commit_id)).first;
  }
  return *found->second;
}

PendingCommit::PendingCommit(std::shared_ptr<Catalog> catalog, CommitInfo info)
    : state_(std::make_unique<State>(std::move(catalog), std::move(info))) {}

PendingCommit::~PendingCommit() {
  if (!state_->settled) state_->DiscardAll();
}

Status PendingCommit::Create(const TableName& name, std::shared_ptr<arrow::Schema> schema,
                             const std::vector<std::string>& identifier,
                             const std::map<std::string, std::string>& properties) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).Create(*schema, identifier, properties);
}

Status PendingCommit::Append(const TableName& name, std::vector<DataFile> files) {
  return state_->Take(name, std::move(files), &TableDraft::Append);
}

Status PendingCommit::Overwrite(const TableName& name, std::vector<DataFile> files,
                                std::optional<int64_t> base_snapshot) {
  return state_->Take(name, std::move(files),
                      [&](TableDraft& draft) { return draft.Overwrite(base_snapshot); });
}

Result<RowChangeReport> PendingCommit::ChangeRows(const TableName& name, RowDelta delta,
                                                  const base::Context& context) {
  RowChangeReport report;
  std::vector<DataFile> added = std::exchange(delta.added, {});
  ARROW_RETURN_NOT_OK(state_->Take(name, std::move(added), [&](TableDraft& draft) {
    return draft.ChangeRows(delta, context, &report);
  }));
  return report;
}

Status PendingCommit::EvolveTo(const TableName& name, std::shared_ptr<arrow::Schema> wanted) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).EvolveTo(*wanted);
}

Status PendingCommit::ReplaceSchema(const TableName& name, std::shared_ptr<arrow::Schema> columns) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).ReplaceSchema(*columns);
}

Status PendingCommit::Drop(const TableName& name) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).Drop();
}

Status PendingCommit::Record(const TableName& name) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).Record();
}

void PendingCommit::AddLedgerChanges(const ledger::Transaction& changes) {
  state_->extra.Append(changes);
}

CommitInfo& PendingCommit::info() { return state_->info; }

Result<std::shared_ptr<arrow::Schema>> PendingCommit::SchemaOf(const TableName& name) {
  TableDraft& draft = state_->Draft(name);
  ARROW_RETURN_NOT_OK(draft.UseExisting());
  return draft.WriteSchema();
}

}  // namespace millpond::table
