// The two-part name of a table and the "name@ref" form that users type.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::table {

/// Where a bare name lives: "orders" is main.orders.
inline constexpr std::string_view kDefaultNamespace = "main";

struct TableName {
  std::string space;  ///< Namespace; levels joined by '.'.
  std::string name;

  /// "shop.orders" (last dot separates), or "orders" in the default namespace. Refuses bad names
  /// and namespaces that start with '_'.
  static Result<TableName> Parse(std::string_view text);
  std::string ToString() const { return space + "." + name; }
  auto operator<=>(const TableName&) const = default;
};

/// "shop.orders@v1" -> {shop.orders, "v1"}; no '@' -> empty ref (the head of main).
struct TableAtRef {
  TableName table;
  std::string ref;
  static Result<TableAtRef> Parse(std::string_view text);
};

}  // namespace millpond::table
