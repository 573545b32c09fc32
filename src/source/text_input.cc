// Encoding detection (marks, NUL patterns, UTF-8 validity) and a decoding stream over iconv.
#include "source/text_input.h"

#include <iconv.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "source/csv_scanner.h"

namespace millpond::source {
namespace {

constexpr int64_t kDecodeBlock = 256 << 10;
constexpr int kOtherSamples = 8;
constexpr size_t kRawKept = 64 << 10;

/// Decodes to UTF-8 piece by piece; keeps an unfinished character for the next call.
class Decoder {
 public:
  static Result<std::unique_ptr<Decoder>> Make(const TextStorage& storage) {
    iconv_t handle = ::iconv_open("UTF-8", storage.encoding.c_str());
    if (handle == reinterpret_cast<iconv_t>(-1))
      return base::Invalid(
          "encoding '{}' is not known: use utf-8, utf-16le, latin-1, windows-1252 or another name "
          "from 'iconv -l'",
          storage.encoding);
    return std::unique_ptr<Decoder>(new Decoder(handle, static_cast<size_t>(storage.unit())));
  }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() { ::iconv_close(handle_); }

  void Decode(std::string_view bytes, bool last, std::string* out) {
    pending_.append(bytes);
    char* from = pending_.data();
    size_t left = pending_.size();
    char buffer[4096];
    while (left > 0) {
      char* to = buffer;
      size_t room = sizeof buffer;
      const size_t outcome = ::iconv(handle_, &from, &left, &to, &room);
      const int why = errno;
      out->append(buffer, static_cast<size_t>(to - buffer));
      if (outcome != static_cast<size_t>(-1) || why == E2BIG) continue;
      if (why == EINVAL && !last) break;
      out->push_back('\xFF');
      const size_t skip = std::min(left, unit_);
      from += skip;
      left -= skip;
    }
    pending_.erase(0, pending_.size() - left);
  }

 private:
  Decoder(iconv_t handle, size_t unit) : handle_(handle), unit_(unit) {}
  const iconv_t handle_;
  const size_t unit_;
  std::string pending_;
};

class DecodedInput : public ByteInput {
 public:
  DecodedInput(std::unique_ptr<ByteInput> raw, std::unique_ptr<Decoder> decoder, int64_t skip)
      : raw_(std::move(raw)), decoder_(std::move(decoder)), skip_(skip) {}

  Result<int64_t> Read(int64_t count, std::string* out) override {
    if (skip_ > 0) {
      std::string mark;
      ARROW_RETURN_NOT_OK(raw_->Read(std::exchange(skip_, 0), &mark));
    }
    if (!decoder_) return raw_->Read(count, out);
    while (static_cast<int64_t>(ready_.size()) < count && !ended_) {
      std::string block;
      ARROW_ASSIGN_OR_RAISE(int64_t got, raw_->Read(kDecodeBlock, &block));
      ended_ = got < kDecodeBlock;
      decoder_->Decode(block, ended_, &ready_);
    }
    const size_t take = std::min(ready_.size(), static_cast<size_t>(count));
    out->append(ready_, 0, take);
    ready_.erase(0, take);
    return static_cast<int64_t>(take);
  }

  int64_t position() const override { return raw_->position(); }

