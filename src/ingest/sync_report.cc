// The JSON form of a sync's report, as `--json` prints it.
#include "ingest/sync.h"

namespace millpond::ingest {

base::Json ToJson(const SyncReport& report) {
  base::Json tables = base::Json::array();
  for (const SyncedTable& synced : report.tables) {
    base::Json one = {{"stream", synced.stream},
                      {"table", synced.table.ToString()},
                      {"created", synced.created},
                      {"rows", synced.rows},
                      {"rejects", synced.rejects},
                      {"bytes", synced.bytes},
                      {"files_read", synced.files_read},
                      {"files_skipped", synced.files_skipped},
                      {"columns_changed", synced.columns_changed},
                      {"seconds", synced.seconds},
                      {"source", synced.source_report}};
    one["snapshot"] = synced.snapshot ? base::Json(*synced.snapshot) : base::Json();
    one["rejects_table"] =
        synced.rejects_table ? base::Json(synced.rejects_table->ToString()) : base::Json();
    tables.push_back(std::move(one));
  }
  return {{"tables", std::move(tables)},
          {"commit", report.commit ? base::Json(report.commit->id) : base::Json()},
          {"seconds", report.seconds}};
}

}  // namespace millpond::ingest
