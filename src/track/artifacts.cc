// Artifacts: bytes in the store by their SHA-256, so that equal ones are kept once, and an entry
// per run in the ledger. Bytes land before the entry; an entry never points at nothing.
#include <arrow/api.h>
#include <arrow/io/api.h>

#include <filesystem>
#include <utility>

#include "base/hash.h"
#include "base/text.h"
#include "base/time.h"
#include "track/run_rows.h"
#include "track/runs.h"

namespace millpond::track {
namespace {

using base::Invalid;

constexpr int64_t kPiece = 1 << 20;

std::string BlobPathOf(const std::string& sha256) {
  return "_artifacts/" + sha256.substr(0, 2) + "/" + sha256;
}

Status CheckPath(const std::string& path) {
  bool good = !path.empty() && path.size() <= 1000 && base::IsValidUtf8(path);
  for (const std::string& part : base::Split(path, '/')) {
    good = good && !part.empty() && part != "." && part != "..";
  }
  for (const char c : path) good = good && static_cast<unsigned char>(c) >= 0x20 && c != 0x7F;
  if (good) return Status::OK();
  return Invalid("the artifact path '{}' must be relative, as in 'plots/loss.png', without '..'",
                 path);
}

/// Calls `take` with each piece of the stream.
template <class Take>
Status ForPieces(arrow::io::InputStream& in, const Take& take) {
  while (true) {
    ARROW_ASSIGN_OR_RAISE(auto piece, in.Read(kPiece));
    if (piece->size() == 0) return Status::OK();
    ARROW_RETURN_NOT_OK(take(std::string_view(*piece)));
  }
}

Result<std::pair<std::string, int64_t>> HashFile(const std::string& file) {
  ARROW_ASSIGN_OR_RAISE(auto in, arrow::io::ReadableFile::Open(file));
  base::Sha256 hash;
  int64_t size = 0;
  ARROW_RETURN_NOT_OK(ForPieces(*in, [&](std::string_view piece) {
    hash.Update(piece);
    size += static_cast<int64_t>(piece.size());
    return Status::OK();
  }));
  return std::make_pair(hash.HexDigest(), size);
}

/// Someone else may have published the same bytes meanwhile.
Status IgnoreTaken(Status status) {
  return base::KindOf(status) == base::ErrorKind::kAlreadyExists ? Status::OK() : status;
}

Result<bool> Exists(store::BlobStore& store, const std::string& blob) {
  const auto found = store.Stat(blob);
  if (found.ok()) return true;
  if (base::KindOf(found.status()) == base::ErrorKind::kNotFound) return false;
  return found.status();
}

Status CheckHash(const std::string& found, const Artifact& artifact) {
  if (found == artifact.sha256) return Status::OK();
  return base::Corrupt(
      "the artifact {} is damaged: its SHA-256 is {}, not {}; restore {} from a "
      "backup",
      artifact.path, found, artifact.sha256, artifact.blob);
}

}  // namespace

Result<Artifact> Tracker::Keep(const std::string& run_id, const std::string& path, int64_t size,
                               const std::string& sha256) {
  Artifact artifact{path, BlobPathOf(sha256), size, sha256, base::NowMs()};
  ledger::Transaction transaction;
  transaction.Upsert("run_artifact", {{"run_id", run_id},
                                      {"path", path},
                                      {"blob", artifact.blob},
                                      {"size", size},
                                      {"sha256", sha256},
                                      {"created_ms", artifact.created_ms}});
  ARROW_RETURN_NOT_OK(ledger_->Apply(transaction));
  return artifact;
}

Result<Artifact> Tracker::LogArtifact(const std::string& run_id, const std::string& path,
                                      std::string_view bytes) {
  ARROW_RETURN_NOT_OK(CheckPath(path));
  ARROW_RETURN_NOT_OK(Writable(run_id).status());
  const std::string sha256 = base::Sha256Hex(bytes);
  ARROW_ASSIGN_OR_RAISE(const bool there, Exists(*store_, BlobPathOf(sha256)));
  if (!there)
    ARROW_RETURN_NOT_OK(IgnoreTaken(store::WriteBlob(*store_, BlobPathOf(sha256), bytes)));
  return Keep(run_id, path, static_cast<int64_t>(bytes.size()), sha256);
}

Result<Artifact> Tracker::LogArtifactFile(const std::string& run_id, const std::string& path,
                                          const std::string& file) {
  ARROW_RETURN_NOT_OK(CheckPath(path));
  ARROW_RETURN_NOT_OK(Writable(run_id).status());
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    return Invalid("{} is a folder; log its files one by one, or an archive of it", file);
  }
  ARROW_ASSIGN_OR_RAISE(const auto hashed, HashFile(file));
  const auto& [sha256, size] = hashed;
  ARROW_ASSIGN_OR_RAISE(const bool there, Exists(*store_, BlobPathOf(sha256)));
  if (!there) {
    ARROW_ASSIGN_OR_RAISE(auto in, arrow::io::ReadableFile::Open(file));
    auto writer = store_->Create(BlobPathOf(sha256));
    if (!writer.ok()) {
      ARROW_RETURN_NOT_OK(IgnoreTaken(writer.status()));
      return Keep(run_id, path, size, sha256);
    }
    base::Sha256 written;
    ARROW_RETURN_NOT_OK(ForPieces(*in, [&](std::string_view piece) {
      written.Update(piece);
      return (*writer)->stream()->Write(piece.data(), static_cast<int64_t>(piece.size()));
    }));
    if (written.HexDigest() != sha256) {
      return base::Conflict("{} changed while it was read; log it again once it is complete", file);
    }
    ARROW_RETURN_NOT_OK(IgnoreTaken((*writer)->Publish()));
  }
  return Keep(run_id, path, size, sha256);
}

