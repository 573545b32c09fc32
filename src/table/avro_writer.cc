// AvroWriter and AvroEncoder. See avro_writer.h.
#include "table/avro_writer.h"

#include "base/hash.h"
#include "table/compression.h"

namespace millpond::table {
namespace {

// Large enough to compress well, small enough that a reader holds little.
constexpr size_t kBlockBytes = 256 << 10;

}  // namespace

void AvroEncoder::Long(int64_t value) {
  uint64_t zigzag = (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
  while (zigzag >= 0x80) {
    bytes_.push_back(static_cast<char>(zigzag | 0x80));
    zigzag >>= 7;
  }
  bytes_.push_back(static_cast<char>(zigzag));
}

void AvroEncoder::Bytes(std::string_view value) {
  Long(static_cast<int64_t>(value.size()));
  bytes_.append(value);
}

void AvroEncoder::OptionalLong(const std::optional<int64_t>& value) {
  if (!value) return Null();
  Present();
  Long(*value);
}

AvroWriter::AvroWriter(std::map<std::string, std::string> header) {
  header["avro.codec"] = "deflate";
  file_.Raw(std::string_view("Obj\x01", 4));
  file_.Long(static_cast<int64_t>(header.size()));
  for (const auto& [key, value] : header) {
    file_.Bytes(key);
    file_.Bytes(value);
  }
  file_.Long(0);
  sync_ = base::Hash128Hex(file_.bytes()).substr(0, 16);
  file_.Raw(sync_);
}

Status AvroWriter::EndRecord() {
  ++records_in_block_;
  return block_.bytes().size() < kBlockBytes ? Status::OK() : FlushBlock();
}

Status AvroWriter::FlushBlock() {
  if (records_in_block_ == 0) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(std::string data, Deflate(block_.bytes(), ZlibForm::kRawDeflate));
  file_.Long(records_in_block_);
  file_.Bytes(data);
  file_.Raw(sync_);
  block_.clear();
  records_in_block_ = 0;
  return Status::OK();
}

Result<std::string> AvroWriter::Finish() {
  ARROW_RETURN_NOT_OK(FlushBlock());
  return file_.bytes();
}

}  // namespace millpond::table
