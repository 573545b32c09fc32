// PendingCommit: collects what one pond commit changes. Landing it is in commit_land.cc.
#include "table/commit.h"

#include <arrow/api.h>

#include <utility>

#include "table/commit_state.h"
#include "table/expiry.h"
#include "table/history_rows.h"

namespace millpond::table {

TableDraft& CommitState::Draft(const TableName& name) {
  auto found = drafts.find(name);
  if (found == drafts.end()) {
    found = drafts
                .emplace(name,
                         std::make_unique<TableDraft>(catalog.get(), name, info.branch, commit_id))
                .first;
  }
  return *found->second;
}

Status CommitState::CheckOpen() {
  if (spent) return base::Invalid("this commit has been landed; start a new one");
  if (branch_checked) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const PondRef branch, FindBranch(catalog->ledger(), info.branch));
  ARROW_RETURN_NOT_OK(CheckProtection(branch, info));
  branch_checked = true;
  return Status::OK();
}

// What protects a branch: only a merge of another branch moves it, which names the commit that it
// merges, or is a fast-forward. (MERGE INTO is a change of rows like any other.)
Status CheckProtection(const PondRef& branch, const CommitInfo& info) {
  if (!branch.is_protected || info.merge_parent || info.is_upkeep) return Status::OK();
  return base::Denied(
      "branch '{0}' is protected: commit to another branch and merge that into it, or "
      "`millpond branch {0} --unprotect` first",
      branch.name);
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

Result<CompactionReport> PendingCommit::Compact(const TableName& name, const CompactionPlan& plan,
                                                const CompactionRule& rule,
                                                const base::Context& context) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  CompactionReport report;
  ARROW_RETURN_NOT_OK(state_->Draft(name).Compact(plan, rule, context, &report));
  return report;
}

Status PendingCommit::MergeManifests(const TableName& name, int64_t min_count) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).MergeManifests(min_count);
}

Status PendingCommit::Expire(const TableName& name, const ExpiryPolicy& policy, ExpiryHolds holds) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).Expire(policy, std::move(holds));
}

Status PendingCommit::EvolveTo(const TableName& name, std::shared_ptr<arrow::Schema> wanted) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).EvolveTo(*wanted);
}

Status PendingCommit::ReplaceSchema(const TableName& name, std::shared_ptr<arrow::Schema> columns) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).ReplaceSchema(*columns);
}

Status PendingCommit::AdoptSchema(const TableName& name, int32_t schema_id) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).AdoptSchema(schema_id);
}

Status PendingCommit::MoveTo(const TableName& name, TableVersion version) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).MoveTo(std::move(version));
}

Status PendingCommit::Expect(const TableName& name, std::optional<TableVersion> state) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  state_->Draft(name).Expect(std::move(state));
  return Status::OK();
}

Status PendingCommit::AlterSchema(const TableName& name, const std::vector<SchemaStep>& steps) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).AlterSchema(steps);
}

Status PendingCommit::SetProperties(
    const TableName& name, const std::map<std::string, std::optional<std::string>>& properties) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).SetProperties(properties);
}

Status PendingCommit::Drop(const TableName& name) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).Drop();
}

Status PendingCommit::Update(const TableName& name, base::Json requirements, base::Json updates) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).Update(std::move(requirements), std::move(updates));
}

Status PendingCommit::Register(const TableName& name, const std::string& metadata_location) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).Register(metadata_location, name);
}

Status PendingCommit::Rename(const TableName& from, const TableName& to) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  ARROW_ASSIGN_OR_RAISE(Table table, state_->catalog->Load(from));
  ARROW_RETURN_NOT_OK(state_->Draft(to).Register(table.metadata_location, from));
  return state_->Draft(from).Drop(table.metadata_location);
}

Status PendingCommit::Record(const TableName& name) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  return state_->Draft(name).Record();
}

void PendingCommit::AddLedgerChanges(const ledger::Transaction& changes) {
  state_->extra.Append(changes);
}

void PendingCommit::AddLedgerChanges(
    std::function<Result<ledger::Transaction>(const PondCommit&)> changes) {
  state_->extra_of_commit.push_back(std::move(changes));
}

Result<Table> PendingCommit::Existing(const TableName& name) const {
  return History(state_->catalog).OnBranch(name, state_->info.branch);
}

CommitInfo& PendingCommit::info() { return state_->info; }

Result<std::shared_ptr<arrow::Schema>> PendingCommit::SchemaOf(const TableName& name) {
  TableDraft& draft = state_->Draft(name);
  ARROW_RETURN_NOT_OK(draft.UseExisting());
  return draft.WriteSchema();
}

}  // namespace millpond::table
