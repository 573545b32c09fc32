// Landing a pond commit: the optimistic loop of reading the pond's state, building on it, and one
// ledger transaction that swaps every pointer and writes the history, or fails whole. Protocol:
// docs/design/commits.md.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"
#include "table/commit_path.h"
#include "table/commit_state.h"
#include "table/history_rows.h"
#include "table/merged_cursors.h"
#include "table/retry.h"

namespace millpond::table {
namespace {

// Eight writers that never pause share a pond; each waits a few of the others' turns.
constexpr std::chrono::seconds kRetryBudget{30};

constexpr const char* kRequestHash = "request_hash";

/// One Land call. Holds nothing that outlives it; the drafts keep what later attempts reuse.
class Landing {
 public:
  Landing(CommitState* state, const base::Context& context)
      : state_(*state), context_(context), retry_(kRetryBudget) {
    for (const auto& [name, draft] : state_.drafts) names_.push_back(name);
  }

  Result<PondCommit> Run() {
    ARROW_RETURN_NOT_OK(CheckInfo());
    while (true) {
      ARROW_RETURN_NOT_OK(context_.CheckStop());
      ARROW_ASSIGN_OR_RAISE(auto earlier, FindEarlier());
      if (earlier) {
        state_.DiscardAll();
        return *earlier;
      }
      auto basis = CommitBasis::Read(*state_.catalog, state_.info.branch, names_);
      if (!basis.ok()) {
        // The metadata that a pointer named may have been trimmed since; a pointer that stays
        // broken runs out of attempts.
        if (base::KindOf(basis.status()) != base::ErrorKind::kNotFound) return basis.status();
        ARROW_RETURN_NOT_OK(FindBranch(state_.catalog->ledger(), state_.info.branch).status());
        ARROW_RETURN_NOT_OK(retry_.Wait(basis.status(), context_));
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(PondCommit commit, Build(*basis));
      Status landed = state_.catalog->ledger().Apply(transaction_);
      if (landed.ok()) return Settle(std::move(commit));
      ARROW_ASSIGN_OR_RAISE(bool did_land, DidLand(landed));
      if (did_land) return Settle(std::move(commit));
      if (!LostRace(landed)) return landed;
      ARROW_ASSIGN_OR_RAISE(bool moved, Moved(*basis));
      if (!moved) return landed;  // Not a race: a ledger change of the caller's does not hold.
      ARROW_RETURN_NOT_OK(retry_.Wait(landed, context_));
    }
  }

 private:
  Status CheckInfo() const {
    const CommitInfo& info = state_.info;
    if (info.author.empty() || info.operation.empty()) {
      return base::Invalid("a commit needs an author and an operation");
    }
    if (!info.inputs.is_array() || !info.details.is_object()) {
      return base::Invalid("a commit's inputs are a list and its details an object");
    }
    if (info.idempotency_key && info.idempotency_key->empty()) {
      return base::Invalid("the idempotency key is empty; leave it out or give it a value");
    }
    return Status::OK();
  }

  Result<std::optional<PondCommit>> FindEarlier() const {
    const auto& key = state_.info.idempotency_key;
    if (!key) return std::nullopt;
    ledger::Ledger& ledger = state_.catalog->ledger();
    ARROW_ASSIGN_OR_RAISE(
        auto rows, ledger.Select({.table = "pond_commit",
                                  .where = {{"idempotency_key", ledger::Compare::kEqual, *key}}}));
    if (rows.empty()) return std::nullopt;
    ARROW_ASSIGN_OR_RAISE(std::string id, ledger::TextOf(rows[0], "commit_id"));
    ARROW_ASSIGN_OR_RAISE(auto earlier, FindCommit(ledger, id));
    if (!earlier || IsRepetitionOf(*earlier)) return earlier;
    return base::AlreadyExists(
        "the idempotency key '{}' belongs to another request, which commit {} answered ({}: {}); "
        "nothing was changed. Use a new key",
        *key, earlier->id, earlier->operation, earlier->message);
  }

  std::string RequestHash() const {
    const CommitInfo& info = state_.info;
    base::Json request = info.request;
    if (request.is_null()) {
      request = base::Json::array();
      for (const TableName& name : names_) request.push_back(name.ToString());
    }
    return base::Hash128Hex(base::CanonicalJson(
        {{"operation", info.operation}, {"branch", info.branch}, {"request", request}}));
  }

  // Commits of versions that kept no hash are told apart by their operation alone.
  bool IsRepetitionOf(const PondCommit& earlier) const {
    const auto hash = earlier.details.find(kRequestHash);
    if (hash == earlier.details.end()) return earlier.operation == state_.info.operation;
    return *hash == RequestHash();
  }

  // The pond's last word on a table and what the catalog says differ: another engine wrote it, and
  // this commit builds on that.
  static void NoteAdopted(const TablePlan& plan, const TableBasis& basis, base::Json* details) {
    if (!basis.current || plan.change.operation == kRecordOperation) return;
    if (IsRecorded(basis.last, *basis.current)) return;
    base::Json note = {{"table", plan.change.table.ToString()}};
    if (const auto& snapshot = basis.current->metadata->current_snapshot_id) {
      note["snapshot"] = *snapshot;
    }
    (*details)["adopted"].push_back(std::move(note));
  }

  // Places the commit after the head: on its lane, or on a new one where the lane goes on
  // elsewhere.
  void Place(const CommitBasis& basis, PondCommit* commit) {
    const LanePoint head = PointOf(basis.head);
    commit->sequence = basis.newest_sequence + 1;
    commit->generation = head.generation + 1;
    commit->lane = basis.head_ends_lane ? head.lane : commit->id;
    if (basis.head) commit->parent = basis.head->id;
    if (basis.head_ends_lane) return;
    transaction_.Insert(
        "pond_lane",
        {{"lane", commit->lane}, {"parent_lane", head.lane}, {"fork_generation", head.generation}});
  }

  Result<PondCommit> Build(const CommitBasis& basis) {
    const CommitInfo& info = state_.info;
    ARROW_RETURN_NOT_OK(CheckProtection(basis.branch, info));
    transaction_ = {};
    PondCommit commit;
    commit.id = state_.commit_id;
    Place(basis, &commit);
    commit.merge_parent = info.merge_parent;
    commit.author = info.author;
    commit.message = info.message;
    commit.operation = info.operation;
    // Refs by time rely on times that never go back along a path, whatever the clocks of its
    // writers say.
    commit.created_ms = std::max(base::NowMs(), basis.head ? basis.head->created_ms : 0);
    commit.inputs = info.inputs;
    commit.details = info.details;
    commit.idempotency_key = info.idempotency_key;
    if (commit.idempotency_key) commit.details[kRequestHash] = RequestHash();
    BlobBatch blobs;
    written_.clear();
    for (const auto& [name, draft] : state_.drafts) {
      const TableBasis& table = basis.tables.at(name);
      ARROW_ASSIGN_OR_RAISE(auto plan, draft->Plan(table, &blobs));
      if (!plan) continue;
      NoteAdopted(*plan, table, &commit.details);
      if (!plan->expired.empty()) commit.details["expired"][name.ToString()] = plan->expired;
      draft->AddPointerChanges(*plan, &transaction_);
      commit.changes.push_back(plan->change);
      if (plan->written) written_.push_back(*plan->written);
    }
    if (commit.changes.empty() && state_.extra.empty() && !info.merge_parent) {
      return base::Invalid("nothing to commit: no table would change");
    }
    ARROW_RETURN_NOT_OK(blobs.Write(state_.catalog->store()));
    AddCommitRows(commit, info.branch, &transaction_);
    if (commit.merge_parent) {
      ARROW_RETURN_NOT_OK(
          AddMergedCursors(state_.catalog->ledger(), basis.head, commit, &transaction_));
    }
    transaction_.Append(state_.extra);
    for (const auto& changes : state_.extra_of_commit) {
      ARROW_ASSIGN_OR_RAISE(const ledger::Transaction rows, changes(commit));
      transaction_.Append(rows);
    }
    return commit;
  }

  // After an error the transaction may have landed all the same (a connection lost after the
  // commit).
  Result<bool> DidLand(const Status& error) {
    auto rows = state_.catalog->ledger().Select(CommitQuery(state_.commit_id));
    if (rows.ok()) return !rows->empty();
    state_.settled = true;
    return base::WithContext(
        "it is not known whether the commit landed; look at the log before trying again", error);
  }

  Result<bool> Moved(const CommitBasis& basis) {
    auto now = CommitBasis::Read(*state_.catalog, state_.info.branch, names_);
    if (!now.ok()) return true;  // The next attempt meets and reports the error.
    if (basis.MovedIn(*now)) return true;
    ARROW_ASSIGN_OR_RAISE(auto earlier, FindEarlier());
    return earlier.has_value();
  }

  PondCommit Settle(PondCommit commit) {
    state_.settled = true;
    for (const WrittenMetadata& written : written_) {
      state_.catalog->Remember(written.table.metadata_location, written.table.metadata);
      DeleteQuietly(state_.catalog->store(), written.expired);
    }
    DeleteQuietly(state_.catalog->store(), state_.refused_files);
    return commit;
  }

  CommitState& state_;
  const base::Context& context_;
  Retry retry_;
  std::vector<TableName> names_;
  ledger::Transaction transaction_;
  std::vector<WrittenMetadata> written_;
};

}  // namespace

Result<PondCommit> PendingCommit::Land(const base::Context& context) {
  ARROW_RETURN_NOT_OK(state_->CheckOpen());
  state_->spent = true;
  return Landing(state_.get(), context).Run();
}

}  // namespace millpond::table
