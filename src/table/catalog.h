// Which tables exist and where their metadata is: the Iceberg JDBC V1 rows in the ledger plus
// metadata files in the store. Loading is cached by metadata location (files are immutable). Thread
// safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "ledger/ledger.h"
#include "store/blob_store.h"
#include "table/metadata.h"
#include "table/table_name.h"

namespace millpond::table {

/// The catalog_name in the rows; Spark's catalog must have the same name.
inline constexpr std::string_view kCatalogName = "millpond";

/// A table as of one metadata file.
struct Table {
  TableName name;
  std::string metadata_location;  ///< URI.
  std::shared_ptr<const TableMetadata> metadata;
};

struct WriteSettings {
  int64_t target_file_size = 128LL << 20;
  int64_t row_group_rows = 122880;
  std::string compression = "zstd";
  int metadata_versions_max = 20;
};

class Catalog {
 public:
  static Result<std::shared_ptr<Catalog>> Open(std::shared_ptr<ledger::Ledger> ledger,
                                               std::shared_ptr<store::BlobStore> store,
                                               WriteSettings settings);
  ~Catalog();

  Result<std::vector<TableName>> List();
  /// kNotFound with the nearest name.
  Result<Table> Load(const TableName& name);
  /// The table as a given metadata file had it.
  Result<Table> LoadAt(const TableName& name, const std::string& metadata_location);
  /// Where each table's metadata is, read in one query; nothing is loaded. Views of other engines
  /// are left out.
  Result<std::map<TableName, std::string>> Pointers();
  /// "TABLE" or "VIEW" for each name in a namespace.
  Result<std::map<TableName, std::string>> Kinds(const std::string& space);
  /// Keeps metadata that was just written, so that the next Load need not read it back.
  void Remember(const std::string& metadata_location,
                std::shared_ptr<const TableMetadata> metadata);

  ledger::Ledger& ledger() const;
  store::BlobStore& store() const;
  const WriteSettings& settings() const;

 private:
  Catalog();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millpond::table
