// Tables through the table room alone, for tests in other languages. Rows come and go as Arrow IPC
// stream files.
//   millpond_pond_driver POND VERB ARGUMENTS…
// Prints one JSON document; exit codes are those of the error kinds, with the message on stderr.
#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <arrow/io/file.h>
#include <arrow/ipc/api.h>
#include <parquet/arrow/reader.h>

#include <cstdio>
#include <map>

#include "ledger/sqlite_ledger.h"
#include "store/local_store.h"
#include "table/commit.h"
#include "table/history.h"
#include "table/scan_plan.h"
#include "table/table_writer.h"
#include "table/upkeep.h"

namespace millpond::table {
namespace {

using base::Json;
using Words = std::vector<std::string>;
using Catalogs = std::shared_ptr<Catalog>;

const base::Context kContext;

Result<Catalogs> Open(const std::string& folder, ledger::OpenMode mode) {
  ARROW_RETURN_NOT_OK(store::MakeFolders(folder + "/truth"));
  ARROW_ASSIGN_OR_RAISE(auto store, store::OpenLocalStore(folder + "/truth"));
  ARROW_ASSIGN_OR_RAISE(auto ledger, ledger::OpenSqliteLedger(folder + "/ledger.db", mode));
  return Catalog::Open(ledger, store, WriteSettings{});
}

Result<std::shared_ptr<arrow::Table>> ReadRows(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path));
  ARROW_ASSIGN_OR_RAISE(auto reader, arrow::ipc::RecordBatchStreamReader::Open(file));
  return reader->ToTable();
}

Status WriteRows(const arrow::Table& rows, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::FileOutputStream::Open(path));
  ARROW_ASSIGN_OR_RAISE(auto writer, arrow::ipc::MakeStreamWriter(file, rows.schema()));
  ARROW_RETURN_NOT_OK(writer->WriteTable(rows));
  ARROW_RETURN_NOT_OK(writer->Close());
  return file->Close();
}

Result<std::vector<DataFile>> WriteFiles(const Catalogs& catalog, PendingCommit& commit,
                                         const TableName& name, const arrow::Table& rows) {
  ARROW_ASSIGN_OR_RAISE(auto schema, commit.SchemaOf(name));
  ARROW_ASSIGN_OR_RAISE(auto writer, TableWriter::Open(catalog, name, schema));
  arrow::TableBatchReader batches(rows);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto batch, batches.Next());
    if (batch == nullptr) return writer->Finish();
    ARROW_RETURN_NOT_OK(writer->Write(*batch, kContext));
  }
}

Json ToJson(const PondCommit& commit) {
  Json changes = Json::array();
  for (const TableChange& change : commit.changes) {
    changes.push_back({{"table", change.table.ToString()}, {"operation", change.operation}});
  }
  return {{"id", commit.id},
          {"sequence", commit.sequence},
          {"operation", commit.operation},
          {"details", commit.details},
          {"changes", changes}};
}

CommitInfo InfoFor(const std::string& verb) {
  CommitInfo info;
  info.author = "driver";
  info.message = verb;
  info.operation = verb;
  return info;
}

// create | append | grow | overwrite TABLE ROWS, drop | record TABLE
Result<Json> Change(const Catalogs& catalog, const std::string& verb, const Words& words) {
  ARROW_ASSIGN_OR_RAISE(TableName name, TableName::Parse(words.at(0)));
  PendingCommit commit(catalog, InfoFor(verb));
  if (verb == "drop") {
    ARROW_RETURN_NOT_OK(commit.Drop(name));
  } else if (verb == "record") {
    ARROW_RETURN_NOT_OK(commit.Record(name));
  } else {
    ARROW_ASSIGN_OR_RAISE(auto rows, ReadRows(words.at(1)));
    if (verb == "create") ARROW_RETURN_NOT_OK(commit.Create(name, rows->schema()));
    if (verb == "grow") ARROW_RETURN_NOT_OK(commit.EvolveTo(name, rows->schema()));
    ARROW_ASSIGN_OR_RAISE(auto files, WriteFiles(catalog, commit, name, *rows));
    std::optional<int64_t> base;
    if (verb == "overwrite") {
      ARROW_ASSIGN_OR_RAISE(const Table table, commit.Existing(name));
      base = table.metadata->current_snapshot_id;
    }
    ARROW_RETURN_NOT_OK(verb == "overwrite" ? commit.Overwrite(name, std::move(files), base)
                                            : commit.Append(name, std::move(files)));
  }
  ARROW_ASSIGN_OR_RAISE(PondCommit landed, commit.Land(kContext));
  return ToJson(landed);
}

