// Blobs as files below a folder. A writer fills root/.pending/<uuid>, fsyncs it, links it to its
// name (so that an existing name is never replaced), fsyncs the folder, and unlinks the pending
// name: a reader never sees a partial file and a published one survives power loss.
#pragma once

#include <memory>
#include <string>

#include "store/blob_store.h"

namespace millpond::store {

/// `root` must be an existing folder. Paths that are absolute, empty or climb with ".." are refused
/// as kInvalid.
Result<std::shared_ptr<BlobStore>> OpenLocalStore(const std::string& root);

/// Writes a small file by temp + fsync + rename + folder fsync, replacing what is there
/// (millpond.toml and the like; not truth).
Status ReplaceFile(const std::string& path, std::string_view bytes);

/// Creates a folder and its parents and fsyncs the parents that changed.
Status MakeFolders(const std::string& path);

}  // namespace millpond::store
