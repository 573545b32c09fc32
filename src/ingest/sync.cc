// Sync: each stream of a source into its table, all in one pending commit that lands at the end.
#include "ingest/sync.h"

#include <arrow/api.h>

#include <chrono>
#include <utility>

#include "base/text.h"
#include "ingest/batch_pump.h"
#include "ingest/sync_cursor.h"
#include "ingest/table_target.h"
#include "table/commit.h"
#include "table/rejects_writer.h"
#include "table/schema.h"

namespace millpond::ingest {
namespace {

using base::Invalid;
using base::Json;
using Clock = std::chrono::steady_clock;

// Batches of at most 16 MiB that wait between reader and writer.
constexpr size_t kQueuedBatches = 3;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The columns that a source should give for a table that exists.
std::shared_ptr<arrow::Schema> ExpectedSchema(const table::Table& table) {
  const auto plain = table::WithoutFieldIds(*table.metadata->schema().arrow);
  arrow::FieldVector fields;
  for (const auto& field : plain->fields()) {
    if (field->name() != table::kSampleId) fields.push_back(field);
  }
  return arrow::schema(std::move(fields));
}

/// One stream opened at the right place.
struct OpenStream {
  std::unique_ptr<source::Source> source;  // Outlives the reader.
  std::unique_ptr<source::StreamReader> reader;
};

class StreamSync {
 public:
  StreamSync(std::shared_ptr<table::Catalog> catalog, const SyncRequest& request,
             const base::Context& context)
      : catalog_(std::move(catalog)), request_(request), context_(context) {}

  /// Reads the stream into `commit`; false where nothing was new. `first` has been described, and
  /// is taken by the first stream that it can serve; `identity` is its.
  Result<bool> Run(std::unique_ptr<source::Source>* first, const std::string& identity,
                   const source::StreamInfo& stream, table::PendingCommit* commit);

  SyncedTable& synced() { return synced_; }
  const Json& inputs() const { return inputs_; }
  /// For the commit that the stream's rows land in; nullopt: it was read no further.
  std::optional<CursorMove> Moved() const;

 private:
  Status Prepare(const source::StreamInfo& stream, const table::PendingCommit& commit);
  Result<OpenStream> Open(std::unique_ptr<source::Source>* first, const std::string& stream);
  Status Copy(source::StreamReader* reader, TableTarget* target, table::RejectsWriter* rejects);
  Status Keep(const std::vector<source::Reject>& rejected, table::RejectsWriter* rejects);
  Result<bool> IsNew(const TableTarget& target, const SyncCursor& after);