Result<Artifact> Tracker::Entry(const std::string& run_id, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(
      auto rows, ledger_->Select({.table = "run_artifact", .where = {{"run_id", {}, run_id}}}));
  std::vector<std::string> paths;
  for (const ledger::Row& row : rows) {
    ARROW_ASSIGN_OR_RAISE(auto artifact, ArtifactFromRow(row));
    if (artifact.path == path) return artifact;
    paths.push_back(artifact.path);
  }
  return base::NotFound("the run has no artifact '{}'.{}", path, base::DidYouMean(path, paths));
}

Result<std::string> Tracker::ReadArtifact(const std::string& run_id, const std::string& path,
                                          int64_t limit) {
  ARROW_ASSIGN_OR_RAISE(const Artifact artifact, Entry(run_id, path));
  ARROW_ASSIGN_OR_RAISE(std::string bytes, store::ReadBlob(*store_, artifact.blob, limit));
  ARROW_RETURN_NOT_OK(CheckHash(base::Sha256Hex(bytes), artifact));
  return bytes;
}

Status Tracker::SaveArtifact(const std::string& run_id, const std::string& path,
                             const std::string& file) {
  ARROW_ASSIGN_OR_RAISE(const Artifact artifact, Entry(run_id, path));
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    return base::AlreadyExists("{} exists; choose another name or remove it", file);
  }
  const auto copy = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(auto in, store_->OpenRead(artifact.blob));
    ARROW_ASSIGN_OR_RAISE(auto out, arrow::io::FileOutputStream::Open(file));
    base::Sha256 hash;
    ARROW_RETURN_NOT_OK(ForPieces(*in, [&](std::string_view piece) {
      hash.Update(piece);
      return out->Write(piece.data(), static_cast<int64_t>(piece.size()));
    }));
    ARROW_RETURN_NOT_OK(out->Close());
    return CheckHash(hash.HexDigest(), artifact);
  };
  const Status status = copy();
  if (!status.ok()) std::filesystem::remove(file, error);
  return status;
}

}  // namespace millpond::track
