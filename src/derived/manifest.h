// manifest.json of an artefact: what it was made from and the checksum of each file. Written last,
// before the folder gets its name; read on every open. Format: docs/formats/derived.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/context.h"
#include "base/error.h"
#include "base/json.h"

namespace millpond::derived {

struct ManifestFile {
  std::string path;  ///< Relative to the artefact's folder.
  int64_t size = 0;
  std::string checksum;  ///< ChecksumOf.
};

struct Manifest {
  std::string kind;
  base::Json inputs;
  int64_t created_ms = 0;
  std::vector<ManifestFile> files;

  int64_t bytes() const;
};

/// XXH3-64 over the XXH3-64 values (little endian) of the file's 4 MiB blocks, 16 hex digits.
Result<std::string> ChecksumOf(const std::string& path, const base::Context& context);

/// Lists the files below `folder` with their checksums and writes the manifest beside them.
Status WriteManifest(const std::string& folder, const std::string& kind, const base::Json& inputs,
                     const base::Context& context);

/// kNotFound where there is none, kCorrupt where it does not parse.
Result<Manifest> ReadManifest(const std::string& folder);

/// kCorrupt names the first file that is absent or not what the manifest says.
Status VerifyFiles(const std::string& folder, const Manifest& manifest,
                   const base::Context& context);

}  // namespace millpond::derived
