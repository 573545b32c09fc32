// Verbs on datasets: define, list, show, freeze, open, and the loader with its bench.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "api/pond.h"
#include "api/quality.h"
#include "base/context.h"
#include "base/json.h"
#include "train/dataset.h"
#include "train/loader.h"
#include "train/segment.h"

namespace millpond::api {

/// {"name", "version", "hash", "definition", "inputs": [{"table", "uuid", "snapshot"}], "splits",
/// "schema", "summary", "author", "at"}
base::Json DatasetToJson(const train::Dataset& dataset);

/// Stores a definition (YAML or JSON). {"name", "definition", "versions", "author", "created",
/// "updated"}
Result<base::Json> DefineDataset(Pond& pond, const Document& definition,
                                 const base::Context& context);
/// {"datasets": [the same]}
Result<base::Json> ListDatasets(Pond& pond);
/// The same with {"frozen": [DatasetToJson]}; "name@version" gives that version alone.
Result<base::Json> ShowDataset(Pond& pond, const std::string& name, const base::Context& context);
/// Pins tables for which the query names no version as they are at `ref` (empty: main's head).
Result<base::Json> Freeze(Pond& pond, const std::string& name, const std::string& version,
                          bool allow_leaks, const std::string& ref, const base::Context& context);

/// Opens "reviews@v3", or "reviews" at the head of now.
Result<train::Dataset> OpenDataset(Pond& pond, const std::string& name,
                                   const base::Context& context);
/// A part's rows in key order; builds its segment where it is absent.
Result<std::shared_ptr<const train::Segment>> OpenSegment(Pond& pond, const train::Dataset& dataset,
                                                          const std::string& part,
                                                          const std::vector<std::string>& columns,
                                                          const base::Context& context);

struct LoaderBenchRequest {
  std::string dataset, part;
  std::vector<std::string> columns;
  train::LoaderOptions loader;
  int64_t epochs = 1;
};

/// Runs epochs through the loader and measures: {"dataset", "part", "rows", "epochs", "batches",
/// "samples_per_second", "bytes_per_second", "wait_seconds", "build_seconds",
/// "first_batch_seconds", "hash" (of all batches in order)}.
Result<base::Json> BenchLoader(Pond& pond, const LoaderBenchRequest& request,
                               const base::Context& context);

}  // namespace millpond::api
