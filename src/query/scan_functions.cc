// The functions that relations of scans call, over DuckDB's C interface, which hands them flat
// vectors of up to 2,048 rows. See the header.
#include "query/scan_functions.h"

#include <utility>

namespace millpond::query {
namespace {

using Registry = std::shared_ptr<ScanRegistry>;

template <class T>
const T* DataOf(duckdb_data_chunk chunk, idx_t column) {
  return static_cast<const T*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, column)));
}

void Fail(duckdb_function_info info, const Status& status) {
  duckdb_scalar_function_set_error(info, status.message().c_str());
}

// The scan that a call is about; null and an error where it is over.
std::shared_ptr<const ScanFiles> ScanOf(duckdb_function_info info, duckdb_data_chunk input) {
  const auto& registry = *static_cast<Registry*>(duckdb_scalar_function_get_extra_info(info));
  auto scan = registry->Find(DataOf<int64_t>(input, 0)[0]);
  if (scan == nullptr) Fail(info, base::Internal("a scan is over that a query still reads"));
  return scan;
}

// Rows come in runs of one file and, within it, of one chunk of positions.
void Deleted(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  const idx_t size = duckdb_data_chunk_get_size(input);
  auto* deleted = static_cast<bool*>(duckdb_vector_get_data(output));
  if (size == 0) return;
  const auto scan = ScanOf(info, input);
  if (scan == nullptr) return;
  const auto* files = DataOf<uint64_t>(input, 1);
  const auto* rows = DataOf<int64_t>(input, 2);
  uint64_t file = UINT64_MAX;
  int64_t key = -1;
  const table::RowPositions* positions = nullptr;
  const table::PositionChunk* chunk = nullptr;
  for (idx_t i = 0; i < size; ++i) {
    if (files[i] != file) {
      file = files[i];
      key = -1;
      const auto found = scan->deletes->Of(file);
      if (!found.ok()) return Fail(info, found.status());
      positions = *found;
    }
    if (positions == nullptr) {
      deleted[i] = false;
      continue;
    }
    if (rows[i] >> table::PositionChunk::kBits != key) {
      key = rows[i] >> table::PositionChunk::kBits;
      chunk = positions->ChunkOf(key);
    }
    deleted[i] = chunk != nullptr && chunk->Contains(static_cast<uint16_t>(rows[i]));
  }
}

void Number(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  const idx_t size = duckdb_data_chunk_get_size(input);
  auto* numbers = static_cast<int64_t*>(duckdb_vector_get_data(output));
  if (size == 0) return;
  const auto scan = ScanOf(info, input);
  if (scan == nullptr) return;
  const auto what = static_cast<ScanNumber>(DataOf<int64_t>(input, 1)[0]);
  const auto* files = DataOf<uint64_t>(input, 2);
  for (idx_t i = 0; i < size; ++i) {
    const ScanFiles::File& file = scan->files.at(files[i]);
    if (what != ScanNumber::kFirstRowId) {
      numbers[i] = what == ScanNumber::kSequence ? file.sequence : file.partition;
    } else if (file.first_row_id) {
      numbers[i] = *file.first_row_id;
    } else {
      duckdb_vector_ensure_validity_writable(output);
      duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), i);
    }
  }
}

void FileUri(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output) {
  const idx_t size = duckdb_data_chunk_get_size(input);
  if (size == 0) return;
  const auto scan = ScanOf(info, input);
  if (scan == nullptr) return;
  const auto* files = DataOf<uint64_t>(input, 1);
  for (idx_t i = 0; i < size; ++i) {
    const std::string& uri = scan->files.at(files[i]).uri;
    duckdb_vector_assign_string_element_len(output, i, uri.data(), uri.size());
  }
}

Status Register(duckdb_connection connection, const Registry& registry, const char* name,
                const std::vector<duckdb_type>& parameters, duckdb_type result,
                duckdb_scalar_function_t function) {
  duckdb_scalar_function made = duckdb_create_scalar_function();
  duckdb_scalar_function_set_name(made, name);
  for (const duckdb_type parameter : parameters) {
    duckdb_logical_type type = duckdb_create_logical_type(parameter);
    duckdb_scalar_function_add_parameter(made, type);
    duckdb_destroy_logical_type(&type);
  }
  duckdb_logical_type type = duckdb_create_logical_type(result);
  duckdb_scalar_function_set_return_type(made, type);
  duckdb_destroy_logical_type(&type);
  duckdb_scalar_function_set_extra_info(
      made, std::make_unique<Registry>(registry).release(),
      [](void* extra) { std::unique_ptr<Registry>(static_cast<Registry*>(extra)); });
  duckdb_scalar_function_set_function(made, function);
  const duckdb_state state = duckdb_register_scalar_function(connection, made);
  duckdb_destroy_scalar_function(&made);
  if (state != DuckDBSuccess) return base::Internal("DuckDB refused the function {}", name);
  return Status::OK();
}

}  // namespace

ScanLease::~ScanLease() { registry_->Drop(id_); }

std::shared_ptr<ScanLease> ScanRegistry::Lease() {
  return std::make_shared<ScanLease>(shared_from_this(), ++next_);
}

void ScanRegistry::Fill(int64_t id, std::shared_ptr<const ScanFiles> files) {
  const std::lock_guard lock(mutex_);
  scans_[id] = std::move(files);
}

std::shared_ptr<const ScanFiles> ScanRegistry::Find(int64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = scans_.find(id);
  return found == scans_.end() ? nullptr : found->second;
}

void ScanRegistry::Drop(int64_t id) {
  const std::lock_guard lock(mutex_);
  scans_.erase(id);
}

Status RegisterScanFunctions(duckdb_connection connection,
                             const std::shared_ptr<ScanRegistry>& registry) {
  ARROW_RETURN_NOT_OK(Register(connection, registry, "__internal_pond_deleted",
                               {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_BIGINT},
                               DUCKDB_TYPE_BOOLEAN, Deleted));
  ARROW_RETURN_NOT_OK(Register(connection, registry, "__internal_pond_number",
                               {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_UBIGINT},
                               DUCKDB_TYPE_BIGINT, Number));
  return Register(connection, registry, "__internal_pond_file",
                  {DUCKDB_TYPE_BIGINT, DUCKDB_TYPE_UBIGINT}, DUCKDB_TYPE_VARCHAR, FileUri);
}

}  // namespace millpond::query
