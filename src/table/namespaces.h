// Namespaces of the catalog and their properties: rows that Iceberg's JDBC catalog keeps beside the
// tables. A namespace exists by its rows, or because a table is in it. Used by api/.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "table/catalog.h"

namespace millpond::table {

using Properties = std::map<std::string, std::string>;

class Namespaces {
 public:
  explicit Namespaces(std::shared_ptr<Catalog> catalog) : catalog_(std::move(catalog)) {}

  /// All of them, levels joined by '.', in order.
  Result<std::vector<std::string>> List();
  Result<bool> Exists(const std::string& space);
  /// kNotFound.
  Result<Properties> Load(const std::string& space);
  /// kAlreadyExists; kInvalid for a bad name.
  Status Create(const std::string& space, const Properties& properties);
  /// kNotFound; kConflict where it holds tables, views or namespaces.
  Status Drop(const std::string& space);
  /// Sets and removes properties in one step; returns those of `removals` that were not there.
  Result<std::vector<std::string>> Update(const std::string& space, const Properties& updates,
                                          const std::vector<std::string>& removals);

 private:
  std::shared_ptr<Catalog> catalog_;
};

}  // namespace millpond::table
