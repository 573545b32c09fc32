// The tables of every ledger version. Column names here are the words that other rooms use in Rows
// and Queries.
#include "ledger/schema.h"

#include <array>

namespace millpond::ledger {
namespace {

// Iceberg's JDBC catalog, layout V1, to the letter: PyIceberg and Spark read and write these two.
constexpr std::string_view kIcebergTables = R"(CREATE TABLE iceberg_tables (
  catalog_name VARCHAR(255) NOT NULL, table_namespace VARCHAR(255) NOT NULL, table_name VARCHAR(255) NOT NULL,
  metadata_location VARCHAR(1000), previous_metadata_location VARCHAR(1000), iceberg_type VARCHAR(5),
  PRIMARY KEY (catalog_name, table_namespace, table_name)))";
constexpr std::string_view kIcebergNamespaces = R"(CREATE TABLE iceberg_namespace_properties (
  catalog_name VARCHAR(255) NOT NULL, namespace VARCHAR(255) NOT NULL, property_key VARCHAR(255) NOT NULL,
  property_value VARCHAR(1000) NOT NULL, PRIMARY KEY (catalog_name, namespace, property_key)))";

constexpr std::array kVersion1 = {
    kIcebergTables,
    kIcebergNamespaces,
    // Named counters (sample ids, commit sequence, run numbers).
    std::string_view{"CREATE TABLE counter (name TEXT PRIMARY KEY, next BIGINT NOT NULL)"},
    // Pond commits: who, why, from what. `sequence` orders them; `inputs` and `details` are JSON.
    std::string_view{R"(CREATE TABLE pond_commit (
  commit_id TEXT PRIMARY KEY, sequence BIGINT NOT NULL UNIQUE, parent_id TEXT REFERENCES pond_commit (commit_id),
  author TEXT NOT NULL, message TEXT NOT NULL, operation TEXT NOT NULL, created_ms BIGINT NOT NULL,
  inputs TEXT NOT NULL, details TEXT NOT NULL, idempotency_key TEXT UNIQUE))"},
    // What a commit did to each table; snapshot_after NULL: table without data yet, or dropped
    // (operation 'drop').
    std::string_view{R"(CREATE TABLE pond_commit_table (
  commit_id TEXT NOT NULL REFERENCES pond_commit (commit_id), sequence BIGINT NOT NULL,
  table_namespace TEXT NOT NULL, table_name TEXT NOT NULL, operation TEXT NOT NULL,
  snapshot_before BIGINT, snapshot_after BIGINT, schema_id BIGINT, metadata_before TEXT, metadata_after TEXT,
  PRIMARY KEY (commit_id, table_namespace, table_name)))"},
    std::string_view{
        R"(CREATE INDEX pond_commit_table_history ON pond_commit_table (table_namespace, table_name, sequence))"},
    // Branch heads and tags over the whole pond.
    std::string_view{R"(CREATE TABLE pond_ref (
  name TEXT PRIMARY KEY, kind TEXT NOT NULL, commit_id TEXT REFERENCES pond_commit (commit_id),
  author TEXT NOT NULL, message TEXT NOT NULL, created_ms BIGINT NOT NULL))"},
    std::string_view{"INSERT INTO pond_ref VALUES ('main', 'branch', NULL, 'millpond', 'created "
                     "with the pond', 0)"},
    // How far each sync has read: `cursor` is the source's own JSON, landed with the rows.
    std::string_view{R"(CREATE TABLE source_cursor (
  source TEXT NOT NULL, stream TEXT NOT NULL, table_namespace TEXT NOT NULL, table_name TEXT NOT NULL,
  cursor TEXT NOT NULL, updated_ms BIGINT NOT NULL, PRIMARY KEY (source, stream, table_namespace, table_name)))"},
    // Datasets: the current definition by name, and frozen versions.
    std::string_view{R"(CREATE TABLE dataset (
  name TEXT PRIMARY KEY, definition TEXT NOT NULL, author TEXT NOT NULL, created_ms BIGINT NOT NULL, updated_ms BIGINT NOT NULL))"},
    std::string_view{R"(CREATE TABLE dataset_version (
  name TEXT NOT NULL REFERENCES dataset (name), version TEXT NOT NULL, hash TEXT NOT NULL, definition TEXT NOT NULL, inputs TEXT NOT NULL,
  summary TEXT NOT NULL, author TEXT NOT NULL, created_ms BIGINT NOT NULL, PRIMARY KEY (name, version)))"},
    // Experiments.
    std::string_view{R"(CREATE TABLE experiment (
  name TEXT PRIMARY KEY, description TEXT NOT NULL, created_ms BIGINT NOT NULL))"},
    std::string_view{R"(CREATE TABLE run (
  run_id TEXT PRIMARY KEY, experiment TEXT NOT NULL REFERENCES experiment (name), name TEXT NOT NULL, status TEXT NOT NULL,
  author TEXT NOT NULL, started_ms BIGINT NOT NULL, ended_ms BIGINT, dataset TEXT, dataset_hash TEXT, code_commit TEXT,
  environment TEXT NOT NULL, error TEXT))"},
    std::string_view{R"(CREATE INDEX run_by_experiment ON run (experiment, started_ms))"},
    std::string_view{R"(CREATE TABLE run_param (
  run_id TEXT NOT NULL REFERENCES run (run_id), key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run_id, key)))"},
    std::string_view{R"(CREATE TABLE run_tag (
  run_id TEXT NOT NULL REFERENCES run (run_id), key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (run_id, key)))"},
    // `value` is text so that NaN and infinities survive; `step` orders points of one key.
    std::string_view{R"(CREATE TABLE run_metric (
  run_id TEXT NOT NULL REFERENCES run (run_id), key TEXT NOT NULL, step BIGINT NOT NULL, value TEXT NOT NULL,
  recorded_ms BIGINT NOT NULL, PRIMARY KEY (run_id, key, step)))"},
    std::string_view{R"(CREATE TABLE run_artifact (
  run_id TEXT NOT NULL REFERENCES run (run_id), path TEXT NOT NULL, blob TEXT NOT NULL, size BIGINT NOT NULL, sha256 TEXT NOT NULL,
  created_ms BIGINT NOT NULL, PRIMARY KEY (run_id, path)))"},
};

