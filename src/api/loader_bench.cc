// The loader's own bench: epochs through the real path, timed and hashed.
#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/util/byte_size.h>

#include <chrono>

#include "api/datasets.h"
#include "base/hash.h"

namespace millpond::api {
namespace {

using base::Json;
using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

int64_t BytesOf(const train::Batch& batch) {
  int64_t bytes = 0;
  for (const auto& column : batch.columns) {
    if (column.values != nullptr)
      bytes += column.values->size();
    else
      bytes += arrow::util::TotalBufferSize(*column.array);
  }
  return bytes;
}

struct Totals {
  int64_t batches = 0, samples = 0, bytes = 0;
  double first_batch_seconds = 0, seconds = 0;
  std::string hash;
};

Status RunEpoch(train::Loader& loader, int64_t epoch, int64_t epochs, Totals* totals,
                base::Sha256* order, const base::Context& context) {
  const auto begin = Clock::now();
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(auto batch, loader.Next(context));
    if (batch == nullptr) break;
    if (totals->batches == 0) totals->first_batch_seconds = SecondsSince(begin);
    ++totals->batches;
    totals->samples += batch->rows;
    totals->bytes += BytesOf(*batch);
    // Only the first epoch is hashed: hashing is not what is measured.
    if (epoch == 0) order->Update(train::HashOf(*batch));
    context.Report({"epoch " + std::to_string(epoch + 1) + " of " + std::to_string(epochs),
                    totals->batches, -1, "batches"});
  }
  if (epoch > 0 || epochs == 1) totals->seconds += SecondsSince(begin);
  return Status::OK();
}

}  // namespace

Result<Json> BenchLoader(Pond& pond, const LoaderBenchRequest& request,
                         const base::Context& context) {
  if (request.epochs < 1)
    return base::Invalid("a bench needs at least one epoch, not {}", request.epochs);
  ARROW_ASSIGN_OR_RAISE(auto dataset, OpenDataset(pond, request.dataset, context));
  const auto build_begin = Clock::now();
  ARROW_ASSIGN_OR_RAISE(auto segment,
                        OpenSegment(pond, dataset, request.part, request.columns, context));
  const double build_seconds = SecondsSince(build_begin);
  ARROW_ASSIGN_OR_RAISE(auto loader, train::Loader::Make(segment, request.loader));
  Totals totals;
  base::Sha256 order;
  int64_t samples_before = 0, bytes_before = 0;
  for (int64_t epoch = 0; epoch < request.epochs; ++epoch) {
    ARROW_RETURN_NOT_OK(RunEpoch(*loader, epoch, request.epochs, &totals, &order, context));
    if (epoch == 0 && request.epochs > 1) {
      samples_before = totals.samples;
      bytes_before = totals.bytes;
    }
  }
  const double seconds = std::max(totals.seconds, 1e-9);
  return Json{
      {"dataset", dataset.FullName()},
      {"part", segment->part()},
      {"rows", segment->rows()},
      {"epochs", request.epochs},
      {"batches", totals.batches},
      {"samples_per_second", static_cast<double>(totals.samples - samples_before) / seconds},
      {"bytes_per_second", static_cast<double>(totals.bytes - bytes_before) / seconds},
      {"wait_seconds", loader->stats().wait_seconds},
      {"build_seconds", build_seconds},
      {"first_batch_seconds", totals.first_batch_seconds},
      {"hash", order.HexDigest()}};
}

}  // namespace millpond::api
