// Avro schemas as Iceberg writes them: types with field ids. Called by the Avro container and the
// manifest reader. A parsed type is immutable and small: depth and expanded size are bounded, so
// walking one is safe on hostile input.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace millpond::table {

struct AvroType;
using AvroTypePtr = std::shared_ptr<const AvroType>;

struct AvroField {
  std::string name;
  int32_t id = -1;  ///< "field-id"; -1 where there is none.
  AvroTypePtr type;
};

struct AvroType {
  enum class Kind {
    kNull,
    kBoolean,
    kInt,
    kLong,
    kFloat,
    kDouble,
    kBytes,
    kString,
    kFixed,
    kEnum,
    kArray,
    kMap,
    kRecord,
    kUnion
  };
  Kind kind = Kind::kNull;
  int64_t fixed_size = 0;
  std::vector<AvroField> fields;  ///< Of a record.
  std::vector<AvroTypePtr>
      parts;             ///< Branches of a union; the one item of an array or value of a map.
  int64_t smallest = 0;  ///< Fewest bytes that a value takes.
  int64_t nodes = 1;     ///< Types in it, named ones counted wherever they are used.
};

/// "int", "record"…, for messages.
std::string_view NameOf(AvroType::Kind kind);

/// kCorrupt names `origin`. Refuses recursive types, nesting beyond 64, more than 4,096 types, and
/// arrays of what takes no bytes.
Result<AvroTypePtr> ParseAvroSchema(const base::Json& json, std::string_view origin);

}  // namespace millpond::table
