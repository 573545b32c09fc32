// Reading the position deletes of a scan, each delete file once. See the header.
#include "table/row_deletes.h"

#include "table/deletion_vector.h"
#include "table/position_deletes.h"

namespace millpond::table {

RowDeletes::RowDeletes(std::shared_ptr<Catalog> catalog, const ScanPlan& plan)
    : catalog_(std::move(catalog)), sources_(plan.deletes.size()), rows_(plan.files.size()) {
  for (size_t i = 0; i < plan.files.size(); ++i) {
    const ScanFile& file = plan.files[i];
    if (file.position_deletes.empty()) continue;
    rows_[i] = std::make_unique<Rows>();
    rows_[i]->uri = file.file.uri;
    for (const size_t at : file.position_deletes) {
      if (sources_[at] == nullptr) {
        sources_[at] = std::make_unique<Source>();
        sources_[at]->file = plan.deletes[at].file;
      }
      sources_[at]->wanted.insert(file.file.uri);
      rows_[i]->sources.push_back(sources_[at].get());
    }
  }
}

Status RowDeletes::Read(Source* source) const {
  std::call_once(source->once, [&] {
    auto read = [&]() -> Status {
      store::BlobStore& store = catalog_->store();
      if (source->file.content_offset) {
        ARROW_ASSIGN_OR_RAISE(source->positions[*source->file.referenced_data_file],
                              ReadDeletionVector(store, source->file));
      } else {
        ARROW_ASSIGN_OR_RAISE(source->positions,
                              ReadPositionDeletes(store, source->file, source->wanted));
      }
      return Status::OK();
    };
    source->status = read();
  });
  return source->status;
}

Status RowDeletes::Gather(Rows* rows) const {
  std::call_once(rows->once, [&] {
    for (Source* source : rows->sources) {
      rows->status = Read(source);
      if (!rows->status.ok()) return;
      const auto found = source->positions.find(rows->uri);
      if (found != source->positions.end()) rows->positions.AddAll(found->second);
    }
  });
  return rows->status;
}

Result<const RowPositions*> RowDeletes::Of(size_t at) const {
  if (at >= rows_.size() || rows_[at] == nullptr) return nullptr;
  ARROW_RETURN_NOT_OK(Gather(rows_[at].get()));
  return &rows_[at]->positions;
}

}  // namespace millpond::table
