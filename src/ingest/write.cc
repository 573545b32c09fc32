// Streams into tables, one commit for all; see the header.
#include "ingest/write.h"

#include <arrow/api.h>

#include <set>
#include <utility>

#include "ingest/table_target.h"

namespace millpond::ingest {
namespace {

Status WriteOne(const std::shared_ptr<table::Catalog>& catalog, const TableWrite& write,
                table::PendingCommit* commit, const base::Context& context) {
  TargetOptions options;
  options.may_exist = write.mode != WriteMode::kCreate;
  options.replace = write.mode == WriteMode::kOverwrite;
  options.evolve = write.evolve;
  options.base_snapshot = write.base_snapshot;
  ARROW_ASSIGN_OR_RAISE(auto target, TableTarget::Open(catalog, commit, write.table,
                                                       *write.reader->schema(), options));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(write.reader->ReadNext(&batch));
    if (batch == nullptr) break;
    ARROW_RETURN_NOT_OK(target->Write(*batch, nullptr, context));
    context.Report({.phase = "write " + write.table.ToString(),
                    .done = target->rows(),
                    .total = -1,
                    .unit = "rows"});
  }
  return target->Finish();
}

}  // namespace

Result<table::PondCommit> WriteTables(std::shared_ptr<table::Catalog> catalog,
                                      const std::vector<TableWrite>& writes,
                                      const table::CommitInfo& info, const base::Context& context) {
  std::set<table::TableName> names;
  for (const TableWrite& write : writes) {
    if (!names.insert(write.table).second) {
      return base::Invalid("{} is written twice in one commit; join the two streams first",
                           write.table.ToString());
    }
  }
  table::PendingCommit commit(catalog, info);
  for (const TableWrite& write : writes) {
    ARROW_RETURN_NOT_OK(base::WithContext("write " + write.table.ToString(),
                                          WriteOne(catalog, write, &commit, context)));
  }
  return commit.Land(context);
}

Result<table::PondCommit> WriteReader(std::shared_ptr<table::Catalog> catalog,
                                      const table::TableName& table,
                                      std::shared_ptr<arrow::RecordBatchReader> reader,
                                      WriteMode mode, const table::CommitInfo& info,
                                      const base::Context& context) {
  return WriteTables(std::move(catalog),
                     {{.table = table, .reader = std::move(reader), .mode = mode}}, info, context);
}

}  // namespace millpond::ingest
