// Writes Avro object container files (layout: avro_reader.h): deflated blocks, a sync marker that
// follows from the header, so the same records give the same bytes. Called by manifest.cc and
// manifest_list.cc. One thread per writer.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace millpond::table {

/// Appends values in Avro's binary encoding to a string.
class AvroEncoder {
 public:
  void Boolean(bool value) { bytes_.push_back(value ? '\1' : '\0'); }
  void Long(int64_t value);  ///< Also int, union branch and block count.
  void Bytes(std::string_view value);
  void Raw(std::string_view encoded) { bytes_.append(encoded); }

  /// Fields of the union ["null", X].
  void OptionalLong(const std::optional<int64_t>& value);
  void Null() { Long(0); }
  void Present() { Long(1); }  ///< X's encoding follows.

  const std::string& bytes() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  std::string bytes_;
};

class AvroWriter {
 public:
  /// `header` holds "avro.schema" and what else readers look for; "avro.codec" is added.
  explicit AvroWriter(std::map<std::string, std::string> header);

  /// Where the next record is encoded; EndRecord() closes it.
  AvroEncoder& record() { return block_; }
  Status EndRecord();

  /// The whole file.
  Result<std::string> Finish();

 private:
  Status FlushBlock();

  std::string sync_;
  AvroEncoder file_;
  AvroEncoder block_;
  int64_t records_in_block_ = 0;
};

}  // namespace millpond::table
