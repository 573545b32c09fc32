// Checksums are taken block by block, so that memory stays small and a cancel is heard.
#include "derived/manifest.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "base/hash.h"
#include "base/time.h"

namespace millpond::derived {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kFormat = 1;
constexpr size_t kBlock = 4 << 20;
constexpr std::string_view kManifestName = "manifest.json";

// Reads until `size` bytes are there or the file ends.
Result<size_t> ReadFully(int descriptor, char* buffer, size_t size, const std::string& path) {
  size_t done = 0;
  while (done < size) {
    ssize_t count = ::read(descriptor, buffer + done, size - done);
    if (count == 0) break;
    if (count > 0) {
      done += static_cast<size_t>(count);
    } else if (errno != EINTR) {
      return base::FromErrno(errno, "read " + path);
    }
  }
  return done;
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int value() const { return value_; }

 private:
  int value_;
};

Result<std::vector<ManifestFile>> FilesBelow(const std::string& folder,
                                             const base::Context& context) {
  std::vector<ManifestFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (!entry->is_regular_file(error)) continue;
    ManifestFile file;
    file.path = fs::relative(entry->path(), folder, error).generic_string();
    file.size = static_cast<int64_t>(entry->file_size(error));
    ARROW_ASSIGN_OR_RAISE(file.checksum, ChecksumOf(entry->path().string(), context));
    files.push_back(std::move(file));
  }
  if (error) return base::FromErrno(error.value(), "list " + folder);
  std::ranges::sort(files, {}, &ManifestFile::path);
  return files;
}

}  // namespace

int64_t Manifest::bytes() const {
  int64_t sum = 0;
  for (const ManifestFile& file : files) sum += file.size;
  return sum;
}

Result<std::string> ChecksumOf(const std::string& path, const base::Context& context) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.value() < 0) return base::FromErrno(errno, "open " + path);
  auto block = std::make_unique_for_overwrite<char[]>(kBlock);
  std::string hashes;
  while (true) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(size_t size, ReadFully(file.value(), block.get(), kBlock, path));
    if (size == 0) break;
    uint64_t hash = base::Hash64({block.get(), size});
    hashes.append(reinterpret_cast<const char*>(&hash), sizeof(hash));
    if (size < kBlock) break;
  }
  return fmt::format("{:016x}", base::Hash64(hashes));
}

Status WriteManifest(const std::string& folder, const std::string& kind, const base::Json& inputs,
                     const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(std::vector<ManifestFile> files, FilesBelow(folder, context));
  base::Json list = base::Json::array();
  for (const ManifestFile& file : files) {
    list.push_back({{"path", file.path}, {"size", file.size}, {"checksum", file.checksum}});
  }
  base::Json json = {{"format", kFormat},
                     {"kind", kind},
                     {"inputs", inputs},
                     {"created_ms", base::NowMs()},
                     {"files", std::move(list)}};
  std::string path = folder + "/" + std::string(kManifestName);
  std::ofstream out(path, std::ios::binary);
  out << base::CanonicalJson(json);
  out.close();
  if (!out) return base::FromErrno(errno, "write " + path);
  return Status::OK();
}

Result<Manifest> ReadManifest(const std::string& folder) {
  std::string path = folder + "/" + std::string(kManifestName);
  std::ifstream in(path, std::ios::binary);
  if (!in) return base::NotFound("{} does not exist", path);
  std::string text(std::istreambuf_iterator<char>(in), {});
  auto parsed = base::ParseJson(text, path);
  if (!parsed.ok()) return base::WithKind(base::ErrorKind::kCorrupt, parsed.status());
  ARROW_ASSIGN_OR_RAISE(int64_t format, base::GetInt(*parsed, "format", path));
  if (format != kFormat) return base::Corrupt("{}: format {} is not ours", path, format);
  Manifest manifest;
  ARROW_ASSIGN_OR_RAISE(manifest.kind, base::GetString(*parsed, "kind", path));
  ARROW_ASSIGN_OR_RAISE(manifest.created_ms, base::GetInt(*parsed, "created_ms", path));
  manifest.inputs = parsed->value("inputs", base::Json());
  ARROW_ASSIGN_OR_RAISE(const base::Json* files, base::GetArray(*parsed, "files", path));
  for (const base::Json& entry : *files) {
    ManifestFile file;
    ARROW_ASSIGN_OR_RAISE(file.path, base::GetString(entry, "path", path));
    ARROW_ASSIGN_OR_RAISE(file.size, base::GetInt(entry, "size", path));
    ARROW_ASSIGN_OR_RAISE(file.checksum, base::GetString(entry, "checksum", path));
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

Status VerifyFiles(const std::string& folder, const Manifest& manifest,
                   const base::Context& context) {
  for (const ManifestFile& file : manifest.files) {
    std::string path = folder + "/" + file.path;
    std::error_code error;
    auto size = fs::file_size(path, error);
    if (error) return base::Corrupt("{} is missing", path);
    if (static_cast<int64_t>(size) != file.size) {
      return base::Corrupt("{} has {} bytes, not {}", path, size, file.size);
    }
    ARROW_ASSIGN_OR_RAISE(const std::string checksum, ChecksumOf(path, context));
    if (checksum.compare(file.checksum) != 0) return base::Corrupt("{} has another checksum", path);
  }
  return Status::OK();
}

}  // namespace millpond::derived