// Branches: commits form a graph, whose first-parent paths are kept as lanes so that a table as of
// a commit stays an indexed look-up (docs/design/commits.md).
constexpr std::array kVersion2 = {
    std::string_view{"ALTER TABLE pond_commit ADD COLUMN lane TEXT NOT NULL DEFAULT 'main'"},
    std::string_view{"ALTER TABLE pond_commit ADD COLUMN generation BIGINT NOT NULL DEFAULT 0"},
    std::string_view{"ALTER TABLE pond_commit ADD COLUMN merge_parent_id TEXT REFERENCES "
                     "pond_commit (commit_id)"},
    std::string_view{"UPDATE pond_commit SET generation = sequence"},
    std::string_view{"CREATE UNIQUE INDEX pond_commit_lane ON pond_commit (lane, generation)"},
    std::string_view{"CREATE INDEX pond_commit_time ON pond_commit (lane, created_ms)"},
    // Before its first commit, a lane's history is that of parent_lane up to fork_generation.
    std::string_view{R"(CREATE TABLE pond_lane (
  lane TEXT PRIMARY KEY, parent_lane TEXT NOT NULL, fork_generation BIGINT NOT NULL))"},
    std::string_view{"ALTER TABLE pond_commit_table ADD COLUMN lane TEXT NOT NULL DEFAULT 'main'"},
    std::string_view{
        "ALTER TABLE pond_commit_table ADD COLUMN generation BIGINT NOT NULL DEFAULT 0"},
    std::string_view{"UPDATE pond_commit_table SET generation = sequence"},
    std::string_view{"DROP INDEX pond_commit_table_history"},
    std::string_view{
        "CREATE INDEX pond_commit_table_history ON pond_commit_table (table_namespace, "
        "table_name, lane, generation)"},
    std::string_view{"ALTER TABLE pond_ref ADD COLUMN protected BIGINT NOT NULL DEFAULT 0"},
    // Every name that a commit ever changed.
    std::string_view{R"(CREATE TABLE pond_table (
  table_namespace TEXT NOT NULL, table_name TEXT NOT NULL, PRIMARY KEY (table_namespace, table_name)))"},
    std::string_view{"INSERT INTO pond_table SELECT DISTINCT table_namespace, table_name FROM "
                     "pond_commit_table"},
    // Tables whose metadata has an Iceberg branch set for this pond branch.
    std::string_view{R"(CREATE TABLE pond_branch_table (
  branch TEXT NOT NULL, table_namespace TEXT NOT NULL, table_name TEXT NOT NULL,
  PRIMARY KEY (table_namespace, table_name, branch)))"},
    std::string_view{"CREATE INDEX pond_branch_table_by_branch ON pond_branch_table (branch)"},
    // Last metadata of tables whose catalog row went with a branch, without a commit that says so.
    std::string_view{R"(CREATE TABLE pond_retired_table (
  table_namespace TEXT NOT NULL, table_name TEXT NOT NULL, metadata_location TEXT NOT NULL,
  PRIMARY KEY (table_namespace, table_name, metadata_location)))"},
    // Cursors by commit, so that each branch goes on where its own rows end.
    std::string_view{R"(CREATE TABLE source_cursor_2 (
  source TEXT NOT NULL, stream TEXT NOT NULL, table_namespace TEXT NOT NULL, table_name TEXT NOT NULL,
  lane TEXT NOT NULL, generation BIGINT NOT NULL, cursor TEXT NOT NULL, updated_ms BIGINT NOT NULL,
  PRIMARY KEY (source, stream, table_namespace, table_name, lane, generation)))"},
    std::string_view{R"(INSERT INTO source_cursor_2
  SELECT source, stream, table_namespace, table_name, 'main', COALESCE((SELECT MAX(sequence) FROM pond_commit), 0),
    cursor, updated_ms FROM source_cursor)"},
    std::string_view{"DROP TABLE source_cursor"},
    std::string_view{"ALTER TABLE source_cursor_2 RENAME TO source_cursor"},
    std::string_view{"CREATE INDEX source_cursor_lane ON source_cursor (lane, generation)"},
};

constexpr std::array kVersion3 = {
    // Who may use the server. Only a hash of a token is kept.
    std::string_view{R"(CREATE TABLE access_token (
  name TEXT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, principal TEXT NOT NULL, created_ms BIGINT NOT NULL, expires_ms BIGINT))"},
};

constexpr std::array kMigrations = {Migration{1, kVersion1}, Migration{2, kVersion2},
                                    Migration{3, kVersion3}};

}  // namespace

std::span<const Migration> Migrations() { return kMigrations; }

}  // namespace millpond::ledger
