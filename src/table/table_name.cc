// Table names: parsing and the rules a name must keep. Called by every verb that takes a table.
// Pure functions.
#include "table/table_name.h"

#include "base/text.h"

namespace millpond::table {

Result<TableName> TableName::Parse(std::string_view text) {
  const size_t dot = text.rfind('.');
  TableName result;
  if (dot == std::string_view::npos) {
    result.space = kDefaultNamespace;
    result.name = text;
  } else {
    result.space = text.substr(0, dot);
    result.name = text.substr(dot + 1);
  }
  ARROW_RETURN_NOT_OK(base::CheckName(result.name, "table name"));
  if (result.space.size() > 255) {
    return base::Invalid("namespace of table '{}' has {} bytes; at most 255 are allowed",
                         result.name, result.space.size());
  }
  for (const std::string& level : base::Split(result.space, '.')) {
    ARROW_RETURN_NOT_OK(base::CheckName(level, "namespace"));
  }
  if (result.space.front() == '_') {
    return base::Invalid(
        "namespace '{}' begins with '_', which is kept for Millpond's own tables; choose another",
        result.space);
  }
  return result;
}

Result<TableAtRef> TableAtRef::Parse(std::string_view text) {
  const size_t at = text.find('@');
  TableAtRef result;
  ARROW_ASSIGN_OR_RAISE(result.table, TableName::Parse(text.substr(0, at)));
  if (at == std::string_view::npos) return result;
  result.ref = text.substr(at + 1);
  if (result.ref.empty()) {
    return base::Invalid("'{}' has nothing after '@'; write table@tag, or the table's name alone",
                         text);
  }
  if (result.ref.find('@') != std::string::npos) {
    return base::Invalid("'{}' has more than one '@'; write table@ref", text);
  }
  return result;
}

}  // namespace millpond::table
