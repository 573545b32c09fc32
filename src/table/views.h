// Iceberg views of other engines: metadata documents in the store, pointers in the catalog.
// Millpond keeps and versions them; it does not run them (a dataset is its named query). Used by
// api/.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"
#include "table/catalog.h"

namespace millpond::table {

struct View {
  TableName name;
  std::string metadata_location;  ///< URI.
  base::Json document;            ///< Iceberg view metadata, format version 1.
};

class Views {
 public:
  /// `author`: of the pond commits that its changes make.
  Views(std::shared_ptr<Catalog> catalog, std::string author)
      : catalog_(std::move(catalog)), author_(std::move(author)) {}

  /// Names of the views in a namespace.
  Result<std::vector<TableName>> List(const std::string& space);
  /// kNotFound.
  Result<View> Load(const TableName& name);
  /// A new view of a CreateViewRequest; kAlreadyExists where a table or view has the name.
  Result<View> Create(const TableName& name, const base::Json& request,
                      const base::Context& context);
  /// A view of a metadata file that is in the store already; kAlreadyExists as Create.
  Result<View> Register(const TableName& name, const std::string& metadata_location,
                        const base::Context& context);
  /// Applies requirements and updates (metadata_update.h); kConflict where a requirement fails.
  Result<View> Update(const TableName& name, const base::Json& requirements,
                      const base::Json& updates, const base::Context& context);
  Status Drop(const TableName& name, const base::Context& context);
  Status Rename(const TableName& from, const TableName& to, const base::Context& context);

 private:
  Result<View> Read(const TableName& name, const std::string& metadata_location);
  Result<View> Write(const TableName& name, const std::string& before, base::Json document,
                     const base::Context& context);
  Status Land(const std::string& operation, const TableName& name,
              const ledger::Transaction& changes, const base::Context& context);

  std::shared_ptr<Catalog> catalog_;
  std::string author_;
};

}  // namespace millpond::table
