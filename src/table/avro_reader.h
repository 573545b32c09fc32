// Reads Avro object container files, written by anyone: header, schema, blocks. Called by
// manifest.cc and manifest_list.cc.
//   "Obj\x01"  metadata: map<bytes> (avro.schema, avro.codec, …)  sync marker: 16 bytes
//   block*:    record count: long   byte count: long   data (deflated or not)   sync marker
// Hostile input: lengths and counts are checked against the bytes that are there before anything is
// allocated. One thread per reader.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "table/avro_schema.h"

namespace millpond::table {

/// A position in Avro-encoded bytes. The first failure sticks: from then on every read gives zero
/// or nothing, so callers check status() once per record.
class AvroCursor {
 public:
  /// `where` names the bytes in errors ("m.avro, block at byte 812").
  AvroCursor(std::string_view bytes, std::string where);

  bool Boolean();
  int32_t Int();
  int64_t Long();
  std::string_view
  Bytes();  ///< Length-prefixed; also Avro's strings. Valid as long as the bytes are.
  std::string_view Raw(int64_t length);
  void Skip(const AvroType& type);

  /// The type that comes next: a union's branch is read and resolved.
  const AvroType& Resolve(const AvroType& type);

  /// Typed reads of a resolved value: null gives nullopt, another type than wanted fails naming
  /// `what`.
  std::optional<int64_t> Integer(const AvroType& resolved, std::string_view what);
  std::optional<int32_t> Integer32(const AvroType& resolved, std::string_view what);
  std::optional<bool> Flag(const AvroType& resolved, std::string_view what);
  std::optional<std::string_view> Text(const AvroType& resolved, std::string_view what);

  /// Calls `read(field id, resolved type)` per field in file order; where it returns false the
  /// value is skipped.
  template <class F>
  void Record(const AvroType& record, F&& read) {
    for (const AvroField& field : record.fields) {
      const AvroType& type = Resolve(*field.type);
      if (!ok()) return;
      if (!read(field.id, type)) Skip(type);
    }
  }

  /// Calls `read(item type)` per item of an array (Integer-keyed maps are arrays of key and value
  /// records).
  template <class F>
  void Items(const AvroType& array, std::string_view what, F&& read) {
    if (array.kind != AvroType::Kind::kArray) return Mismatch(array, "an array", what);
    while (const int64_t count = BlockCount(array.parts[0]->smallest)) {
      for (int64_t i = 0; i < count && ok(); ++i) read(Resolve(*array.parts[0]));
    }
  }

  /// Calls `read(key, value type)` per item of an Avro map, which is keyed by text.
  template <class F>
  void MapItems(const AvroType& map, F&& read) {
    while (const int64_t count = BlockCount(1 + map.parts[0]->smallest)) {
      for (int64_t i = 0; i < count && ok(); ++i) {
        const std::string_view key = Bytes();
        read(key, Resolve(*map.parts[0]));
      }
    }
  }

  /// Reports a value that breaks the format; the first report wins.
  void Fail(std::string problem);
  void Mismatch(const AvroType& found, std::string_view wanted, std::string_view what);

  bool ok() const { return problem_.empty(); }
  Status status() const;
  size_t position() const { return position_; }
  bool at_end() const { return position_ == bytes_.size(); }
  std::string_view Between(size_t begin, size_t end) const {
    return bytes_.substr(begin, end - begin);
  }

 private:
  size_t remaining() const { return bytes_.size() - position_; }
  /// Items in the next block of an array or map; 0 at its end and on failure.
  int64_t BlockCount(int64_t smallest_item);

  std::string_view bytes_;
  std::string where_;
  size_t position_ = 0;
  std::string problem_;
};

class AvroReader {
 public:
  /// `bytes` must outlive the reader. kCorrupt names `origin` and the offset; an unknown codec is
  /// kInvalid by name.
  static Result<AvroReader> Open(std::string_view bytes, std::string_view origin);

  const std::map<std::string, std::string>& header() const { return header_; }
  const base::Json& schema_json() const { return schema_json_; }
  const AvroType& schema() const { return *schema_; }  ///< Of one record; always Kind::kRecord.

  /// Decodes every record in file order. `read` leaves the cursor at the record's end.
  Status ForEach(const std::function<Status(AvroCursor&)>& read) const;

 private:
  AvroReader() = default;
  Status ReadHeader(AvroCursor* cursor);
  Status ReadBlock(std::string_view data, int64_t count, size_t offset,
                   const std::function<Status(AvroCursor&)>& read) const;

  std::string_view bytes_;
  std::string origin_;
  std::map<std::string, std::string> header_;
  base::Json schema_json_;
  AvroTypePtr schema_;
  bool deflated_ = false;
  std::string sync_;
  size_t first_block_ = 0;
};

}  // namespace millpond::table
