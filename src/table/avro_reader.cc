// AvroReader: the container around Avro records. See avro_reader.h for the layout.
#include "table/avro_reader.h"

#include "table/compression.h"

namespace millpond::table {
namespace {

constexpr std::string_view kMagic("Obj\x01", 4);
constexpr int64_t kSyncSize = 16;

}  // namespace

Result<AvroReader> AvroReader::Open(std::string_view bytes, std::string_view origin) {
  AvroReader reader;
  reader.bytes_ = bytes;
  reader.origin_ = origin;
  if (!bytes.starts_with(kMagic)) {
    return base::Corrupt("{}: is not an Avro file (its first bytes are not Obj\\x01)", origin);
  }
  AvroCursor cursor(bytes, std::string(origin));
  (void)cursor.Raw(static_cast<int64_t>(kMagic.size()));
  ARROW_RETURN_NOT_OK(reader.ReadHeader(&cursor));
  auto json =
      base::ParseJson(reader.header_["avro.schema"], fmt::format("{}, avro.schema", origin));
  if (!json.ok()) return base::Corrupt("{}", json.status().message());
  reader.schema_json_ = json.MoveValueUnsafe();
  ARROW_ASSIGN_OR_RAISE(reader.schema_, ParseAvroSchema(reader.schema_json_, origin));
  if (reader.schema_->kind != AvroType::Kind::kRecord || reader.schema_->smallest == 0) {
    return base::Corrupt("{}: its Avro schema is no record with a field", origin);
  }
  const std::string codec =
      reader.header_.contains("avro.codec") ? reader.header_["avro.codec"] : "null";
  if (codec != "null" && codec != "deflate") {
    return base::Invalid(
        "{}: Avro codec '{}' is not one that Millpond reads (null, deflate); set "
        "write.avro.compression-codec to gzip in the engine that writes the table",
        origin, codec);
  }
  reader.deflated_ = codec == "deflate";
  return reader;
}

Status AvroReader::ReadHeader(AvroCursor* cursor) {
  static const AvroTypePtr text_to_bytes = [] {
    auto bytes = std::make_shared<AvroType>();
    bytes->kind = AvroType::Kind::kBytes;
    bytes->smallest = 1;
    auto map = std::make_shared<AvroType>();
    map->kind = AvroType::Kind::kMap;
    map->parts.push_back(std::move(bytes));
    return map;
  }();
  cursor->MapItems(*text_to_bytes, [&](std::string_view key, const AvroType&) {
    header_[std::string(key)] = cursor->Bytes();
  });
  sync_ = cursor->Raw(kSyncSize);
  first_block_ = cursor->position();
  return cursor->status();
}

Status AvroReader::ForEach(const std::function<Status(AvroCursor&)>& read) const {
  AvroCursor file(bytes_, origin_);
  (void)file.Raw(static_cast<int64_t>(first_block_));
  while (!file.at_end()) {
    const size_t offset = file.position();
    const int64_t count = file.Long();
    const std::string_view data = file.Bytes();
    const std::string_view sync = file.Raw(kSyncSize);
    if (file.ok() && sync != sync_) file.Fail("the sync marker after a block is not the file's");
    if (file.ok() && count < 0) file.Fail(fmt::format("a block of {} records", count));
    ARROW_RETURN_NOT_OK(file.status());
    ARROW_RETURN_NOT_OK(ReadBlock(data, count, offset, read));
  }
  return file.status();
}

Status AvroReader::ReadBlock(std::string_view data, int64_t count, size_t offset,
                             const std::function<Status(AvroCursor&)>& read) const {
  const std::string where = fmt::format("{}, block at byte {}", origin_, offset);
  std::string inflated;
  if (deflated_) {
    ARROW_ASSIGN_OR_RAISE(inflated, Inflate(data, ZlibForm::kRawDeflate, where));
    data = inflated;
  }
  AvroCursor cursor(data, where);
  if (static_cast<uint64_t>(count) > data.size() / static_cast<uint64_t>(schema_->smallest)) {
    cursor.Fail(fmt::format("{} records cannot be in {} bytes", count, data.size()));
  }
  for (int64_t i = 0; i < count && cursor.ok(); ++i) {
    ARROW_RETURN_NOT_OK(read(cursor));
  }
  ARROW_RETURN_NOT_OK(cursor.status());
  if (!cursor.at_end()) cursor.Fail("bytes follow the last record");
  return cursor.status();
}

}  // namespace millpond::table
