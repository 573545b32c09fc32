// Comparing scan plans; see the header.
#include "query/shared_files.h"

#include <algorithm>
#include <map>
#include <string>

namespace millpond::query {
namespace {

using table::ScanFile;
using table::ScanPlan;

// Says which rows of which file are read: equal texts, equal rows.
std::string ReadingOf(const ScanFile& file, const ScanPlan& plan) {
  std::vector<std::string> deletes;
  for (const auto* places : {&file.position_deletes, &file.equality_deletes}) {
    for (const size_t place : *places) {
      const table::DataFile& by = plan.deletes[place].file;
      deletes.push_back(fmt::format("\n{}@{}", by.uri, by.content_offset.value_or(-1)));
    }
  }
  std::sort(deletes.begin(), deletes.end());
  std::string reading = file.file.uri;
  for (const std::string& deleted : deletes) reading += deleted;
  return reading;
}

}  // namespace

void LeaveOutSharedFiles(const std::vector<ScanPlan*>& plans) {
  if (plans.size() < 2) return;
  // How often each plan reads it; another engine may have listed a file twice.
  std::map<std::string, std::vector<int>> readers;
  for (size_t i = 0; i < plans.size(); ++i) {
    for (const ScanFile& file : plans[i]->files) {
      auto& times = readers[ReadingOf(file, *plans[i])];
      times.resize(plans.size());
      ++times[i];
    }
  }
  auto is_shared = [&](const ScanFile& file, const ScanPlan& plan) {
    const auto& times = readers.at(ReadingOf(file, plan));
    return std::all_of(times.begin(), times.end(), [&](int n) { return n == times.front(); });
  };
  for (ScanPlan* plan : plans) {
    std::erase_if(plan->files, [&](const ScanFile& file) { return is_shared(file, *plan); });
    plan->records = 0;
    for (const ScanFile& file : plan->files) plan->records += file.file.record_count;
  }
}

}  // namespace millpond::query
