// What a PendingCommit holds; shared by the two files that implement it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random_id.h"
#include "table/commit.h"
#include "table/commit_plan.h"
#include "table/table_folder.h"

namespace millpond::table {

struct CommitState {
  CommitState(std::shared_ptr<Catalog> catalog_in, CommitInfo info_in)
      : catalog(std::move(catalog_in)), info(std::move(info_in)), commit_id(base::NewUuid()) {
    // Where it cannot be made no blob can be written either, and that is what the caller hears.
    if (auto made = catalog->store().MarkWrite(); made.ok()) mark = *std::move(made);
  }

  std::shared_ptr<Catalog> catalog;
  CommitInfo info;
  const std::string
      commit_id;  // Same in every attempt: tells whether an attempt of unknown outcome landed.
  // Files that writers made for this commit are not taken for orphans, however long it takes.
  std::unique_ptr<store::WriteMark> mark;
  std::map<TableName, std::unique_ptr<TableDraft>> drafts;
  ledger::Transaction extra;
  std::vector<std::function<Result<ledger::Transaction>(const PondCommit&)>> extra_of_commit;
  std::vector<std::string> refused_files;  // Handed in with a call that failed.
  bool settled = false;                    // Landed, or nobody knows: files must stay.
  bool spent = false;                      // Land was called.
  bool branch_checked = false;

  TableDraft& Draft(const TableName& name);

  /// Refuses a commit that was landed, and, before anything is read for it, one that its branch
  /// would refuse.
  Status CheckOpen();

  /// Asks the draft, and keeps the files to delete where it refuses them.
  template <class Request>
  Status Take(const TableName& name, std::vector<DataFile> files, Request request) {
    TableDraft& draft = Draft(name);
    Status status = CheckOpen();
    if (status.ok()) status = std::invoke(request, draft);
    if (!status.ok()) {
      for (const DataFile& file : files) refused_files.push_back(file.uri);
      return status;
    }
    draft.AddFiles(std::move(files));
    return status;
  }

  void DiscardAll() {
    for (auto& [name, draft] : drafts) draft->DiscardAll();
    DeleteQuietly(catalog->store(), refused_files);
    refused_files.clear();
  }
};

/// kDenied where the branch is protected and the commit is no merge.
Status CheckProtection(const PondRef& branch, const CommitInfo& info);

struct PendingCommit::State : CommitState {
  using CommitState::CommitState;
};

}  // namespace millpond::table
