// Which format a file has: by its name, else by its first bytes. Called by file_source while it
// groups files into streams.
#pragma once

#include <string>

#include "base/error.h"
#include "source/file_list.h"
#include "source/file_options.h"

namespace millpond::source {

/// By the ending alone (".gz" and ".zst" are looked through); kUnknown where it says nothing.
FileFormat FormatByName(const std::string& path);

/// By the content: magic numbers, then JSON or CSV by their first signs, else text. kUnknown for
/// binary bytes of no known kind.
Result<FileFormat> FormatByContent(const InputFile& file, const FileOptions& options);

/// Why a file of this name cannot be read, with what to do instead; empty where there is no such
/// reason (".xlsx").
std::string RefusalByName(const std::string& path);

}  // namespace millpond::source
