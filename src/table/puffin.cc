// Reading and writing Puffin files. See puffin.h.
#include "table/puffin.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "base/json.h"

namespace millpond::table {
namespace {

using base::Json;

constexpr std::string_view kMagic = "PFA1";
constexpr int64_t kTail = 12;                // Length, flags, magic.
constexpr int64_t kFooterMost = 64LL << 20;  // JSON of some 100,000 blobs is 30 MB.
constexpr int64_t kBlobMost = 256LL << 20;
constexpr uint8_t kCompressedFooter = 1;

Result<std::string> ReadAt(arrow::io::RandomAccessFile& file, int64_t offset, int64_t length,
                           std::string_view origin) {
  std::string bytes(static_cast<size_t>(length), '\0');
  ARROW_ASSIGN_OR_RAISE(const int64_t read, file.ReadAt(offset, length, bytes.data()));
  if (read != length) return base::Corrupt("{}: ends at byte {}", origin, offset + read);
  return bytes;
}

uint32_t Little32(std::string_view bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof(value));
  return value;
}

std::string Little32Bytes(uint32_t value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

// One LZ4 or Zstandard frame; memory grows with the output, up to `most`.
Result<std::string> Unpack(std::string_view bytes, arrow::Compression::type type, int64_t most,
                           std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(type));
  ARROW_ASSIGN_OR_RAISE(auto unpacker, codec->MakeDecompressor());
  std::string out;
  size_t filled = 0;
  const auto* in = reinterpret_cast<const uint8_t*>(bytes.data());
  auto left = static_cast<int64_t>(bytes.size());
  out.resize(std::max<size_t>(1024, bytes.size() * 2));
  while (!unpacker->IsFinished()) {
    if (filled == out.size()) {
      if (static_cast<int64_t>(out.size()) >= most) {
        return base::Exhausted("{}: unpacks to more than {} bytes", origin, most);
      }
      out.resize(out.size() * 2);
    }
    auto step = unpacker->Decompress(left, in, static_cast<int64_t>(out.size() - filled),
                                     reinterpret_cast<uint8_t*>(out.data()) + filled);
    if (!step.ok()) return base::Corrupt("{}: {}", origin, step.status().message());
    in += step->bytes_read;
    left -= step->bytes_read;
    filled += static_cast<size_t>(step->bytes_written);
    if (step->bytes_read == 0 && step->bytes_written == 0 && !step->need_more_output) {
      return base::Corrupt("{}: a compressed part ends early", origin);
    }
  }
  if (left != 0) return base::Corrupt("{}: bytes follow a compressed part", origin);
  out.resize(filled);
  return out;
}

Result<std::map<std::string, std::string>> PropertiesIn(const Json& object,
                                                        std::string_view origin) {
  std::map<std::string, std::string> result;
  const auto found = object.find("properties");
  if (found == object.end() || found->is_null()) return result;
  if (!found->is_object()) return base::Corrupt("{}: \"properties\" is not an object", origin);
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) return base::Corrupt("{}: property \"{}\" is not text", origin, name);
    result[name] = value.get<std::string>();
  }
  return result;
}

Result<PuffinBlob> BlobFromJson(const Json& json, int64_t end, std::string_view origin) {
  if (!json.is_object()) return base::Corrupt("{}: a blob is not an object", origin);
  PuffinBlob blob;
  ARROW_ASSIGN_OR_RAISE(blob.type, base::GetString(json, "type", origin));
  ARROW_ASSIGN_OR_RAISE(const Json* fields, base::GetArray(json, "fields", origin));
  for (const Json& field : *fields) {
    if (!field.is_number_integer() || field.get<int64_t>() < 0 ||
        field.get<int64_t>() > INT32_MAX) {
      return base::Corrupt("{}: a blob is about field {}, which is no field id", origin,
                           field.dump());
    }
    blob.fields.push_back(field.get<int32_t>());
  }
  ARROW_ASSIGN_OR_RAISE(blob.snapshot_id, base::GetInt(json, "snapshot-id", origin));
  ARROW_ASSIGN_OR_RAISE(blob.sequence_number, base::GetInt(json, "sequence-number", origin));
  ARROW_ASSIGN_OR_RAISE(blob.offset, base::GetInt(json, "offset", origin));
  ARROW_ASSIGN_OR_RAISE(blob.length, base::GetInt(json, "length", origin));
  const auto begin = static_cast<int64_t>(kMagic.size());
  if (blob.offset < begin || blob.length < 0 || blob.offset > end ||
      blob.length > end - blob.offset) {
    return base::Corrupt("{}: a blob lies at {} with {} bytes, outside the file", origin,
                         blob.offset, blob.length);
  }
  ARROW_ASSIGN_OR_RAISE(auto codec, base::FindString(json, "compression-codec", origin));
  blob.codec = codec.value_or("");
  ARROW_ASSIGN_OR_RAISE(blob.properties, PropertiesIn(json, origin));
  return blob;
}

Json BlobToJson(const PuffinBlob& blob) {
  Json json = {{"type", blob.type},
               {"fields", blob.fields},
               {"snapshot-id", blob.snapshot_id},
               {"sequence-number", blob.sequence_number},
               {"offset", blob.offset},
               {"length", blob.length}};
  if (!blob.properties.empty()) json["properties"] = blob.properties;
  return json;
}

// The bounds of the footer's JSON and whether it is compressed.
struct FooterPlace {
  int64_t offset = 0, length = 0;
  bool compressed = false;
};

