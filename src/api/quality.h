// Verbs on a table's quality: profile, suggest, check, clean, label.
#pragma once

#include <string>
#include <vector>

#include "api/pond.h"
#include "base/context.h"
#include "base/json.h"
#include "curate/recipe.h"
#include "label/labels.h"

namespace millpond::api {

/// A definition as text and the name that errors give it (a path, "argument").
struct Document {
  std::string text;
  std::string origin;
};

/// Reads a file as a document.
Result<Document> ReadDocument(const std::string& path);

/// curate::ToJson(TableProfile). `columns` empty: all.
Result<base::Json> Profile(Pond& pond, const std::string& table,
                           const std::vector<std::string>& columns, const base::Context& context);
/// A first suite that the table meets, in GX's JSON.
Result<base::Json> SuggestSuite(Pond& pond, const std::string& table, const base::Context& context);
/// GX's validation result.
Result<base::Json> Check(Pond& pond, const std::string& table, const Document& suite,
                         int sample_limit, const base::Context& context);
/// curate::ToJson(CleanReport).
Result<base::Json> Clean(Pond& pond, const Document& recipe, curate::CleanRequest request,
                         const base::Context& context);
/// label::ToJson(LabelReport).
Result<base::Json> Label(Pond& pond, label::LabelRequest request, const base::Context& context);
/// {"label_sets": [label::ToJson(LabelSummary)]}
Result<base::Json> LabelSummaries(Pond& pond, const std::string& table,
                                  const base::Context& context);

}  // namespace millpond::api
