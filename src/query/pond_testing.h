// A pond in a temporary folder for this room's tests: tables written from SQL or batches, tags,
// sessions under policies. Tests only.
#pragma once

#include <arrow/type_fwd.h>

#include <map>
#include <memory>
#include <string>

#include "base/temporary_folder.h"
#include "query/session.h"
#include "table/catalog.h"
#include "table/history.h"

namespace millpond::query {

/// Answers from a map; tables without an entry are open to all.
class TestPolicies final : public DecisionPoint {
 public:
  Result<ReadDecision> DecideRead(const Principal& principal, const table::TableName& table,
                                  const arrow::Schema& schema) override;

  std::map<table::TableName, ReadDecision> decisions;
  int asked = 0;
};

class TestPond {
 public:
  enum class Change { kAppend, kOverwrite };

  static Result<std::unique_ptr<TestPond>> Make(table::WriteSettings settings = {});

  /// One commit, on main or with "shop.orders@exp" on a branch: creates the table or widens its
  /// schema to the rows' where needed, then adds the rows.
  Status Write(const std::string& table, arrow::RecordBatchReader& rows, Change change);
  /// The rows are what a statement without policies gives.
  Status Write(const std::string& table, const std::string& sql, Change change = Change::kAppend);
  /// `words`: the name, and after a space the ref, if it is not the head of main.
  Status Tag(const std::string& words);
  Status Branch(const std::string& words);

  Result<std::shared_ptr<Session>> Open(SessionSettings settings = {});

  std::string folder() const { return folder_.path(); }
  const std::shared_ptr<table::Catalog>& catalog() const { return catalog_; }
  TestPolicies& policies() { return *policies_; }

 private:
  base::TemporaryFolder folder_;
  std::shared_ptr<table::Catalog> catalog_;
  std::shared_ptr<TestPolicies> policies_ = std::make_shared<TestPolicies>();
  std::shared_ptr<Session> writer_;
};

}  // namespace millpond::query