Result<FooterPlace> FindFooter(arrow::io::RandomAccessFile& file, std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
  const auto magic = static_cast<int64_t>(kMagic.size());
  if (size < 2 * magic + kTail) return base::Corrupt("{}: too short for a Puffin file", origin);
  ARROW_ASSIGN_OR_RAISE(const std::string head, ReadAt(file, 0, magic, origin));
  ARROW_ASSIGN_OR_RAISE(const std::string tail, ReadAt(file, size - kTail, kTail, origin));
  if (head != kMagic || std::string_view(tail).substr(8) != kMagic) {
    return base::Corrupt("{}: not a Puffin file", origin);
  }
  FooterPlace place;
  place.length = Little32(tail);
  place.offset = size - kTail - place.length;
  if (place.offset < 2 * magic) {
    return base::Corrupt("{}: the footer says it has {} bytes, more than the file", origin,
                         place.length);
  }
  if (place.length > kFooterMost) {
    return base::Exhausted("{}: the footer has {} bytes, beyond the limit of {}", origin,
                           place.length, kFooterMost);
  }
  const uint32_t flags = Little32(std::string_view(tail).substr(4));
  place.compressed = (flags & kCompressedFooter) != 0;
  if ((flags & ~uint32_t{kCompressedFooter}) != 0) {
    return base::Invalid("{}: has the flags {:#x}, of a Puffin version that Millpond does not know",
                         origin, flags);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string begin, ReadAt(file, place.offset - magic, magic, origin));
  if (begin != kMagic) return base::Corrupt("{}: the footer has no beginning", origin);
  return place;
}

}  // namespace

Result<PuffinFooter> ReadPuffinFooter(arrow::io::RandomAccessFile& file, std::string_view origin) {
  ARROW_ASSIGN_OR_RAISE(const FooterPlace place, FindFooter(file, origin));
  ARROW_ASSIGN_OR_RAISE(std::string text, ReadAt(file, place.offset, place.length, origin));
  if (place.compressed) {
    ARROW_ASSIGN_OR_RAISE(text, Unpack(text, arrow::Compression::LZ4_FRAME, kFooterMost, origin));
  }
  auto json = base::ParseJson(text, origin);
  if (!json.ok()) return base::WithKind(base::ErrorKind::kCorrupt, json.status());
  if (!json->is_object()) return base::Corrupt("{}: the footer is not an object", origin);
  PuffinFooter footer;
  ARROW_ASSIGN_OR_RAISE(const Json* blobs, base::GetArray(*json, "blobs", origin));
  const int64_t end = place.offset - static_cast<int64_t>(kMagic.size());
  for (const Json& blob_json : *blobs) {
    ARROW_ASSIGN_OR_RAISE(PuffinBlob blob, BlobFromJson(blob_json, end, origin));
    footer.blobs.push_back(std::move(blob));
  }
  ARROW_ASSIGN_OR_RAISE(footer.properties, PropertiesIn(*json, origin));
  return footer;
}

Result<std::string> ReadPuffinBlob(arrow::io::RandomAccessFile& file, const PuffinBlob& blob,
                                   std::string_view origin) {
  if (blob.offset < 0 || blob.length < 0) {
    return base::Corrupt("{}: a blob lies at {} with {} bytes", origin, blob.offset, blob.length);
  }
  if (blob.length > kBlobMost) {
    return base::Exhausted("{}: a blob has {} bytes, beyond the limit of {}", origin, blob.length,
                           kBlobMost);
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
  if (blob.offset > size || blob.length > size - blob.offset) {
    return base::Corrupt("{}: a blob lies at {} with {} bytes, but the file has {}", origin,
                         blob.offset, blob.length, size);
  }
  ARROW_ASSIGN_OR_RAISE(std::string bytes, ReadAt(file, blob.offset, blob.length, origin));
  if (blob.codec.empty()) return bytes;
  if (blob.codec == "lz4") {
    return Unpack(bytes, arrow::Compression::LZ4_FRAME, kBlobMost, origin);
  }
  if (blob.codec == "zstd") return Unpack(bytes, arrow::Compression::ZSTD, kBlobMost, origin);
  return base::Invalid("{}: a blob is compressed with \"{}\", which Millpond does not read", origin,
                       blob.codec);
}

Status PuffinWriter::Write(std::string_view bytes) {
  size_ += static_cast<int64_t>(bytes.size());
  return out_->Write(bytes.data(), static_cast<int64_t>(bytes.size()));
}

Status PuffinWriter::Add(std::string_view bytes, PuffinBlob* blob) {
  if (size_ == 0) ARROW_RETURN_NOT_OK(Write(kMagic));
  blob->offset = size_;
  blob->length = static_cast<int64_t>(bytes.size());
  blob->codec.clear();
  blobs_.push_back(*blob);
  return Write(bytes);
}

Result<int64_t> PuffinWriter::Finish() {
  if (size_ == 0) ARROW_RETURN_NOT_OK(Write(kMagic));
  Json blobs = Json::array();
  for (const PuffinBlob& blob : blobs_) blobs.push_back(BlobToJson(blob));
  const Json json = {{"blobs", std::move(blobs)}, {"properties", {{"created-by", "millpond"}}}};
  const std::string text = base::CanonicalJson(json);
  ARROW_RETURN_NOT_OK(Write(kMagic));
  ARROW_RETURN_NOT_OK(Write(text));
  ARROW_RETURN_NOT_OK(Write(Little32Bytes(static_cast<uint32_t>(text.size()))));
  ARROW_RETURN_NOT_OK(Write(Little32Bytes(0)));
  ARROW_RETURN_NOT_OK(Write(kMagic));
  return size_;
}

}  // namespace millpond::table