// hammer TABLE COUNT FIRST: COUNT commits of one row each, values counted from FIRST.
Result<Json> Hammer(const Catalogs& catalog, const Words& words) {
  ARROW_ASSIGN_OR_RAISE(TableName name, TableName::Parse(words.at(0)));
  Json sequences = Json::array();
  const int64_t first = std::stoll(words.at(2));
  for (int64_t i = 0; i < std::stoll(words.at(1)); ++i) {
    arrow::Int64Builder value;
    ARROW_RETURN_NOT_OK(value.Append(first + i));
    ARROW_ASSIGN_OR_RAISE(auto column, value.Finish());
    auto rows =
        arrow::Table::Make(arrow::schema({arrow::field("value", arrow::int64())}), {column});
    PendingCommit commit(catalog, InfoFor("hammer"));
    ARROW_ASSIGN_OR_RAISE(auto files, WriteFiles(catalog, commit, name, *rows));
    ARROW_RETURN_NOT_OK(commit.Append(name, std::move(files)));
    ARROW_ASSIGN_OR_RAISE(PondCommit landed, commit.Land(kContext));
    sequences.push_back(landed.sequence);
  }
  return sequences;
}

// Columns of a data file by field id, as the version's schema has them.
Result<std::shared_ptr<arrow::Table>> Project(const arrow::Table& file,
                                              const arrow::Schema& schema) {
  std::map<int32_t, int> by_id;
  for (int i = 0; i < file.num_columns(); ++i) {
    if (auto id = FieldIdOf(*file.schema()->field(i))) by_id[*id] = i;
  }
  arrow::ChunkedArrayVector columns;
  for (const auto& field : schema.fields()) {
    auto found = by_id.find(FieldIdOf(*field).value_or(-1));
    if (found == by_id.end()) {
      ARROW_ASSIGN_OR_RAISE(auto nulls, arrow::MakeArrayOfNull(field->type(), file.num_rows()));
      columns.push_back(std::make_shared<arrow::ChunkedArray>(nulls));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(auto cast,
                          arrow::compute::Cast(file.column(found->second), field->type()));
    columns.push_back(cast.chunked_array());
  }
  return arrow::Table::Make(std::make_shared<arrow::Schema>(schema), columns);
}

// read TABLE[@REF] OUT [COLUMN VALUE]: rows, after pruning by COLUMN = VALUE (an integer).
Result<Json> Read(const Catalogs& catalog, const Words& words) {
  ARROW_ASSIGN_OR_RAISE(TableAtRef at, TableAtRef::Parse(words.at(0)));
  ARROW_ASSIGN_OR_RAISE(TableVersion version, History(catalog).At(at.table, at.ref));
  std::vector<Predicate> predicates;
  if (words.size() == 4) {
    predicates.push_back(
        {words[2], Comparison::kEqual, std::make_shared<arrow::Int64Scalar>(std::stoll(words[3]))});
  }
  ManifestCache manifests(&catalog->store(), 0);
  ARROW_ASSIGN_OR_RAISE(ScanPlan plan, PlanScan(manifests, version, predicates));
  std::vector<std::shared_ptr<arrow::Table>> tables;
  for (const ScanFile& file : plan.files) {
    ARROW_ASSIGN_OR_RAISE(auto input, arrow::io::ReadableFile::Open(file.path));
    ARROW_ASSIGN_OR_RAISE(auto reader,
                          parquet::arrow::OpenFile(input, arrow::default_memory_pool()));
    ARROW_ASSIGN_OR_RAISE(auto rows, reader->ReadTable());
    ARROW_ASSIGN_OR_RAISE(rows, Project(*rows, *plan.schema));
    tables.push_back(std::move(rows));
  }
  if (tables.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto none, arrow::Table::MakeEmpty(plan.schema));
    tables.push_back(std::move(none));
  }
  ARROW_ASSIGN_OR_RAISE(auto all, arrow::ConcatenateTables(tables));
  ARROW_RETURN_NOT_OK(WriteRows(*all, words.at(1)));
  return Json{
      {"rows", plan.records}, {"files", plan.files.size()}, {"files_total", plan.files_total}};
}

