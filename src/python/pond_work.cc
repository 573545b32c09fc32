// Pond's methods that change things or compute: sync, write, quality, labels, datasets, runs.
#include <arrow/record_batch.h>
#include <nanobind/stl/tuple.h>

#include "api/alter.h"
#include "api/commit.h"
#include "api/create.h"
#include "api/datasets.h"
#include "api/ingest.h"
#include "api/quality.h"
#include "api/row_changes.h"
#include "api/runs.h"
#include "python/bindings.h"
#include "python/pond_binding.h"
#include "python/rows.h"

namespace millpond::python {

namespace nb = nanobind;
using api::Pond;
using base::Json;
using nb::literals::operator""_a;

namespace {

using Strings = std::map<std::string, std::string>;
using Names = std::vector<std::string>;

std::optional<std::string> NotEmpty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

source::SourceOptions SourceOf(const std::string& format, const Strings& options,
                               const Strings& types, bool strict) {
  source::SourceOptions source;
  source.format = format;
  source.format_options = options;
  source.types = types;
  source.strict = strict;
  return source;
}

nb::object Sync(Pond& pond, const std::string& url, const std::string& table, bool replace,
                const Names& key, bool evolve, const std::string& message,
                const std::string& idempotency_key, const std::string& format,
                const Strings& options, const Strings& types, bool strict,
                const std::string& branch, nb::object progress) {
  ingest::SyncRequest request;
  request.url = url;
  request.table = table;
  request.source = SourceOf(format, options, types, strict);
  request.disposition = replace ? ingest::Disposition::kReplace : ingest::Disposition::kAppend;
  request.key = key;
  request.evolve = evolve;
  request.branch = branch;
  request.message = message;
  request.idempotency_key = NotEmpty(idempotency_key);
  return Report(std::move(progress),
                [&](const base::Context& context) { return api::Sync(pond, request, context); });
}

nb::object Write(Pond& pond, const nb::dict& tables, const std::string& mode, bool evolve,
                 const std::string& message, const std::string& branch, nb::object progress) {
  api::WriteRequest request{
      .rows = {}, .mode = mode, .evolve = evolve, .message = message, .branch = branch};
  for (auto [name, data] : tables)
    request.rows.push_back({nb::cast<std::string>(name), ImportStream(data)});
  return Report(std::move(progress),
                [&](const base::Context& context) { return api::Write(pond, request, context); });
}

nb::object Commit(Pond& pond, const std::string& message, const Names& files, const Names& queries,
                  const Names& drops, bool replace, const std::string& idempotency_key,
                  const std::string& branch, nb::object progress) {
  const api::CommitRequest request{message, files,           queries, drops,
                                   replace, idempotency_key, branch};
  return Report(std::move(progress),
                [&](const base::Context& context) { return api::Commit(pond, request, context); });
}

api::ChangeSettings SettingsOf(const std::string& message, const std::string& idempotency_key,
                               bool dry_run, const std::string& branch) {
  return {message, idempotency_key, dry_run, branch};
}

nb::object DeleteRows(Pond& pond, const std::string& table, const std::string& where,
                      const std::string& message, const std::string& idempotency_key, bool dry_run,
                      const std::string& branch, nb::object progress) {
  return Report(std::move(progress), [&](const base::Context& context) {
    return api::DeleteRows(pond, table, where,
                           SettingsOf(message, idempotency_key, dry_run, branch), context);
  });
}

nb::object UpdateRows(Pond& pond, const std::string& table, const nb::dict& set,
                      const std::string& where, const std::string& message,
                      const std::string& idempotency_key, bool dry_run, const std::string& branch,
                      nb::object progress) {
  std::vector<std::pair<std::string, std::string>> values;
  for (auto [column, expression] : set) {
    values.emplace_back(nb::cast<std::string>(column), nb::cast<std::string>(expression));
  }
  return Report(std::move(progress), [&](const base::Context& context) {
    return api::UpdateRows(pond, table, values, where,
                           SettingsOf(message, idempotency_key, dry_run, branch), context);
  });
}

nb::object UpsertRows(Pond& pond, const std::string& table, nb::object data,
                      const std::string& query, const Names& keys, const std::string& mode,
                      const std::string& message, const std::string& idempotency_key, bool dry_run,
                      const std::string& branch, nb::object progress) {
  api::NewRows rows;
  rows.query = query;
  if (!data.is_none()) rows.reader = ImportStream(data);
  return Report(std::move(progress), [&](const base::Context& context) {
    return api::UpsertRows(pond, table, rows, keys, mode,
                           SettingsOf(message, idempotency_key, dry_run, branch), context);
  });
}

nb::object Alter(Pond& pond, const std::string& table, const nb::list& changes,
                 const std::string& message, const std::string& branch) {
  std::vector<api::ColumnChange> steps;
  for (const auto& change : changes) {
    const auto words = nb::cast<Names>(change);
    steps.push_back({words.at(0), words.at(1), words.size() > 2 ? words[2] : ""});
  }
  return Report(nb::none(), [&](const base::Context&) {
    return api::AlterColumns(pond, table, steps, message, branch);
  });
}

nb::object SetProperties(Pond& pond, const std::string& table, const nb::dict& properties,
                         const std::string& message, const std::string& branch) {
  std::map<std::string, std::optional<std::string>> values;
  for (auto [key, value] : properties) {
    auto& place = values[nb::cast<std::string>(key)];
    if (!value.is_none()) place = nb::cast<std::string>(value);
  }
  return Report(nb::none(), [&](const base::Context&) {
    return api::SetProperties(pond, table, values, message, branch);
  });
}

nb::object CreateTable(Pond& pond, const std::string& table, const std::string& columns,
                       const Names& keys, const Strings& properties, int format_version,
                       const std::string& message, const std::string& branch) {
  return Report(nb::none(), [&](const base::Context&) {
    return api::CreateTable(pond, {table,
                                   columns,
                                   keys,
                                   {properties.begin(), properties.end()},
                                   format_version,
                                   message,
                                   branch});
  });
}

void BindRowChanges(nb::class_<Pond>& pond) {
  pond.def("create_table", &CreateTable, "table"_a, "columns"_a, "keys"_a, "properties"_a,
           "format_version"_a, "message"_a, "branch"_a)
      .def("alter", &Alter, "table"_a, "changes"_a, "message"_a, "branch"_a)
      .def("set_properties", &SetProperties, "table"_a, "properties"_a, "message"_a, "branch"_a)
      .def("delete_rows", &DeleteRows, "table"_a, "where"_a, "message"_a, "idempotency_key"_a,
           "dry_run"_a, "branch"_a, "progress"_a.none())
      .def("update_rows", &UpdateRows, "table"_a, "set"_a, "where"_a, "message"_a,
           "idempotency_key"_a, "dry_run"_a, "branch"_a, "progress"_a.none())
      .def("upsert_rows", &UpsertRows, "table"_a, "data"_a.none(), "query"_a, "keys"_a, "mode"_a,
           "message"_a, "idempotency_key"_a, "dry_run"_a, "branch"_a, "progress"_a.none());
}

nb::object Label(Pond& pond, const std::string& table, const nb::dict& fields,
                 const std::string& format, const Strings& options, bool strict,
                 nb::object progress) {
  label::LabelRequest request;
  request.table = table;
  request.source = SourceOf(format, options, {}, strict);
  request.strict = strict;
  const std::map<std::string, std::string*> texts = {
      {"label_set", &request.label_set},
      {"url", &request.url},
      {"expression", &request.expression},
      {"sample_column", &request.sample_column},
      {"label_column", &request.label_column},
      {"annotator_column", &request.annotator_column},
      {"confidence_column", &request.confidence_column},
      {"time_column", &request.time_column},
      {"annotator", &request.annotator},
      {"branch", &request.branch},
      {"message", &request.message}};
  const std::map<std::string, Names*> lists = {{"key", &request.key},
                                               {"classes", &request.classes}};
  for (auto [name, value] : fields) {
    const auto field = nb::cast<std::string>(name);
    if (const auto text = texts.find(field); text != texts.end())
      *text->second = nb::cast<std::string>(value);
    else if (const auto list = lists.find(field); list != lists.end())
      *list->second = nb::cast<Names>(value);
    else
      throw nb::type_error(("label() has no argument '" + field + "'").c_str());
  }
  return Report(std::move(progress),
                [&](const base::Context& context) { return api::Label(pond, request, context); });
}

void BindIngest(nb::class_<Pond>& pond) {
  pond.def("sync", &Sync, "url"_a, "table"_a, "replace"_a, "key"_a, "evolve"_a, "message"_a,
           "idempotency_key"_a, "format"_a, "options"_a, "types"_a, "strict"_a, "branch"_a,
           "progress"_a.none())
      .def("write", &Write, "tables"_a, "mode"_a, "evolve"_a, "message"_a, "branch"_a,
           "progress"_a.none())
      .def("commit", &Commit, "message"_a, "files"_a, "queries"_a, "drops"_a, "replace"_a,
           "idempotency_key"_a, "branch"_a, "progress"_a.none())
      .def("label", &Label, "table"_a, "fields"_a, "format"_a, "options"_a, "strict"_a,
           "progress"_a.none())
      .def(
          "label_summaries",
          [](Pond& self, const std::string& table) {
            return Report(nb::none(), [&](const base::Context& context) {
              return api::LabelSummaries(self, table, context);
            });
          },
          "table"_a);
}

void BindQuality(nb::class_<Pond>& pond) {
  pond.def(
          "profile",
          [](Pond& self, const std::string& table, const Names& columns) {
            return Report(nb::none(), [&](const base::Context& context) {
              return api::Profile(self, table, columns, context);
            });
          },
          "table"_a, "columns"_a)
      .def(
          "suggest_suite",
          [](Pond& self, const std::string& table) {
            return Report(nb::none(), [&](const base::Context& context) {
              return api::SuggestSuite(self, table, context);
            });
          },
          "table"_a)
      .def(
          "check",
          [](Pond& self, const std::string& table, const std::string& suite,
             const std::string& origin, int samples) {
            return Report(nb::none(), [&](const base::Context& context) {
              return api::Check(self, table, {suite, origin}, samples, context);
            });
          },
          "table"_a, "suite"_a, "origin"_a, "samples"_a)
      .def(
          "clean",
          [](Pond& self, const std::string& table, const std::string& recipe,
             const std::string& origin, bool dry_run, bool strict, const std::string& message,
             const std::string& branch, nb::object progress) {
            curate::CleanRequest request;
            request.table = table;
            request.dry_run = dry_run;
            request.strict = strict;
            request.message = message;
            request.branch = branch;
            return Report(std::move(progress), [&](const base::Context& context) {
              return api::Clean(self, {recipe, origin}, request, context);
            });
          },
          "table"_a, "recipe"_a, "origin"_a, "dry_run"_a, "strict"_a, "message"_a, "branch"_a,
          "progress"_a.none());
}

void BindDatasets(nb::class_<Pond>& pond) {
  pond.def(
          "define_dataset",
          [](Pond& self, const std::string& definition, const std::string& origin) {
            return Report(nb::none(), [&](const base::Context& context) {
              return api::DefineDataset(self, {definition, origin}, context);
            });
          },
          "definition"_a, "origin"_a)
      .def("datasets",
           [](Pond& self) {
             return Report(nb::none(),
                           [&](const base::Context&) { return api::ListDatasets(self); });
           })
      .def(
          "show_dataset",
          [](Pond& self, const std::string& name) {
            return Report(nb::none(), [&](const base::Context& context) {
              return api::ShowDataset(self, name, context);
            });
          },
          "name"_a)
      .def(
          "freeze",
          [](Pond& self, const std::string& name, const std::string& version, bool allow_leaks,
             const std::string& at, nb::object progress) {
            return Report(std::move(progress), [&](const base::Context& context) {
              return api::Freeze(self, name, version, allow_leaks, at, context);
            });
          },
          "name"_a, "version"_a, "allow_leaks"_a, "at"_a, "progress"_a.none());
}

nb::object StartRun(Pond& pond, const std::string& experiment, const std::string& name,
                    const std::string& dataset, const nb::dict& params, const Strings& tags,
                    const nb::dict& environment) {
  track::RunStart start{.experiment = experiment,
                        .name = name,
                        .author = pond.author(),
                        .dataset = dataset,
                        .dataset_hash = {},
                        .code_commit = {},
                        .environment = ToJson(environment),
                        .params = {},
                        .tags = tags};
  for (auto [key, value] : params) start.params[nb::cast<std::string>(key)] = ToJson(value);
  return Report(nb::none(), [&](const base::Context& context) -> Result<Json> {
    if (!dataset.empty()) {
      ARROW_ASSIGN_OR_RAISE(auto opened, api::OpenDataset(pond, dataset, context));
      start.dataset_hash = opened.hash;
    }
    ARROW_ASSIGN_OR_RAISE(auto run, api::TrackerOf(pond).Start(start));
    return track::ToJson(run);
  });
}

void LogMetrics(Pond& pond, const std::string& run,
                const std::vector<std::tuple<std::string, int64_t, double>>& points) {
  std::vector<track::MetricPoint> metrics;
  for (const auto& [key, step, value] : points) metrics.push_back({key, step, value, {}});
  ThrowIfFailed(api::TrackerOf(pond).LogMetrics(run, metrics));
}

void LogParams(Pond& pond, const std::string& run, const nb::dict& params) {
  std::map<std::string, Json> values;
  for (auto [key, value] : params) values[nb::cast<std::string>(key)] = ToJson(value);
  ThrowIfFailed(api::TrackerOf(pond).LogParams(run, values));
}

void BindRuns(nb::class_<Pond>& pond) {
  pond.def("start_run", &StartRun, "experiment"_a, "name"_a, "dataset"_a, "params"_a, "tags"_a,
           "environment"_a)
      .def("log_params", &LogParams, "run"_a, "params"_a)
      .def("log_metrics", &LogMetrics, "run"_a, "points"_a)
      .def(
          "set_tags",
          [](Pond& self, const std::string& run, const Strings& tags) {
            ThrowIfFailed(api::TrackerOf(self).SetTags(run, tags));
          },
          "run"_a, "tags"_a)
      .def(
          "log_artifact",
          [](Pond& self, const std::string& run, const std::string& path, const nb::bytes& data) {
            ThrowIfFailed(
                api::TrackerOf(self).LogArtifact(run, path, {data.c_str(), data.size()}).status());
          },
          "run"_a, "path"_a, "data"_a)
      .def(
          "log_artifact_file",
          [](Pond& self, const std::string& run, const std::string& path, const std::string& file) {
            ThrowIfFailed(api::TrackerOf(self).LogArtifactFile(run, path, file).status());
          },
          "run"_a, "path"_a, "file"_a)
      .def(
          "read_artifact",
          [](Pond& self, const std::string& run, const std::string& path) {
            const std::string data = ValueOrThrow(api::TrackerOf(self).ReadArtifact(run, path));
            return nb::bytes(data.data(), data.size());
          },
          "run"_a, "path"_a)
      .def(
          "finish_run",
          [](Pond& self, const std::string& run, const std::string& status,
             const std::string& error) {
            return ToPython(
                track::ToJson(ValueOrThrow(api::TrackerOf(self).Finish(run, status, error))));
          },
          "run"_a, "status"_a, "error"_a)
      .def(
          "runs",
          [](Pond& self, const std::string& experiment, const std::string& status,
             const std::string& dataset) {
            return ToPython(ValueOrThrow(api::ListRuns(self, {experiment, status, dataset, {}})));
          },
          "experiment"_a, "status"_a, "dataset"_a)
      .def(
          "show_run",
          [](Pond& self, const std::string& id) {
            return ToPython(ValueOrThrow(api::ShowRun(self, id)));
          },
          "run"_a)
      .def(
          "metric",
          [](Pond& self, const std::string& run, const std::string& key) {
            nb::list points;
            for (const auto& point : ValueOrThrow(api::TrackerOf(self).Metric(run, key))) {
              points.append(nb::make_tuple(point.step, point.value));
            }
            return points;
          },
          "run"_a, "key"_a);
}

}  // namespace

void BindPondWork(nb::class_<Pond>& pond) {
  BindIngest(pond);
  BindRowChanges(pond);
  BindQuality(pond);
  BindDatasets(pond);
  BindRuns(pond);
}

}  // namespace millpond::python
