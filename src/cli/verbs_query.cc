// sql: one statement, printed as a table, or streamed as JSON, CSV or Arrow; those that change
// tables are commits.
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <cerrno>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "api/row_changes.h"
#include "api/rows.h"
#include "cli/change_view.h"
#include "cli/invocation.h"
#include "cli/json_view.h"

namespace millpond::cli {
namespace {

using base::Json;

struct SqlOptions {
  std::string statement, ref, format, output;
  std::vector<std::string> parameters;
  int64_t max_rows = 100;
  bool explain = false;
  api::ChangeSettings change;
};

/// A parameter as the JSON value that it spells, else as text.
Json ParameterOf(const std::string& text) {
  auto parsed = Json::parse(text, nullptr, false);
  return parsed.is_primitive() && !parsed.is_discarded() ? parsed : Json(text);
}

Status PrintRows(Terminal& terminal, arrow::RecordBatchReader& reader, int64_t max_rows,
                 const base::Context& context) {
  std::vector<std::vector<std::string>> rows;
  int64_t total = 0;
  for (;;) {
    ARROW_RETURN_NOT_OK(context.CheckStop());
    ARROW_ASSIGN_OR_RAISE(auto batch, reader.Next());
    if (batch == nullptr) break;
    for (int64_t row = 0; row < batch->num_rows() && static_cast<int64_t>(rows.size()) < max_rows;
         ++row) {
      auto& cells = rows.emplace_back();
      for (const auto& column : batch->columns()) {
        ARROW_ASSIGN_OR_RAISE(const Json cell, api::CellToJson(*column, row));
        cells.push_back(cell.is_null() ? "NULL" : TextOf(cell));
      }
    }
    total += batch->num_rows();
  }
  terminal.Table(reader.schema()->field_names(), rows);
  const auto shown = static_cast<int64_t>(rows.size());
  terminal.Note(shown == total
                    ? fmt::format("{} rows", GroupDigits(total))
                    : fmt::format("{} of {} rows; --max-rows shows more, --format streams all",
                                  GroupDigits(shown), GroupDigits(total)));
  return Status::OK();
}

Status Stream(arrow::RecordBatchReader& reader, const SqlOptions& options,
              const std::string& format, const base::Context& context) {
  ARROW_ASSIGN_OR_RAISE(api::RowFormat row_format, api::ParseRowFormat(format));
  if (options.output.empty()) return api::WriteRows(reader, row_format, stdout, context).status();
  if (row_format == api::RowFormat::kArrow) row_format = api::RowFormat::kArrowFile;
  const std::string pending = options.output + ".pending";
  std::FILE* file = std::fopen(pending.c_str(), "wb");
  if (file == nullptr) return base::FromErrno(errno, "create " + pending);
  Status written = api::WriteRows(reader, row_format, file, context).status();
  if (std::fclose(file) != 0 && written.ok()) written = base::FromErrno(errno, "write " + pending);
  std::error_code error;
  if (written.ok()) std::filesystem::rename(pending, options.output, error);
  if (error) written = base::FromErrno(error.value(), "rename " + pending);
  if (!written.ok()) std::filesystem::remove(pending, error);
  return written;
}

/// The format asked for, else by the output's ending; empty: a table for people.
std::string FormatOf(const SqlOptions& options, bool json) {
  if (!options.format.empty()) return options.format == "table" ? "" : options.format;
  const std::string ending = std::filesystem::path(options.output).extension();
  if (ending.size() > 1) return ending.substr(1);
  return json || !options.output.empty() ? "json" : "";
}

Status Explain(Invocation& run, query::Session& session, const SqlOptions& options,
               const query::SqlOptions& sql) {
  ARROW_ASSIGN_OR_RAISE(auto explanation, session.Explain(options.statement, sql));
  run.terminal().Document({{"tables", explanation.tables}, {"plan", explanation.plan}});
  for (const auto& table : explanation.tables) {
    run.terminal().Line(fmt::format("{}: reads {} of {} files", TextOf(table["table"]),
                                    CountOf(table["files_read"]), CountOf(table["files_total"])));
  }
  run.terminal().Line(explanation.plan);
  return Status::OK();
}

Result<int> RunSql(Invocation& run, SqlOptions options) {
  if (options.statement == "-") {
    options.statement.assign(std::istreambuf_iterator<char>(std::cin),
                             std::istreambuf_iterator<char>());
  }
  query::SqlOptions sql{.ref = options.ref, .pins = {}, .parameters = {}};
  for (const auto& parameter : options.parameters) sql.parameters.push_back(ParameterOf(parameter));
  ARROW_ASSIGN_OR_RAISE(auto pond, run.OpenPond());
  if (!options.explain) {
    ARROW_ASSIGN_OR_RAISE(const auto report, api::RunChange(*pond, options.statement, sql,
                                                            options.change, run.context()));
    if (report) {
      run.terminal().Document(*report);
      if (!run.terminal().json()) PrintChange(run.terminal(), *report, options.change.dry_run);
      return 0;
    }
  }
  ARROW_ASSIGN_OR_RAISE(auto session, pond->session());
  if (options.explain) {
    ARROW_RETURN_NOT_OK(Explain(run, *session, options, sql));
    return 0;
  }
  ARROW_ASSIGN_OR_RAISE(auto result, session->Sql(options.statement, sql, run.context()));
  const std::string format = FormatOf(options, run.terminal().json());
  if (format.empty()) {
    ARROW_RETURN_NOT_OK(PrintRows(run.terminal(), *result.reader, options.max_rows, run.context()));
  } else {
    ARROW_RETURN_NOT_OK(Stream(*result.reader, options, format, run.context()));
  }
  return 0;
}

}  // namespace

void AddQueryVerbs(VerbSet& verbs) {
  auto options = std::make_shared<SqlOptions>();
  auto* verb = verbs.Add(
      "sql", "Ask a question in SQL, over tables at any ref, or change rows",
      {"millpond sql \"SELECT class, count(*) FROM shop.orders GROUP BY class\"",
       "millpond sql \"SELECT * FROM shop.orders AT TAG v1 WHERE id = ?\" --param 7",
       "millpond sql \"FROM shop.orders\" --output orders.csv", "echo 'SELECT 1' | millpond sql -",
       "millpond sql \"DELETE FROM shop.orders WHERE price < 0\" -m \"refunds\""},
      [options](Invocation& run) { return RunSql(run, *options); });
  verb->add_option(
          "statement", options->statement,
          "One SELECT, INSERT, DELETE, UPDATE or MERGE INTO; '-' reads it from standard input")
      ->required();
  verb->add_option("--at", options->ref,
                   "The version of tables that name none: a tag, commit, ~N or time");
  verb->add_option("--param", options->parameters,
                   "A value for the next ? in the statement; may be repeated")
      ->take_all();
  verb->add_option("--format", options->format, "table, json, jsonl, csv, tsv or arrow")
      ->check(CLI::IsMember({"table", "json", "jsonl", "csv", "tsv", "arrow"}));
  verb->add_option("-o,--output", options->output,
                   "Write to this file, whole or not at all; its ending sets the format");
  verb->add_option("--max-rows", options->max_rows, "Rows that a printed table shows (default 100)")
      ->check(CLI::NonNegativeNumber);
  verb->add_flag("--explain", options->explain,
                 "Show what would be read, and the plan, instead of running it");
  verb->add_option("-m,--message", options->change.message,
                   "Of a statement that changes rows: why");
  verb->add_option("--branch", options->change.branch,
                   "Of a statement that changes rows: the branch that it lands on (default: main)");
  verb->add_flag("--dry-run", options->change.dry_run,
                 "Of a statement that changes rows: count them, write nothing");
  verb->add_option("--idempotency-key", options->change.idempotency_key,
                   "Of a statement that changes rows: sent twice with one key it lands once");
}

}  // namespace millpond::cli
