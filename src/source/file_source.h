// The source of local files: groups what a path, glob or folder holds into streams of one format,
// plans each and opens readers that remember what was read. Made by OpenSource.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "source/file_cursor.h"
#include "source/source.h"
#include "source/stream_plan.h"

namespace millpond::source {

class FileSource : public Source {
 public:
  static Result<std::unique_ptr<FileSource>> Make(const std::string& path,
                                                  const SourceOptions& options);

  Result<std::vector<StreamInfo>> Describe(const base::Context& context) override;
  Result<std::unique_ptr<StreamReader>> Open(const std::string& stream,
                                             const base::Context& context) override;
  std::string identity() const override { return identity_; }

 private:
  struct Stream {
    StreamInfo info;
    std::vector<InputFile> files;      ///< To be read now.
    std::unique_ptr<StreamPlan> plan;  ///< Null where nothing is new.
  };
  using Groups = std::map<FileFormat, std::vector<InputFile>>;

  FileSource(std::string path, FileOptions options)
      : path_(std::move(path)), options_(std::move(options)) {}
  Result<Groups> Group(const FileList& list, std::vector<std::string>* warnings) const;
  Result<Stream> MakeStream(FileFormat format, std::vector<InputFile> files, const FileList& list,
                            const base::Context& context) const;

  const std::string path_;
  const FileOptions options_;
  std::string identity_;
  FileCursor cursor_;
  std::vector<Stream> streams_;  // Empty until Describe.
};

}  // namespace millpond::source
