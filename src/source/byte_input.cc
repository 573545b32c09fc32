// A file descriptor read with pread, and Arrow's streaming codecs on top of it.
#include "source/byte_input.h"

#include <arrow/util/compression.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace millpond::source {
namespace {

using base::Conflict;
using base::Corrupt;

constexpr int64_t kCompressedBlock = 256 << 10;

class Descriptor {
 public:
  static Result<Descriptor> Open(const InputFile& file) {
    int fd;
    do {
      fd = ::open(file.path.c_str(), O_RDONLY | O_CLOEXEC);
    } while (fd < 0 && errno == EINTR);
    if (fd < 0) return base::FromErrno(errno, "open " + file.shown);
    return Descriptor(fd);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  /// Reads until `count` bytes or the end of the file.
  Result<int64_t> Read(int64_t offset, int64_t count, char* out, const std::string& shown) const {
    int64_t done = 0;
    while (done < count) {
      const ssize_t got =
          ::pread(fd_, out + done, static_cast<size_t>(count - done), offset + done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return base::FromErrno(errno, "read " + shown);
      if (got == 0) break;
      done += got;
    }
    return done;
  }
  int fd() const { return fd_; }

 private:
  explicit Descriptor(int fd) : fd_(fd) {}
  int fd_;
};

class PlainInput : public ByteInput {
 public:
  PlainInput(InputFile file, Descriptor descriptor)
      : file_(std::move(file)), descriptor_(std::move(descriptor)), at_(file_.start) {
    ::posix_fadvise(descriptor_.fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
  }

  Result<int64_t> Read(int64_t count, std::string* out) override {
    count = std::min(count, file_.size - at_);
    if (count <= 0) return 0;
    const size_t before = out->size();
    out->resize(before + static_cast<size_t>(count));
    ARROW_ASSIGN_OR_RAISE(int64_t got,
                          descriptor_.Read(at_, count, out->data() + before, file_.shown));
    if (got < count)
      return Conflict(
          "{} became shorter while it was read ({} bytes at the start, {} now): sync again",
          file_.shown, file_.size, at_ + got);
    at_ += got;
    return got;
  }

  int64_t position() const override { return at_ - file_.start; }

 private:
  const InputFile file_;
  const Descriptor descriptor_;
  int64_t at_;
};

class CompressedInput : public ByteInput {
 public:
  CompressedInput(std::unique_ptr<ByteInput> raw, std::unique_ptr<arrow::util::Codec> codec,
                  std::string shown)
      : raw_(std::move(raw)), codec_(std::move(codec)), shown_(std::move(shown)) {}

  Result<int64_t> Read(int64_t count, std::string* out) override {
    const size_t before = out->size();
    out->resize(before + static_cast<size_t>(count));
    int64_t done = 0;
    while (done < count) {
      auto more = Decompress(reinterpret_cast<uint8_t*>(out->data()) + before + done, count - done);
      if (!more.ok()) {
        out->resize(before + static_cast<size_t>(done));
        return more.status();
      }
      if (*more == 0) break;
      done += *more;
    }
    out->resize(before + static_cast<size_t>(done));
    return done;
  }

  int64_t position() const override { return raw_->position(); }

 private:
  /// Up to `room` decompressed bytes; 0 only at the end.
  Result<int64_t> Decompress(uint8_t* out, int64_t room) {
    while (true) {
      if (at_ == block_.size() && !input_ended_) {
        block_.clear();
        at_ = 0;
        ARROW_ASSIGN_OR_RAISE(int64_t got, raw_->Read(kCompressedBlock, &block_));
        input_ended_ = got == 0;
      }
      const bool exhausted = at_ == block_.size();
      if (!decompressor_) {
        if (exhausted) return 0;
        ARROW_ASSIGN_OR_RAISE(decompressor_, codec_->MakeDecompressor());
      }
      auto step = decompressor_->Decompress(static_cast<int64_t>(block_.size() - at_),
                                            reinterpret_cast<const uint8_t*>(block_.data()) + at_,
                                            room, out);
      if (!step.ok())
        return Corrupt("{} is not valid {}: {}", shown_, codec_->name(), step.status().message());
      at_ += static_cast<size_t>(step->bytes_read);
      // Several members may follow one another, as in files that were concatenated.
      const bool member_ended = decompressor_->IsFinished();
      if (member_ended) decompressor_.reset();
      if (step->bytes_written > 0) return step->bytes_written;
      if (!member_ended && !exhausted && step->bytes_read == 0)
        return Corrupt("{} is not valid {}: its stream makes no progress", shown_, codec_->name());
      if (!member_ended && exhausted)
        return Corrupt("{} ends inside its {} stream: the file is truncated, fetch it again",
                       shown_, codec_->name());
    }
  }

  const std::unique_ptr<ByteInput> raw_;
  const std::unique_ptr<arrow::util::Codec> codec_;
  const std::string shown_;
  std::shared_ptr<arrow::util::Decompressor> decompressor_;
  std::string block_;
  size_t at_ = 0;
  bool input_ended_ = false;
};

}  // namespace

std::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
    case Compression::kNone:
      break;
  }
  return "none";
}

Result<Compression> DetectCompression(const InputFile& file, const std::string& option) {
  if (option == "none") return Compression::kNone;
  if (option == "gzip") return Compression::kGzip;
  if (option == "zstd") return Compression::kZstd;
  ARROW_ASSIGN_OR_RAISE(std::string head, ReadRange(file, 0, 4));
  if (head.starts_with("\x1f\x8b")) return Compression::kGzip;
  if (head.starts_with("\x28\xb5\x2f\xfd")) return Compression::kZstd;
  const std::string_view ending =
      std::string_view(file.path).substr(StripCompression(file.path).size());
  if (!ending.empty() && !head.empty())
    return Corrupt(
        "{} is named {} but its first bytes are of another kind: rename it, or set "
        "compression=none",
        file.shown, ending);
  return Compression::kNone;
}

std::string_view StripCompression(std::string_view name) {
  for (std::string_view ending : {".gz", ".gzip", ".zst", ".zstd"})
    if (name.size() > ending.size() && name.ends_with(ending))
      return name.substr(0, name.size() - ending.size());
  return name;
}

Result<std::unique_ptr<ByteInput>> OpenBytes(const InputFile& file, Compression compression) {
  ARROW_ASSIGN_OR_RAISE(auto descriptor, Descriptor::Open(file));
  std::unique_ptr<ByteInput> raw = std::make_unique<PlainInput>(file, std::move(descriptor));
  if (compression == Compression::kNone) return raw;
  ARROW_ASSIGN_OR_RAISE(auto codec, arrow::util::Codec::Create(compression == Compression::kGzip
                                                                   ? arrow::Compression::GZIP
                                                                   : arrow::Compression::ZSTD));
  return std::make_unique<CompressedInput>(std::move(raw), std::move(codec), file.shown);
}

Result<std::string> ReadRange(const InputFile& file, int64_t offset, int64_t count) {
  ARROW_ASSIGN_OR_RAISE(auto descriptor, Descriptor::Open(file));
  count = std::max<int64_t>(0, std::min(count, file.size - offset));
  std::string bytes(static_cast<size_t>(count), '\0');
  ARROW_ASSIGN_OR_RAISE(int64_t got, descriptor.Read(offset, count, bytes.data(), file.shown));
  bytes.resize(static_cast<size_t>(got));
  return bytes;
}

}  // namespace millpond::source
