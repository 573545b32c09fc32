// Namespaces in the ledger; see the header.
#include "table/namespaces.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "table/table_name.h"

namespace millpond::table {
namespace {

using ledger::Compare;

constexpr const char* kTable = "iceberg_namespace_properties";
// The row that says no more than that the namespace exists.
constexpr const char* kExists = "exists";

ledger::Conditions KeyOf(const std::string& space) {
  return {{"catalog_name", Compare::kEqual, std::string(kCatalogName)},
          {"namespace", Compare::kEqual, space}};
}

ledger::Row PropertyRow(const std::string& space, const std::string& key,
                        const std::string& value) {
  return {{"catalog_name", std::string(kCatalogName)},
          {"namespace", space},
          {"property_key", key},
          {"property_value", value}};
}

Status CheckProperties(const Properties& properties) {
  for (const auto& [key, value] : properties) {
    if (key.empty() || key.size() > 255 || value.size() > 1000) {
      return base::Invalid(
          "namespace property '{}' is too long: keys have 1-255 bytes, values at most 1000", key);
    }
  }
  return Status::OK();
}

}  // namespace

Result<std::vector<std::string>> Namespaces::List() {
  const ledger::Conditions ours = {{"catalog_name", Compare::kEqual, std::string(kCatalogName)}};
  ARROW_ASSIGN_OR_RAISE(auto found,
                        catalog_->ledger().SelectAll({{.table = kTable, .where = ours},
                                                      {.table = "iceberg_tables", .where = ours}}));
  std::set<std::string> names;
  for (const ledger::Row& row : found[0]) {
    ARROW_ASSIGN_OR_RAISE(std::string name, ledger::TextOf(row, "namespace"));
    names.insert(std::move(name));
  }
  for (const ledger::Row& row : found[1]) {
    ARROW_ASSIGN_OR_RAISE(std::string name, ledger::TextOf(row, "table_namespace"));
    names.insert(std::move(name));
  }
  return std::vector<std::string>(names.begin(), names.end());
}

Result<bool> Namespaces::Exists(const std::string& space) {
  ARROW_ASSIGN_OR_RAISE(const auto names, List());
  const std::string inner = space + ".";
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return name == space || name.starts_with(inner);
  });
}

Result<Properties> Namespaces::Load(const std::string& space) {
  ARROW_ASSIGN_OR_RAISE(auto rows,
                        catalog_->ledger().Select({.table = kTable, .where = KeyOf(space)}));
  Properties properties;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(const std::string key, ledger::TextOf(row, "property_key"));
    ARROW_ASSIGN_OR_RAISE(const std::string value, ledger::TextOf(row, "property_value"));
    if (key != kExists) properties[key] = value;
  }
  if (!rows.empty()) return properties;
  ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(space));
  if (!exists) return base::NotFound("Namespace does not exist: {}", space);
  return properties;
}

Status Namespaces::Create(const std::string& space, const Properties& properties) {
  ARROW_RETURN_NOT_OK(TableName::Parse(space + ".t").status());
  ARROW_RETURN_NOT_OK(CheckProperties(properties));
  ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(space));
  const std::string taken = fmt::format("Namespace already exists: {}", space);
  if (exists) return base::AlreadyExists("{}", taken);
  ledger::Transaction transaction;
  transaction.Insert(kTable, PropertyRow(space, kExists, "true"), taken);
  for (const auto& [key, value] : properties) {
    transaction.Upsert(kTable, PropertyRow(space, key, value));
  }
  return catalog_->ledger().Apply(transaction);
}

Status Namespaces::Drop(const std::string& space) {
  ARROW_ASSIGN_OR_RAISE(const bool exists, Exists(space));
  if (!exists) return base::NotFound("Namespace does not exist: {}", space);
  const std::string full = fmt::format("Namespace {} is not empty", space);
  ARROW_ASSIGN_OR_RAISE(const auto names, List());
  for (const std::string& name : names) {
    if (name.starts_with(space + ".")) return base::Conflict("{}. It holds {}", full, name);
  }
  // Whoever makes a table in it meanwhile makes the deletion of none of them fail.
  ledger::Transaction transaction;
  transaction.Delete("iceberg_tables",
                     {{"catalog_name", Compare::kEqual, std::string(kCatalogName)},
                      {"table_namespace", Compare::kEqual, space}},
                     0, full);
  transaction.Delete(kTable, KeyOf(space));
  return catalog_->ledger().Apply(transaction);
}

Result<std::vector<std::string>> Namespaces::Update(const std::string& space,
                                                    const Properties& updates,
                                                    const std::vector<std::string>& removals) {
  ARROW_RETURN_NOT_OK(CheckProperties(updates));
  ARROW_ASSIGN_OR_RAISE(const Properties now, Load(space));
  std::vector<std::string> missing;
  ledger::Transaction transaction;
  transaction.Upsert(kTable, PropertyRow(space, kExists, "true"));
  for (const std::string& key : removals) {
    if (updates.contains(key)) {
      return base::Invalid("property '{}' is both set and removed", key);
    }
    if (!now.contains(key)) {
      missing.push_back(key);
      continue;
    }
    ledger::Conditions row = KeyOf(space);
    row.push_back({"property_key", Compare::kEqual, key});
    transaction.Delete(kTable, row);
  }
  for (const auto& [key, value] : updates) {
    transaction.Upsert(kTable, PropertyRow(space, key, value));
  }
  ARROW_RETURN_NOT_OK(catalog_->ledger().Apply(transaction));
  return missing;
}

}  // namespace millpond::table