 private:
  const std::unique_ptr<ByteInput> raw_;
  const std::unique_ptr<Decoder> decoder_;
  int64_t skip_;
  std::string ready_;
  bool ended_ = false;
};

/// An alias that people write -> the name for iconv.
std::string CanonicalEncoding(const std::string& name) {
  const std::string lower = base::ToLower(name);
  if (lower == "utf8" || lower == "utf-8" || lower == "utf-8-sig" || lower == "ascii" ||
      lower == "us-ascii")
    return "utf-8";
  if (lower == "latin-1" || lower == "latin1") return "iso-8859-1";
  if (lower == "cp1252") return "windows-1252";
  if (lower == "utf16le") return "utf-16le";
  if (lower == "utf16be") return "utf-16be";
  return lower;
}

struct Mark {
  std::string_view bytes;
  std::string_view encoding;
};
constexpr Mark kMarks[] = {{std::string_view("\xEF\xBB\xBF", 3), "utf-8"},
                           {std::string_view("\xFF\xFE\0\0", 4), "utf-32le"},
                           {std::string_view("\0\0\xFE\xFF", 4), "utf-32be"},
                           {std::string_view("\xFF\xFE", 2), "utf-16le"},
                           {std::string_view("\xFE\xFF", 2), "utf-16be"}};

/// UTF-16 without a mark shows as a NUL in nearly every second byte of western text.
std::string_view Utf16ByNuls(std::string_view head) {
  size_t nuls[2] = {0, 0};
  const size_t pairs = std::min<size_t>(head.size(), 4096) / 2;
  for (size_t i = 0; i < pairs * 2; ++i) nuls[i % 2] += head[i] == '\0' ? 1 : 0;
  if (pairs < 4) return "";
  if (nuls[1] * 10 >= pairs * 7 && nuls[0] * 10 <= pairs) return "utf-16le";
  if (nuls[0] * 10 >= pairs * 7 && nuls[1] * 10 <= pairs) return "utf-16be";
  return "";
}

/// Valid UTF-8 but for characters cut at either end of the sample.
bool IsUtf8Sample(std::string_view text, bool cut_front, bool cut_back) {
  for (int i = 0; cut_front && i < 3 && !text.empty() && (text.front() & 0xC0) == 0x80; ++i)
    text.remove_prefix(1);
  for (int i = 0; i < 4; ++i) {
    if (base::IsValidUtf8(text)) return true;
    if (!cut_back || text.empty()) return false;
    text.remove_suffix(1);
  }
  return false;
}

/// How many characters of more than one byte are valid UTF-8, and how many bytes are not.
struct Utf8Count {
  int64_t valid = 0, invalid = 0;
};

void CountUtf8(std::string_view text, Utf8Count* count) {
  for (size_t at = 0; at < text.size();) {
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      ++at;
      continue;
    }
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    const bool valid = at + length <= text.size() && base::IsValidUtf8(text.substr(at, length));
    ++(valid ? count->valid : count->invalid);
    at += valid ? length : 1;
  }
}

bool HasWindowsOnlyBytes(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 && byte <= 0x9F;
  });
}

void DetectEncoding(std::string_view head, bool complete, const std::vector<std::string>& others,
                    const std::string& option, TextStorage* storage) {
  for (const Mark& mark : kMarks) {
    if (!head.starts_with(mark.bytes)) continue;
    if (!option.empty() && !mark.encoding.starts_with(CanonicalEncoding(option))) continue;
    storage->encoding = mark.encoding;
    storage->bom = static_cast<int64_t>(mark.bytes.size());
    storage->why = "byte order mark";
    return;
  }
  if (!option.empty()) {
    storage->encoding = CanonicalEncoding(option);
    storage->why = "option";
    return;
  }
  if (const std::string_view wide = Utf16ByNuls(head); !wide.empty()) {
    storage->encoding = wide;
    storage->why = "every second byte is zero";
    return;
  }
  bool utf8 = IsUtf8Sample(head, false, !complete);
  for (const std::string& other : others) utf8 = utf8 && IsUtf8Sample(other, true, true);
  if (utf8) {
    storage->why = "valid UTF-8 in the sample";
    return;
  }
  Utf8Count count;
  CountUtf8(head, &count);
  for (const std::string& other : others) CountUtf8(other, &count);
  // Western text hardly ever has two bytes that happen to be UTF-8, so a few bad bytes among good
  // characters are damage, which rejects show, and not another encoding.
  if (count.valid > count.invalid) {
    storage->why = "mostly valid UTF-8; rows with other bytes are rejected";
    return;
  }
  bool windows = HasWindowsOnlyBytes(head);
  for (const std::string& other : others) windows = windows || HasWindowsOnlyBytes(other);
  storage->encoding = windows ? "windows-1252" : "iso-8859-1";
  storage->why = "not valid UTF-8; read as Western European";
}