  std::shared_ptr<table::Catalog> catalog_;
  const SyncRequest& request_;
  const base::Context& context_;
  CursorKey key_;
  SyncCursor before_;
  std::optional<table::Table> existing_;
  SyncedTable synced_;
  Json inputs_ = Json::array();
  std::optional<SyncCursor> after_;  ///< Where it is not as before.
};

std::optional<CursorMove> StreamSync::Moved() const {
  if (!after_) return std::nullopt;
  return CursorMove{key_, before_, *after_};
}

Status StreamSync::Prepare(const source::StreamInfo& stream, const table::PendingCommit& commit) {
  ARROW_ASSIGN_OR_RAISE(synced_.table, ResolveTableName(request_.table, stream.name));
  synced_.stream = stream.name;
  synced_.source_report = stream.report;
  key_.stream = stream.name;
  key_.table = synced_.table;
  ARROW_ASSIGN_OR_RAISE(auto head, table::History(catalog_).Resolve(request_.branch));
  ARROW_ASSIGN_OR_RAISE(before_, CursorAt(catalog_->ledger(), key_, table::PointOf(head)));
  auto loaded = commit.Existing(synced_.table);
  if (!loaded.ok()) {
    // A cursor without its table speaks of rows that were dropped since.
    before_ = {.position = nullptr, .options_hash = {}, .at = before_.at};
    return base::KindOf(loaded.status()) == base::ErrorKind::kNotFound ? Status::OK()
                                                                       : loaded.status();
  }
  existing_ = *std::move(loaded);
  if (const auto* snapshot = existing_->metadata->current_snapshot()) {
    synced_.snapshot = snapshot->id;
  }
  if (before_.forgotten && request_.disposition == Disposition::kAppend) {
    return base::Conflict(
        "how far {} was read into {} at the commit that branch '{}' began from is no longer kept; "
        "sync with --replace, or begin the branch from a newer commit",
        request_.url, synced_.table.ToString(), request_.branch);
  }
  return Status::OK();
}

Result<OpenStream> StreamSync::Open(std::unique_ptr<source::Source>* first,
                                    const std::string& stream) {
  OpenStream opened;
  source::SourceOptions options = request_.source;
  if (existing_) options.expected_schema = ExpectedSchema(*existing_);
  if (request_.disposition == Disposition::kAppend) options.cursor = before_.position;
  const bool as_described = *first != nullptr && !existing_ && options.cursor.is_null();
  if (as_described) {
    opened.source = std::move(*first);
  } else {
    ARROW_ASSIGN_OR_RAISE(opened.source, source::OpenSource(request_.url, options));
    ARROW_ASSIGN_OR_RAISE(auto streams, opened.source->Describe(context_));
    for (const auto& info : streams) {
      if (info.name == stream) synced_.source_report = info.report;
    }
  }
  ARROW_ASSIGN_OR_RAISE(opened.reader, opened.source->Open(stream, context_));
  return opened;
}

Status StreamSync::Keep(const std::vector<source::Reject>& rejected,
                        table::RejectsWriter* rejects) {
  for (const source::Reject& reject : rejected) {
    ARROW_RETURN_NOT_OK(rejects->Add({.file = reject.file,
                                      .line = reject.line,
                                      .column = reject.column,
                                      .reason = reject.reason,
                                      .raw = reject.raw},
                                     context_));
  }
  return Status::OK();
}

Status StreamSync::Copy(source::StreamReader* reader, TableTarget* target,
                        table::RejectsWriter* rejects) {
  BatchPump pump(reader, kQueuedBatches);
  while (true) {
    ARROW_RETURN_NOT_OK(context_.CheckStop());
    ARROW_ASSIGN_OR_RAISE(BatchPump::Item item, pump.Next());
    ARROW_RETURN_NOT_OK(Keep(item.rejects, rejects));
    if (item.batch == nullptr) return Status::OK();
    ARROW_RETURN_NOT_OK(target->Write(*item.batch, rejects, context_));
    if (request_.source.strict && rejects->rows() > 0) {
      return Invalid(
          "{}: a row has no value for its key; nothing was synced. Mend it, or sync "
          "without --strict to keep such rows apart",
          request_.url);
    }
    context_.Report({.phase = "sync " + synced_.table.ToString(),
                     .done = target->rows(),
                     .total = -1,
                     .unit = "rows"});
  }
}

Result<bool> StreamSync::IsNew(const TableTarget& target, const SyncCursor& after) {
  if (synced_.created || !synced_.columns_changed.empty()) return true;
  if (request_.disposition == Disposition::kAppend) {
    return target.rows() > 0 || synced_.rejects > 0;
  }
  if (after.position.is_null() || CompareFiles(before_.position, after.position).read > 0 ||
      before_.options_hash != after.options_hash) {
    return true;
  }
  const Json before_files = before_.position.value("files", Json::object());
  if (before_files.size() != after.position.value("files", Json::object()).size()) return true;
  // The same files as last time: new only where something else wrote the table meanwhile.
  ARROW_ASSIGN_OR_RAISE(auto log,
                        table::History(catalog_).Log(
                            {.limit = 1, .table = synced_.table, .refs = {request_.branch}}));
  return log.empty() || log[0].operation != "sync";
}

Result<bool> StreamSync::Run(std::unique_ptr<source::Source>* first, const std::string& identity,
                             const source::StreamInfo& stream, table::PendingCommit* commit) {
  const auto start = Clock::now();
  key_.source = identity;
  ARROW_RETURN_NOT_OK(Prepare(stream, *commit));
  ARROW_ASSIGN_OR_RAISE(OpenStream opened, Open(first, stream.name));
  TargetOptions options;
  options.replace = request_.disposition == Disposition::kReplace;
  options.evolve = request_.evolve;
  options.key = request_.key;
  ARROW_ASSIGN_OR_RAISE(auto target, TableTarget::Open(catalog_, commit, synced_.table,
                                                       *opened.reader->schema(), options));
  table::RejectsWriter rejects(catalog_, commit, synced_.table);
  ARROW_RETURN_NOT_OK(Copy(opened.reader.get(), target.get(), &rejects));
  const SyncCursor after{.position = opened.reader->Cursor(),
                         .options_hash = HashOptions(request_.source)};
  synced_.created = target->created();
  synced_.columns_changed = target->columns_changed();
  synced_.rows = target->rows();
  synced_.rejects = rejects.rows();
  const FilesRead files = CompareFiles(
      request_.disposition == Disposition::kAppend ? before_.position : Json(), after.position);
  synced_.files_read = files.read;
  synced_.files_skipped = files.skipped;
  synced_.bytes = files.bytes;
  if (after.position != before_.position || after.options_hash != before_.options_hash) {
    after_ = after;
  }
  synced_.seconds = SecondsSince(start);
  ARROW_ASSIGN_OR_RAISE(const bool is_new, IsNew(*target, after));
  if (!is_new) {
    synced_.rows = synced_.rejects = 0;
    return false;
  }
  inputs_ = files.inputs;
  ARROW_RETURN_NOT_OK(target->Finish());
  ARROW_RETURN_NOT_OK(rejects.Finish(context_));
  if (rejects.rows() > 0) synced_.rejects_table = rejects.table();
  synced_.seconds = SecondsSince(start);
  return true;
}

Json DetailsOf(const SyncRequest& request, const std::vector<SyncedTable>& tables) {
  Json details = {{"url", request.url},
                  {"mode", request.disposition == Disposition::kAppend ? "append" : "replace"},
                  {"tables", Json::array()}};
  for (const SyncedTable& synced : tables) {
    details["tables"].push_back({{"table", synced.table.ToString()},
                                 {"stream", synced.stream},
                                 {"rows", synced.rows},
                                 {"rejects", synced.rejects},
                                 {"files_read", synced.files_read},
                                 {"columns_changed", synced.columns_changed},
                                 {"source", synced.source_report}});
  }
  return details;
}

Status CheckStreams(const SyncRequest& request, const std::vector<source::StreamInfo>& streams) {
  if (streams.empty()) return base::NotFound("{} holds nothing to sync", request.url);
  const bool names_table = !request.table.empty() && request.table.back() != '.';
  if (streams.size() == 1 || !names_table) return Status::OK();
  std::vector<std::string> names;
  for (const auto& stream : streams) names.push_back(stream.name);
  return Invalid(
      "{} holds {} streams ({}), which one table cannot take; name a namespace instead, "
      "as in 'raw.', or sync them one by one",
      request.url, streams.size(), base::Join(names, ", "));
}

}  // namespace

Result<SyncReport> Sync(std::shared_ptr<table::Catalog> catalog, const SyncRequest& request,
                        const base::Context& context) {
  const auto start = Clock::now();
  ARROW_ASSIGN_OR_RAISE(auto source, source::OpenSource(request.url, request.source));
  ARROW_ASSIGN_OR_RAISE(auto streams, source->Describe(context));
  ARROW_RETURN_NOT_OK(CheckStreams(request, streams));
  table::CommitInfo info{
      .author = request.author,
      .message = request.message.empty() ? "sync " + request.url : request.message,
      .operation = "sync",
      .branch = request.branch,
      .idempotency_key = request.idempotency_key,
      // What the source holds is not part of it: one key, one run.
      .request = {{"url", request.url},
                  {"table", request.table},
                  {"key", request.key},
                  {"replace", request.disposition != Disposition::kAppend}}};
  table::PendingCommit commit(catalog, std::move(info));
  SyncReport report;
  const std::string identity = source->identity();
  std::vector<CursorMove> moves;
  bool any_new = false;
  for (const auto& stream : streams) {
    StreamSync sync(catalog, request, context);
    ARROW_ASSIGN_OR_RAISE(const bool is_new, sync.Run(&source, identity, stream, &commit));
    any_new = any_new || is_new;
    for (const Json& input : sync.inputs()) commit.info().inputs.push_back(input);
    if (auto move = sync.Moved()) moves.push_back(*std::move(move));
    report.tables.push_back(std::move(sync.synced()));
  }
  if (any_new) {
    commit.AddLedgerChanges(
        [catalog, moves](const table::PondCommit& landing) -> Result<ledger::Transaction> {
          std::optional<table::PondCommit> parent;
          if (landing.parent) {
            ARROW_ASSIGN_OR_RAISE(parent, table::History(catalog).Resolve(*landing.parent));
          }
          return SaveMoves(catalog->ledger(), moves, table::PointOf(parent),
                           {landing.lane, landing.generation});
        });
    commit.info().details = DetailsOf(request, report.tables);
    ARROW_ASSIGN_OR_RAISE(report.commit, commit.Land(context));
    for (SyncedTable& synced : report.tables) {
      for (const table::TableChange& change : report.commit->changes) {
        if (change.table == synced.table) synced.snapshot = change.snapshot_after;
      }
    }
  } else if (!moves.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto head, table::History(catalog).Resolve(request.branch));
    ARROW_ASSIGN_OR_RAISE(auto saved,
                          SaveWithoutRows(catalog->ledger(), moves, table::PointOf(head)));
    if (!saved.empty()) ARROW_RETURN_NOT_OK(catalog->ledger().Apply(saved));
  }
  report.seconds = SecondsSince(start);
  return report;
}

}  // namespace millpond::ingest
