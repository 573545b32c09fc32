// A pond in a temporary folder with a session, a cache and tables made by SQL; for the tests of
// this room.
#pragma once

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/temporary_folder.h"
#include "derived/cache.h"
#include "ledger/ledger_for_test.h"
#include "query/session.h"
#include "store/local_store.h"
#include "table/commit.h"
#include "table/table_writer.h"
#include "train/dataset.h"
#include "train/loader.h"
#include "train/segment.h"

namespace millpond::train {

/// Hides `masked` behind its negative and rows below `from` from everybody, under a hash of its
/// own.
class MaskingPoint final : public query::DecisionPoint {
 public:
  MaskingPoint(std::string filter, std::map<std::string, std::string> masks, std::string hash)
      : decision_{true, "test", std::move(filter), std::move(masks), std::move(hash)} {}
  Result<query::ReadDecision> DecideRead(const query::Principal&, const table::TableName&,
                                         const arrow::Schema&) override {
    return decision_;
  }

 private:
  query::ReadDecision decision_;
};

class TrainPond {
 public:
  TrainPond() {
    std::filesystem::create_directory(folder_ / "truth");
    auto ledger = ledger::OpenLedgerForTest(folder_.path(), ledger::OpenMode::kCreate).ValueOrDie();
    auto store = store::OpenLocalStore(folder_ / "truth").ValueOrDie();
    catalog_ = table::Catalog::Open(ledger, store, {}).ValueOrDie();
    session_ = OpenSession(std::make_shared<query::OpenPond>());
    cache_ = OpenCache();
  }

  std::shared_ptr<query::Session> OpenSession(std::shared_ptr<query::DecisionPoint> point) const {
    query::SessionSettings settings;
    settings.temp_folder = folder_ / "spill";
    settings.threads = 2;
    return query::Session::Open({"ana", {}}, std::move(point), catalog_, settings).ValueOrDie();
  }
  std::shared_ptr<derived::Cache> OpenCache() const {
    return derived::Cache::Open(derived_folder(), 0).ValueOrDie();
  }
  std::string derived_folder() const { return folder_ / "derived"; }

  const std::shared_ptr<query::Session>& session() const { return session_; }
  derived::Cache& cache() const { return *cache_; }
  const std::shared_ptr<table::Catalog>& catalog() const { return catalog_; }
  Datasets datasets() const { return Datasets(session_); }

  /// Appends the rows of a SELECT to a table, made where it is absent.
  void Fill(const std::string& table, const std::string& sql) {
    base::Context context;
    auto name = table::TableName::Parse(table).ValueOrDie();
    auto reader = session_->Sql(sql, {}, context).ValueOrDie().reader;
    table::CommitInfo info;
    info.author = "ana";
    info.message = info.operation = "test";
    table::PendingCommit commit(catalog_, info);
    if (!catalog_->Load(name).ok()) {
      auto schema = table::StorableSchema(*reader->schema()).ValueOrDie();
      ASSERT_TRUE(commit.Create(name, schema).ok());
    }
    auto writer =
        table::TableWriter::Open(catalog_, name, commit.SchemaOf(name).ValueOrDie()).ValueOrDie();
    while (auto batch = reader->Next().ValueOrDie()) {
      ASSERT_TRUE(writer->Write(*batch, context).ok());
    }
    ASSERT_TRUE(commit.Append(name, writer->Finish().ValueOrDie()).ok());
    auto landed = commit.Land(context);
    ASSERT_TRUE(landed.ok()) << landed.status().ToString();
  }

  /// Defines and opens a dataset of the head.
  Dataset Define(const std::string& yaml) {
    auto definition = ParseDefinition(yaml, "test.yaml").ValueOrDie();
    auto defined = datasets().Define(definition, "ana", {});
    EXPECT_TRUE(defined.ok()) << defined.status().ToString();
    return datasets().Open(definition.name, {}).ValueOrDie();
  }

  std::shared_ptr<const Segment> OpenSegment(const Dataset& dataset, const std::string& part,
                                             const std::vector<std::string>& columns = {}) {
    auto segment = Segment::Open(*session_, *cache_, dataset, part, columns, {});
    EXPECT_TRUE(segment.ok()) << segment.status().ToString();
    return *segment;
  }

  std::vector<int64_t> Ints(const std::string& sql) {
    std::vector<int64_t> values;
    auto reader = session_->Sql(sql, {}, {}).ValueOrDie().reader;
    while (auto batch = reader->Next().ValueOrDie()) {
      const auto& column = static_cast<const arrow::Int64Array&>(*batch->column(0));
      for (int64_t row = 0; row < batch->num_rows(); ++row) values.push_back(column.Value(row));
    }
    return values;
  }

 private:
  base::TemporaryFolder folder_;
  std::shared_ptr<table::Catalog> catalog_;
  std::shared_ptr<query::Session> session_;
  std::shared_ptr<derived::Cache> cache_;
};

/// An int64 column of a segment, in key order.
inline std::vector<int64_t> SegmentInts(const Segment& segment, const std::string& column) {
  std::vector<int64_t> values;
  for (const auto& batch : segment.batches()) {
    const auto& array = static_cast<const arrow::Int64Array&>(*batch->GetColumnByName(column));
    for (int64_t row = 0; row < array.length(); ++row) values.push_back(array.Value(row));
  }
  return values;
}

/// An int64 column of a batch.
inline std::vector<int64_t> BatchInts(const Batch& batch, const std::string& column) {
  for (const BatchColumn& candidate : batch.columns) {
    if (candidate.name != column) continue;
    auto* values = reinterpret_cast<const int64_t*>(candidate.values->data());
    return {values, values + batch.rows};
  }
  return {};
}

}  // namespace millpond::train
