// A pond with branches whose rows tests change by key, and what the rows are then. Tests only.
#pragma once

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error_matchers.h"
#include "query/scratch_pond_testing.h"
#include "table/history.h"
#include "table/row_delta.h"

namespace millpond::version {

/// Key -> value; nullopt: null.
using Rows = std::map<int64_t, std::optional<int64_t>>;

class VersionTest : public ::testing::Test {
 protected:
  static table::TableName Name(const std::string& text) {
    return table::TableName::Parse(text).ValueOrDie();
  }

  static table::CommitInfo InfoOn(const std::string& branch, const std::string& message = "test") {
    table::CommitInfo info;
    info.author = "ana";
    info.message = message;
    info.operation = "test";
    info.branch = branch;
    return info;
  }

  static std::string Sql(const Rows& rows) {
    std::string sql;
    for (const auto& [key, value] : rows) {
      if (!sql.empty()) sql += " UNION ALL ";
      sql += fmt::format("SELECT {}::BIGINT AS sample_id, {}::BIGINT AS v", key,
                         value ? std::to_string(*value) : "NULL");
    }
    return sql.empty() ? "SELECT 0::BIGINT AS sample_id, 0::BIGINT AS v WHERE false" : sql;
  }

  Status Create(const std::string& table, const Rows& rows, const std::string& branch = "main",
                const std::map<std::string, std::string>& properties = {}) {
    table::PendingCommit commit(pond_.catalog(), InfoOn(branch, "create"));
    const auto columns = arrow::schema(
        {arrow::field("sample_id", arrow::int64(), false), arrow::field("v", arrow::int64())});
    ARROW_RETURN_NOT_OK(commit.Create(Name(table), columns, {}, properties));
    ARROW_ASSIGN_OR_RAISE(auto files, Write(&commit, table, Sql(rows)));
    ARROW_RETURN_NOT_OK(commit.Append(Name(table), std::move(files)));
    return commit.Land({}).status();
  }

  Result<std::vector<table::DataFile>> Write(table::PendingCommit* commit, const std::string& table,
                                             const std::string& sql) {
    ARROW_ASSIGN_OR_RAISE(auto schema, commit->SchemaOf(Name(table)));
    ARROW_ASSIGN_OR_RAISE(auto writer,
                          table::TableWriter::Open(pond_.catalog(), Name(table), schema));
    writer->RowsStay();  // Numbers may repeat, as in what another engine writes.
    ARROW_ASSIGN_OR_RAISE(auto result, pond_.session().Sql(sql, {}, {}));
    while (true) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(result.reader->ReadNext(&batch));
      if (batch == nullptr) break;
      ARROW_RETURN_NOT_OK(writer->Write(*batch, {}));
    }
    return writer->Finish();
  }

  /// One commit: the rows of these keys go, then `put` is added; what is there under its keys goes.
  Result<table::PondCommit> Change(const std::string& branch, const std::string& table,
                                   const Rows& put, std::vector<int64_t> remove = {}) {
    for (const auto& [key, value] : put) remove.push_back(key);
    table::PendingCommit commit(pond_.catalog(), InfoOn(branch, "change " + branch));
    table::RowDelta delta;
    delta.verb = table::RowVerb::kMerge;
    ARROW_ASSIGN_OR_RAISE(auto existing, commit.Existing(Name(table)));
    delta.base_snapshot = existing.metadata->current_snapshot_id;
    for (const int64_t key : remove) {
      const base::Json places = pond_.Rows(fmt::format(
          "SELECT _file, _pos FROM {}@\"{}\" WHERE sample_id = {}", table, branch, key));
      for (const auto& place : places) {
        delta.deleted[place[0].get<std::string>()].Add(place[1].get<int64_t>());
      }
    }
    if (!put.empty()) {
      ARROW_ASSIGN_OR_RAISE(delta.added, Write(&commit, table, Sql(put)));
    }
    ARROW_RETURN_NOT_OK(commit.ChangeRows(Name(table), std::move(delta), {}).status());
    return commit.Land({});
  }

  /// One commit: the table holds exactly these rows, in new files.
  Result<table::PondCommit> Replace(const std::string& branch, const std::string& table,
                                    const Rows& rows) {
    table::PendingCommit commit(pond_.catalog(), InfoOn(branch, "replace " + branch));
    ARROW_ASSIGN_OR_RAISE(auto existing, commit.Existing(Name(table)));
    ARROW_ASSIGN_OR_RAISE(auto files, Write(&commit, table, Sql(rows)));
    ARROW_RETURN_NOT_OK(
        commit.Overwrite(Name(table), std::move(files), existing.metadata->current_snapshot_id));
    return commit.Land({});
  }

  Result<table::PondCommit> Append(const std::string& branch, const std::string& table,
                                   const std::string& sql) {
    table::PendingCommit commit(pond_.catalog(), InfoOn(branch, "append " + branch));
    ARROW_ASSIGN_OR_RAISE(auto files, Write(&commit, table, sql));
    ARROW_RETURN_NOT_OK(commit.Append(Name(table), std::move(files)));
    return commit.Land({});
  }

  Result<table::PondCommit> Alter(const std::string& branch, const std::string& table,
                                  const table::SchemaStep& step) {
    table::PendingCommit commit(pond_.catalog(), InfoOn(branch, "alter"));
    ARROW_RETURN_NOT_OK(commit.AlterSchema(Name(table), {step}));
    return commit.Land({});
  }

  Result<table::PondCommit> AddColumn(const std::string& branch, const std::string& table,
                                      const std::string& column) {
    table::PendingCommit commit(pond_.catalog(), InfoOn(branch, "column"));
    ARROW_ASSIGN_OR_RAISE(auto schema, commit.SchemaOf(Name(table)));
    ARROW_ASSIGN_OR_RAISE(
        auto wanted, schema->AddField(schema->num_fields(), arrow::field(column, arrow::utf8())));
    ARROW_RETURN_NOT_OK(commit.EvolveTo(Name(table), wanted));
    return commit.Land({});
  }

  Status Drop(const std::string& branch, const std::string& table) {
    table::PendingCommit commit(pond_.catalog(), InfoOn(branch, "drop"));
    ARROW_RETURN_NOT_OK(commit.Drop(Name(table)));
    return commit.Land({}).status();
  }

  Status Branch(const std::string& name, const std::string& ref = "") {
    return history_.CreateBranch(name, ref, "ana", "").status();
  }

  Rows RowsAt(const std::string& table, const std::string& ref) {
    const base::Json rows = pond_.Rows(
        fmt::format("SELECT sample_id, v FROM {}@\"{}\" ORDER BY sample_id", table, ref));
    Rows found;
    EXPECT_TRUE(rows.is_array()) << rows;
    for (const auto& row : rows) {
      const bool is_new =
          found
              .emplace(row[0].get<int64_t>(),
                       row[1].is_null() ? std::nullopt : std::optional(row[1].get<int64_t>()))
              .second;
      EXPECT_TRUE(is_new) << "twice: " << row;
    }
    return found;
  }

  std::string HeadOf(const std::string& branch) {
    const auto head = history_.Resolve(branch).ValueOrDie();
    return head ? head->id : "";
  }

  std::optional<int64_t> SnapshotAt(const std::string& table, const std::string& ref) {
    return history_.At(Name(table), ref).ValueOrDie().snapshot_id;
  }

  query::ScratchPond pond_;
  table::History history_{pond_.catalog()};
};

}  // namespace millpond::version