Result<Json> Log(const Catalogs& catalog) {
  ARROW_ASSIGN_OR_RAISE(auto commits, History(catalog).Log(-1));
  Json log = Json::array();
  for (const PondCommit& commit : commits) log.push_back(ToJson(commit));
  return log;
}

Result<Json> Unrecorded(const Catalogs& catalog) {
  ARROW_ASSIGN_OR_RAISE(auto names, History(catalog).Unrecorded());
  Json list = Json::array();
  for (const TableName& name : names) list.push_back(name.ToString());
  return list;
}

Result<Json> VerifyAll(const Catalogs& catalog) {
  ARROW_ASSIGN_OR_RAISE(auto findings, Verify(*catalog, /*deep=*/true, kContext));
  Json list = Json::array();
  for (const Finding& finding : findings) list.push_back(finding.subject + ": " + finding.problem);
  return list;
}

Result<Json> Orphans(const Catalogs& catalog) {
  ARROW_ASSIGN_OR_RAISE(OrphanReport report,
                        RemoveOrphans(*catalog, /*grace_ms=*/0, /*dry_run=*/false, kContext));
  return Json(report.paths);
}

Result<Json> Run(const Words& words) {
  if (words.size() < 2) return base::Invalid("usage: millpond_pond_driver POND VERB ARGUMENTS…");
  const std::string& verb = words[1];
  const Words rest(words.begin() + 2, words.end());
  const auto mode = verb == "init" ? ledger::OpenMode::kCreate : ledger::OpenMode::kExisting;
  ARROW_ASSIGN_OR_RAISE(Catalogs catalog, Open(words[0], mode));
  if (verb == "init") return Json::object();
  if (verb == "hammer") return Hammer(catalog, rest);
  if (verb == "read") return Read(catalog, rest);
  if (verb == "log") return Log(catalog);
  if (verb == "unrecorded") return Unrecorded(catalog);
  if (verb == "verify") return VerifyAll(catalog);
  if (verb == "orphans") return Orphans(catalog);
  if (verb == "tag") {
    ARROW_ASSIGN_OR_RAISE(PondRef tag,
                          History(catalog).CreateTag(rest.at(0), rest.at(1), "driver", ""));
    return Json{{"commit", tag.commit_id.value_or("")}};
  }
  return Change(catalog, verb, rest);
}

}  // namespace
}  // namespace millpond::table

int main(int argc, char** argv) {
  using millpond::base::KindOf;
  auto initialized = arrow::compute::Initialize();
  auto result = initialized.ok() ? millpond::table::Run({argv + 1, argv + argc})
                                 : millpond::Result<millpond::base::Json>(initialized);
  if (result.ok()) {
    std::puts(result->dump().c_str());
    return 0;
  }
  std::fprintf(stderr, "%s\n", result.status().message().c_str());
  return millpond::base::InfoOf(KindOf(result.status())).exit_code;
}