Status DecodeSample(const TextStorage& storage, std::string* text) {
  if (storage.encoding == "utf-8") return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto decoder, Decoder::Make(storage));
  std::string decoded;
  decoder->Decode(*text, false, &decoded);
  *text = std::move(decoded);
  return Status::OK();
}

}  // namespace

int64_t TextStorage::unit() const {
  if (encoding.starts_with("utf-16")) return 2;
  if (encoding.starts_with("utf-32")) return 4;
  return 1;
}

Result<TextSample> SampleText(const InputFile& file, const FileOptions& options, int64_t budget) {
  TextSample sample;
  ARROW_ASSIGN_OR_RAISE(sample.storage.compression, DetectCompression(file, options.compression));
  const bool plain = sample.storage.compression == Compression::kNone;
  InputFile whole = file;  // The head tells the dialect even where reading starts later.
  whole.start = 0;
  ARROW_ASSIGN_OR_RAISE(auto bytes, OpenBytes(whole, sample.storage.compression));
  const int64_t head_bytes =
      plain && file.size <= budget ? file.size + 1 : (budget / 2) & ~int64_t{3};
  ARROW_ASSIGN_OR_RAISE(int64_t got, bytes->Read(head_bytes, &sample.head));
  sample.complete = got < head_bytes;
  if (!sample.complete && plain) {
    const int64_t part = (budget / 2 / kOtherSamples) & ~int64_t{3};
    const int64_t rest = file.size - got;
    for (int i = 1; i <= kOtherSamples && rest > part; ++i) {
      const int64_t offset = (got + (rest - part) * i / kOtherSamples) & ~int64_t{3};
      ARROW_ASSIGN_OR_RAISE(std::string other, ReadRange(file, offset, part));
      sample.others.push_back(std::move(other));
    }
  }
  DetectEncoding(sample.head, sample.complete, sample.others, options.encoding, &sample.storage);
  sample.head.erase(0, static_cast<size_t>(sample.storage.bom));
  ARROW_RETURN_NOT_OK(DecodeSample(sample.storage, &sample.head));
  for (std::string& other : sample.others)
    ARROW_RETURN_NOT_OK(DecodeSample(sample.storage, &other));
  return sample;
}

Result<std::unique_ptr<ByteInput>> OpenText(const InputFile& file, const TextStorage& storage) {
  ARROW_ASSIGN_OR_RAISE(auto raw, OpenBytes(file, storage.compression));
  std::unique_ptr<Decoder> decoder;
  if (storage.encoding != "utf-8") {
    ARROW_ASSIGN_OR_RAISE(decoder, Decoder::Make(storage));
  }
  const int64_t skip = file.start == 0 ? storage.bom : 0;
  if (!decoder && skip == 0) return raw;
  return std::make_unique<DecodedInput>(std::move(raw), std::move(decoder), skip);
}

std::string PrintableText(std::string_view raw) {
  raw = raw.substr(0, kRawKept);
  for (int i = 0; i < 3 && !raw.empty() && raw.size() == kRawKept; ++i)
    if ((raw.back() & 0x80) != 0) raw.remove_suffix(1);
  if (base::IsValidUtf8(raw) && raw.find('\0') == std::string_view::npos) return std::string(raw);
  std::string shown;
  for (size_t at = 0; at < raw.size() && shown.size() < kRawKept;) {
    size_t length = 1;
    const auto lead = static_cast<unsigned char>(raw[at]);
    if (lead >= 0xC2) length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    const std::string_view character = raw.substr(at, length);
    if (lead != 0 && character.size() == length && base::IsValidUtf8(character)) {
      shown += character;
    } else {
      length = 1;
      shown += fmt::format("\\x{:02X}", lead);
    }
    at += length;
  }
  return shown;
}

}  // namespace millpond::source
