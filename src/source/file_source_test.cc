// The source of files as a whole: paths, globs, folders, formats, compression, options, cursors;
// and text and image streams.
#include <arrow/util/compression.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>

#include "base/hash.h"
#include "source/file_list.h"
#include "source/source_testing.h"

namespace millpond::source {
namespace {

using base::ErrorKind;
using base::IsError;
using base::IsOk;
using base::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Compress(const std::string& bytes, arrow::Compression::type type) {
  auto codec = arrow::util::Codec::Create(type).ValueOrDie();
  std::string out(
      static_cast<size_t>(codec->MaxCompressedLen(static_cast<int64_t>(bytes.size()),
                                                  reinterpret_cast<const uint8_t*>(bytes.data()))),
      '\0');
  const int64_t size =
      codec
          ->Compress(static_cast<int64_t>(bytes.size()),
                     reinterpret_cast<const uint8_t*>(bytes.data()),
                     static_cast<int64_t>(out.size()), reinterpret_cast<uint8_t*>(out.data()))
          .ValueOrDie();
  out.resize(static_cast<size_t>(size));
  return out;
}

/// The smallest PNG header with this size, with its end.
std::string Png(uint32_t width, uint32_t height) {
  std::string png("\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16);
  for (uint32_t side : {width, height})
    for (int shift : {24, 16, 8, 0}) png += static_cast<char>(side >> shift);
  return png + std::string("\x08\x02\0\0\0crc!\0\0\0\0IEND\xAE\x42\x60\x82", 21);
}

class FileSourceTest : public ::testing::Test {
 protected:
  static SourceOptions With(std::map<std::string, std::string> format_options) {
    SourceOptions options;
    options.format_options = std::move(format_options);
    return options;
  }
  TempFolder folder_;
};

TEST(MatchGlob, StarsSetsAndFolders) {
  EXPECT_TRUE(MatchGlob("/a/*.csv", "/a/x.csv"));
  EXPECT_FALSE(MatchGlob("/a/*.csv", "/a/b/x.csv"));
  EXPECT_TRUE(MatchGlob("/a/**/*.csv", "/a/x.csv"));
  EXPECT_TRUE(MatchGlob("/a/**/*.csv", "/a/b/c/x.csv"));
  EXPECT_TRUE(MatchGlob("/a/**", "/a/b/c"));
  EXPECT_TRUE(MatchGlob("x[0-9]?.csv", "x7b.csv"));
  EXPECT_FALSE(MatchGlob("x[!0-9].csv", "x7.csv"));
  EXPECT_TRUE(MatchGlob("a[b", "a[b"));
  EXPECT_FALSE(MatchGlob("*a*a*a*a*a*a*a*a*b", std::string(5000, 'a')));
}

TEST_F(FileSourceTest, GlobsAreSortedAndMayGoThroughFolders) {
  folder_.Write("d/b.csv", "x,y\n2,q\n");
  folder_.Write("d/a.csv", "x,y\n1,p\n");
  folder_.Write("d/sub/c.csv", "x,y\n3,r\n");
  folder_.Write("d/.hidden.csv", "x,y\n9,z\n");
  folder_.Write("d/_SUCCESS", "");
  EXPECT_THAT(ReadAll(folder_.path() + "/d/*.csv").Column("x"), ElementsAre("1", "2"));
  EXPECT_THAT(ReadAll(folder_.path() + "/d/**/*.csv").Column("x"), ElementsAre("1", "2", "3"));
  EXPECT_THAT(ReadAll(folder_.path() + "/d").Column("x"), ElementsAre("1", "2", "3"));
  EXPECT_EQ(ReadAll(folder_.path() + "/d/*.csv").info.name, "*.csv");
  EXPECT_THAT(ReadAll("file://" + folder_.path() + "/d/a.csv").Column("x"), ElementsAre("1"));
}

TEST_F(FileSourceTest, NamesWhatIsNotThere) {
  EXPECT_THAT(ReadAll(folder_.path() + "/none.csv").status,
              IsError(ErrorKind::kNotFound, HasSubstr("none.csv")));
  EXPECT_THAT(ReadAll(folder_.path() + "/*.csv").status,
              IsError(ErrorKind::kNotFound, HasSubstr("*.csv")));
  EXPECT_THAT(ReadAll(folder_.path()).status, IsError(ErrorKind::kNotFound, HasSubstr("no files")));
  EXPECT_THAT(ReadAll("s3://bucket/x.csv").status,
              IsError(ErrorKind::kInvalid, HasSubstr("file://")));
  EXPECT_THAT(ReadAll("").status, IsError(ErrorKind::kInvalid));
  EXPECT_THAT(ReadAll(folder_.Write("book.xlsx", "PK")).status,
              IsError(ErrorKind::kInvalid, HasSubstr("save the sheet as CSV")));
}

TEST_F(FileSourceTest, AFileMayHaveGlobCharactersInItsName) {
  EXPECT_THAT(ReadAll(folder_.Write("data[1].csv", "x,y\n1,p\n")).Column("x"), ElementsAre("1"));
}

TEST_F(FileSourceTest, MixedFoldersGiveAStreamPerFormat) {
  folder_.Write("m/a.csv", "x,y\n1,p\n");
  folder_.Write("m/b.jsonl", "{\"k\": 2}\n");
  folder_.Write("m/README.md", "notes");
  ASSERT_OK_AND_ASSIGN(auto source, OpenSource(folder_.path() + "/m", {}));
  ASSERT_OK_AND_ASSIGN(auto infos, source->Describe({}));
  ASSERT_THAT(infos, SizeIs(2));
  EXPECT_EQ(infos[0].name, "m_csv");
  EXPECT_EQ(infos[1].name, "m_json");
  EXPECT_THAT(infos[0].report["warnings"].dump(), HasSubstr("README.md"));
  EXPECT_THAT(source->Open("m_jason", {}).status(),
              IsError(ErrorKind::kNotFound, HasSubstr("Did you mean 'm_json'?")));
  EXPECT_EQ(source->identity(), "file://" + folder_.path() + "/m");
}

TEST_F(FileSourceTest, FindsTheFormatByContent) {
  EXPECT_EQ(ReadAll(folder_.Write("a.data", "1,2\n3,4\n")).info.report["format"], "csv");
  EXPECT_EQ(ReadAll(folder_.Write("b", "{\"k\": 1}\n")).info.report["format"], "json");
  EXPECT_EQ(ReadAll(folder_.Write("c", "some words\nmore\n")).info.report["format"], "text");
  EXPECT_EQ(ReadAll(folder_.Write("d", Png(2, 3))).info.report["format"], "images");
  EXPECT_THAT(ReadAll(folder_.Write("e", std::string("\0\1\2\3", 4))).status,
              IsError(ErrorKind::kInvalid, HasSubstr("set the format")));
}

TEST_F(FileSourceTest, ReadsGzipAndZstd) {
  std::string text = "x,y\n";
  for (int i = 0; i < 200000; ++i) text += std::to_string(i) + ",text\n";
  const std::string gzip = Compress(text, arrow::Compression::GZIP);
  const auto all = ReadAll(folder_.Write("a.csv.gz", gzip));
  ASSERT_THAT(all.status, IsOk());
  EXPECT_EQ(all.table->num_rows(), 200000);
  EXPECT_EQ(all.info.report["compression"], "gzip");
  EXPECT_EQ(ReadAll(folder_.Write("plain_name.csv", gzip)).table->num_rows(), 200000);
  EXPECT_EQ(ReadAll(folder_.Write("a.csv.zst", Compress(text, arrow::Compression::ZSTD)))
                .table->num_rows(),
            200000);
  // Members one after the other are one text.
  EXPECT_EQ(ReadAll(folder_.Write("b.csv.gz", gzip + Compress("1,z\n", arrow::Compression::GZIP)))
                .table->num_rows(),
            200001);
}

TEST_F(FileSourceTest, BrokenCompressionIsCorrupt) {
  std::string text;
  for (int i = 0; i < 100000; ++i) text += std::to_string(i) + ",text\n";
  for (auto [name, type] : {std::pair("a.csv.gz", arrow::Compression::GZIP),
                            std::pair("a.csv.zst", arrow::Compression::ZSTD)}) {
    const std::string packed = Compress(text, type);
    EXPECT_THAT(ReadAll(folder_.Write(name, packed.substr(0, packed.size() / 2))).status,
                IsError(ErrorKind::kCorrupt, HasSubstr(name)));
    EXPECT_THAT(ReadAll(folder_.Write(name, "x,y\n1,2\n")).status,
                IsError(ErrorKind::kCorrupt, HasSubstr(name)));
  }
}

TEST_F(FileSourceTest, OptionsAreChecked) {
  const std::string path = folder_.Write("a.csv", "x,y\n1,2\n");
  EXPECT_THAT(ReadAll(path, With({{"delimeter", ";"}})).status,
              IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'delimiter'?")));
  EXPECT_THAT(ReadAll(path, With({{"header", "maybe"}})).status,
              IsError(ErrorKind::kInvalid, HasSubstr("true or false")));
  EXPECT_THAT(ReadAll(path, With({{"truncate_ns", "true"}})).status,
              IsError(ErrorKind::kInvalid, HasSubstr("belongs to parquet")));
  SourceOptions options;
  options.format = "csvv";
  EXPECT_THAT(ReadAll(path, options).status,
              IsError(ErrorKind::kInvalid, HasSubstr("Did you mean 'csv'?")));
}

TEST_F(FileSourceTest, TheNextSyncReadsOnlyNewFiles) {
  folder_.Write("d/1.csv", "x,y\n1,p\n");
  const auto first = ReadAll(folder_.path() + "/d");
  SourceOptions next;
  next.cursor = first.cursor;
  next.expected_schema = first.info.schema;
  const auto nothing = ReadAll(folder_.path() + "/d", next);
  ASSERT_THAT(nothing.status, IsOk());
  EXPECT_EQ(nothing.table->num_rows(), 0);
  EXPECT_EQ(nothing.info.size, 0);
  EXPECT_EQ(nothing.info.report["unchanged_files"], 1);
  EXPECT_EQ(nothing.cursor, first.cursor);

  folder_.Write("d/2.csv", "x,y\n2,q\n");
  const auto second = ReadAll(folder_.path() + "/d", next);
  EXPECT_THAT(second.Column("x"), ElementsAre("2"));
  EXPECT_EQ(second.cursor["files"].size(), 2u);
}

TEST_F(FileSourceTest, AChangedFileIsRefusedReloadedOrAppended) {
  const std::string path = folder_.Write("a.csv", "x,y\n1,p\n2,\"q\nq\"\n");
  SourceOptions options;
  options.cursor = ReadAll(path).cursor;
  folder_.Write("a.csv", "3,r\nbad\n", true);
  EXPECT_THAT(ReadAll(path, options).status,
              IsError(ErrorKind::kConflict, HasSubstr("changed=append")));

  options.format_options = {{"changed", "append"}};
  const auto added = ReadAll(path, options);
  ASSERT_THAT(added.status, IsOk());
  EXPECT_THAT(added.names(), ElementsAre("x", "y"));
  EXPECT_THAT(added.Column("x"), ElementsAre("3"));
  ASSERT_THAT(added.rejects, SizeIs(1));
  EXPECT_EQ(added.rejects[0].line, 6);
  EXPECT_EQ(added.cursor["files"][path]["lines"], 6);

  options.format_options = {{"changed", "reload"}};
  EXPECT_THAT(ReadAll(path, options).Column("x"), ElementsAre("1", "2", "3"));

  folder_.Write("a.csv", "x,y\n1,CHANGED\n2,\"q\nq\"\n3,r\n");
  options.format_options = {{"changed", "append"}};
  EXPECT_THAT(ReadAll(path, options).status,
              IsError(ErrorKind::kConflict, HasSubstr("has changed")));
}

TEST_F(FileSourceTest, AChangeInTheMiddleOfALargeFileIsSeen) {
  std::string bytes = "x\n";
  while (bytes.size() < (9 << 20)) bytes += "1000000\n";  // Three blocks of the hash.
  const std::string path = folder_.Write("a.csv", bytes);
  SourceOptions options;
  options.cursor = ReadAll(path).cursor;
  const auto later = std::filesystem::last_write_time(path) + std::chrono::seconds(5);
  std::filesystem::last_write_time(path, later);
  EXPECT_THAT(ReadAll(path, options).status, IsOk());

  bytes[(5 << 20) + 2] = '7';
  folder_.Write("a.csv", bytes);
  std::filesystem::last_write_time(path, later + std::chrono::seconds(5));
  EXPECT_THAT(ReadAll(path, options).status,
              IsError(ErrorKind::kConflict, HasSubstr("has changed")));
  folder_.Write("a.csv", "5\n", true);
  options.format_options = {{"changed", "append"}};
  EXPECT_THAT(ReadAll(path, options).status,
              IsError(ErrorKind::kConflict, HasSubstr("read before has changed")));
}

TEST_F(FileSourceTest, ACursorOfAnEarlierVersionIsUnderstood) {
  const std::string path = folder_.Write("a.csv", "x,y\n1,2\n");
  SourceOptions options = With({{"changed", "append"}});
  options.cursor = ReadAll(path).cursor;
  Json& entry = options.cursor["files"][path];
  // Both ends (here the whole file, twice) and the size.
  entry["hash"] = base::Hash128Hex("x,y\n1,2\nx,y\n1,2\n8");
  folder_.Write("a.csv", "3,4\n", true);
  EXPECT_THAT(ReadAll(path, options).Column("x"), ElementsAre("3"));
  entry["hash"] = base::Hash128Hex("another");
  EXPECT_THAT(ReadAll(path, options).status,
              IsError(ErrorKind::kConflict, HasSubstr("read before has changed")));
}

TEST_F(FileSourceTest, LinkedFoldersAreReadOnce) {
  namespace fs = std::filesystem;
  const TempFolder outside;
  outside.Write("more/b.csv", "x\n2\n");
  folder_.Write("in/a.csv", "x\n1\n");
  const fs::path root = folder_.path();
  const fs::path in = root / "in";
  fs::create_directory_symlink(outside.path(), in / "linked");
  fs::create_directory_symlink(fs::path(outside.path()) / "more", in / "linked_too");
  fs::create_directory_symlink(in, in / "loop");
  fs::create_directory_symlink(root, in / "above");
  fs::create_directory_symlink(in, fs::path(outside.path()) / "more" / "back");
  const auto list = ListFiles(in.string(), {});
  ASSERT_THAT(list, IsOk());
  std::vector<std::string> names;
  for (const InputFile& file : list->files)
    names.push_back(fs::path(file.path).lexically_relative(in).string());
  EXPECT_THAT(names, ElementsAre("a.csv", "linked/more/b.csv"));
  EXPECT_THAT(list->skipped,
              ElementsAre(HasSubstr("above: a link to a folder that holds this one"),
                          HasSubstr("linked/more/back: a link to a folder that is read anyway"),
                          HasSubstr("linked_too: a link to a folder that is read anyway"),
                          HasSubstr("loop: a link to a folder that is read anyway")));
  const auto matched = ListFiles((in / "**/*.csv").string(), {});
  ASSERT_THAT(matched, IsOk());
  EXPECT_THAT(matched->files, SizeIs(2));
}

TEST_F(FileSourceTest, AnUnfinishedLastRowCannotBeAppendedTo) {
  const std::string path = folder_.Write("a.jsonl", "{\"a\": 1}");
  SourceOptions options = With({{"changed", "append"}});
  options.cursor = ReadAll(path).cursor;
  folder_.Write("a.jsonl", "\n{\"a\": 2}\n", true);
  EXPECT_THAT(ReadAll(path, options).status,
              IsError(ErrorKind::kConflict, HasSubstr("no line end")));
}

TEST_F(FileSourceTest, ACursorOfAnotherKindIsRefused) {
  SourceOptions options;
  options.cursor = {{"lsn", 5}};
  EXPECT_THAT(ReadAll(folder_.Write("a.csv", "x,y\n1,2\n"), options).status,
              IsError(ErrorKind::kInvalid, HasSubstr("cursor")));
}

TEST_F(FileSourceTest, TextByLinesOrByFiles) {
  folder_.Write("t/a.txt", "one\r\ntwo\n");
  folder_.Write("t/sub/b.txt", "drei\xFF\nvier");
  auto options = With({{"encoding", "utf-8"}});
  const auto lines = ReadAll(folder_.path() + "/t", options);
  ASSERT_THAT(lines.status, IsOk());
  EXPECT_THAT(lines.names(), ElementsAre("path", "line_number", "text"));
  EXPECT_THAT(lines.Column("text"), ElementsAre("one", "two", "vier"));
  EXPECT_THAT(lines.Column("line_number"), ElementsAre("1", "2", "2"));
  EXPECT_THAT(lines.Column("path"), ElementsAre("a.txt", "a.txt", "sub/b.txt"));
  ASSERT_THAT(lines.rejects, SizeIs(1));
  EXPECT_EQ(lines.rejects[0].raw, "drei\\xFF");

  options.format_options["rows"] = "file";
  const auto files = ReadAll(folder_.path() + "/t/a.txt", options);
  EXPECT_THAT(files.names(), ElementsAre("path", "text"));
  EXPECT_THAT(files.Column("text"), ElementsAre("one\r\ntwo\n"));
}

TEST_F(FileSourceTest, ImagesWithTheirClasses) {
  folder_.Write("im/cat/1.png", Png(640, 480));
  folder_.Write("im/dog/2.PNG", Png(1, 2));
  folder_.Write("im/dog/3.png", Png(5, 5).substr(0, 30));
  folder_.Write("im/top.png", Png(7, 8));
  const auto all = ReadAll(folder_.path() + "/im");
  ASSERT_THAT(all.status, IsOk());
  EXPECT_THAT(all.names(), ElementsAre("path", "bytes", "format", "width", "height", "class"));
  EXPECT_THAT(all.Column("path"), ElementsAre("cat/1.png", "dog/2.PNG", "top.png"));
  EXPECT_THAT(all.Column("width"), ElementsAre("640", "1", "7"));
  EXPECT_THAT(all.Column("class"), ElementsAre("cat", "dog", "null"));
  ASSERT_THAT(all.rejects, SizeIs(1));
  EXPECT_THAT(all.rejects[0].file, HasSubstr("3.png"));
  EXPECT_THAT(all.rejects[0].reason, HasSubstr("truncated"));
  EXPECT_EQ(all.info.report["classes"]["dog"], 2);
  SourceOptions strict;
  strict.strict = true;
  EXPECT_THAT(ReadAll(folder_.path() + "/im", strict).status,
              IsError(ErrorKind::kInvalid, HasSubstr("3.png")));
}

TEST_F(FileSourceTest, BatchesAreBoundedAndProgressEndsAtTheTotal) {
  std::string bytes = "n\n";
  for (int i = 0; i < 300000; ++i) bytes += "7\n";
  base::Progress last;
  base::Context context;
  context.progress = [&](const base::Progress& step) { last = step; };
  const std::string path = folder_.Write("n.csv", bytes);
  ASSERT_OK_AND_ASSIGN(auto source, OpenSource(path, {}));
  ASSERT_OK_AND_ASSIGN(auto reader, source->Open("n.csv", context));
  int64_t rows = 0;
  while (true) {
    ASSERT_OK_AND_ASSIGN(auto batch, reader->Next());
    if (!batch) break;
    EXPECT_LE(batch->num_rows(), 65536);
    rows += batch->num_rows();
  }
  EXPECT_EQ(rows, 300000);
  EXPECT_EQ(last.done, static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(last.total, static_cast<int64_t>(bytes.size()));
  EXPECT_EQ(last.unit, "bytes");
}

TEST_F(FileSourceTest, AReaderMayBeLeftInTheMiddle) {
  std::string bytes = "n,s\n";
  for (int i = 0; i < 500000; ++i) bytes += "7,abc\n";
  ASSERT_OK_AND_ASSIGN(auto source, OpenSource(folder_.Write("n.csv", bytes), {}));
  ASSERT_OK_AND_ASSIGN(auto reader, source->Open("n.csv", {}));
  ASSERT_OK_AND_ASSIGN(auto batch, reader->Next());
  EXPECT_GT(batch->num_rows(), 0);
}

TEST_F(FileSourceTest, AFileThatShrankWhileReadIsAConflict) {
  std::string bytes = "n,s\n";
  for (int i = 0; i < 2000000; ++i) bytes += "7,abc\n";
  const std::string path = folder_.Write("n.csv", bytes);
  ASSERT_OK_AND_ASSIGN(auto source, OpenSource(path, {}));
  ASSERT_THAT(source->Describe({}), IsOk());
  std::filesystem::resize_file(path, 1000);
  ASSERT_OK_AND_ASSIGN(auto reader, source->Open("n.csv", {}));
  Status status;
  for (int i = 0; i < 100 && status.ok(); ++i) status = reader->Next().status();
  EXPECT_THAT(status, IsError(ErrorKind::kConflict, HasSubstr("shorter")));
}

}  // namespace
}  // namespace millpond::source
